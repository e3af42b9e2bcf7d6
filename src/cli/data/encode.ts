/** `instructcv data encode`: a recipe's training split as latents and text states, so that a training step runs the UNet alone. */
import type { Command } from "commander";
import type { EncodeOptions } from "../../training/encoded/encode.js";
import { isAbort, usageError } from "../exit.js";
import { wholeNumber } from "../options.js";
import { duration, type Progress, startProgress } from "../progress.js";
import { readRecipe } from "../recipe.js";
import type { Terminal } from "../terminal.js";

interface EncodeCommandOptions {
  readonly out: string;
  readonly views: number;
  readonly dtype: string;
  readonly batch?: number;
  readonly shardMb: number;
}

export function addEncode(parent: Command, terminal: Terminal): void {
  parent
    .command("encode")
    .summary("precompute latents and text states for training")
    .description(
      "Encode a recipe's training split once: augmented views of every record as latents, their sentences as states of the text\n" +
        "encoder. Then set data.encoded of the recipe to the folder: a training step runs the UNet alone. Needs libtorch.",
    )
    .argument(
      "<recipe>",
      "the training recipe: a latent diffusion model with a frozen text encoder, such as configs/paper.yaml",
    )
    .requiredOption("-o, --out <dir>", "folder to make, or to go on with")
    .option(
      "--views <k>",
      "augmented views of each record, drawn by the recipe's own augmentation",
      wholeNumber(1, 1e4),
      4,
    )
    .option("--dtype <type>", "float32 (steps equal those from pictures) or float16 (half the room)", "float32")
    .option("--batch <n>", "examples at a time (default: optimizer.batch)", wholeNumber(1, 4096))
    .option("--shard-mb <n>", "most megabytes of a shard: what a kill loses", wholeNumber(1, 4000), 64)
    .addHelpText(
      "after",
      `
Shards (safetensors) and manifest.json. Killed or stopped by Ctrl-C, the same command goes on with the shards that are
missing. What is drawn for view v of a record depends on the seed, the record and v only.
Disk, float32: a view (3 Z + 1) h w 4 bytes for Z latent channels of h x w (2 Z + 1 with loss.target_latents: mode), a different
sentence L D 4 bytes for L tokens of D features. Stable Diffusion 1.5 at 256 px: 53 kB a view, 237 kB a sentence. Template wording has
few sentences; with data.word_noise nearly every view has its own.
Memory: the vae and the text encoder (0.8 GB in Stable Diffusion 1.5), the activations of one batch in the vae, and the corpus as
training holds it. Time: two pictures through the vae's encoder for each view.
Training checks that the folder is of the recipe, the corpus and the model; \`instructcv data check\` reads every byte of it.
`,
    )
    .action((recipe: string, options: EncodeCommandOptions) => encode(recipe, options, terminal));
}

async function encode(recipe: string, options: EncodeCommandOptions, terminal: Terminal): Promise<void> {
  const { out, views, batch, dtype, shardMb } = options;
  if (dtype !== "float32" && dtype !== "float16")
    throw usageError(`--dtype ${dtype}: expected float32 or float16.`, "Leave it out for float32.");
  const { encodeCorpus } = await import("../../training/encoded/encode.js");
  const config = await readRecipe(recipe, terminal);
  const start = performance.now();
  const chosen: EncodeOptions = { views, dtype, batch, shardBytes: shardMb * 1e6 };
  let progress: Progress | undefined;
  let phase = "";
  try {
    const manifest = await encodeCorpus(
      config,
      out,
      chosen,
      ({ what, done, total, kept }) => {
        if (what !== phase) {
          progress?.stop();
          phase = what;
          if (kept > 0) terminal.note(`${kept} of ${total} ${what} are already there`);
          progress = startProgress(terminal, total - kept, what);
        }
        progress?.update(done - kept);
      },
      terminal.signal,
    );
    progress?.stop();
    const bytes = manifest.files.reduce((sum, file) => sum + file.bytes, 0);
    terminal.out(
      `${manifest.records} records: ${manifest.records * manifest.views} views and ${manifest.sentences} sentences, ${(bytes / 1e6).toFixed(1)} MB`,
    );
    terminal.out(`${out}, made in ${duration((performance.now() - start) / 1000)}; train with data.encoded: ${out}`);
  } catch (error) {
    if (isAbort(error)) terminal.note("The shards that are complete stay: run the same command again to go on.");
    throw error;
  } finally {
    progress?.stop();
  }
}
