/** A checkpoint opened and checked as its weights are to be used; nothing of them is loaded yet. */
import { type CheckpointFolder, readCheckpoint } from "../checkpoints/folder.js";
import { readLora } from "../checkpoints/lora.js";
import type { Variant } from "../checkpoints/weight-files.js";
import { InstructCvError } from "../errors.js";
import type { ClipTokenizer } from "../models/tokenizer.js";
import { withInt8 } from "./int8/file.js";
import type { LoraChoice } from "./lora-option.js";
import { latentSpace, type NetworkSource } from "./networks.js";

/** How the weights of a checkpoint are used. */
export interface WeightOptions {
  /** `int8`: the quantised denoiser that `instructcv quantize` made, several times faster. @default "float32" */
  readonly precision?: "float32" | "int8";
  /** Adapters to merge into the weights. Not with int8. */
  readonly loras?: readonly LoraChoice[];
  /** "fp16" for the half-precision files of a checkpoint that has both. */
  readonly variant?: Variant;
  /** What a checkpoint is called that has no name of its own. @default the folder's name */
  readonly name?: string;
}

/** A checkpoint as its weights are to be used, nothing of it loaded. Throws InstructCvError("checkpoint" | "usage"). */
export async function openSource(path: string, options: WeightOptions): Promise<NetworkSource> {
  const { precision = "float32", loras = [], variant } = options;
  const found = await readCheckpoint(path, { ...(variant && { variant }) });
  const folder = { ...found, name: found.defaults.name ?? options.name ?? found.name };
  if (precision === "int8") {
    if (loras.length > 0)
      throw new InstructCvError("usage", "LoRA adapters cannot be merged into int8 weights.", "Leave one of both out.");
    return withInt8(folder);
  }
  const read = async ({ path, weight }: LoraChoice) => ({ adapter: await readLora(path), weight });
  return { ...folder, loras: await Promise.all(loras.map(read)) };
}

/** What no single config shows: that the parts belong together. */
export function checkFit(folder: CheckpointFolder, tokenizer: ClipTokenizer): void {
  const { channels, factor } = latentSpace(folder.vae.config);
  const unet = folder.unet.config;
  const text = folder.textEncoder.config;
  const states = [unet.cross_attention_dim].flat();
  const checks: [boolean, string][] = [
    [
      unet.in_channels === 2 * channels,
      `unet in_channels ${unet.in_channels}, expected ${2 * channels} (noisy and image latents)`,
    ],
    [unet.out_channels === channels, `unet out_channels ${unet.out_channels}, expected ${channels}`],
    [
      states.every((n) => n === text.hidden_size),
      `unet cross_attention_dim ${states}, text hidden_size ${text.hidden_size}`,
    ],
    [
      tokenizer.vocabSize <= text.vocab_size,
      `tokenizer with ${tokenizer.vocabSize} tokens, text vocab_size ${text.vocab_size}`,
    ],
    [
      tokenizer.maxLength <= text.max_position_embeddings,
      `tokenizer length ${tokenizer.maxLength}, text max_position_embeddings ${text.max_position_embeddings}`,
    ],
    [
      folder.defaults.resolution % factor === 0,
      `resolution ${folder.defaults.resolution}, expected a multiple of ${factor}`,
    ],
  ];
  const wrong = checks.filter(([fits]) => !fits).map(([, problem]) => problem);
  if (wrong.length > 0) {
    const cure = "Give an instruction-tuned checkpoint (InstructPix2Pix layout).";
    throw new InstructCvError("checkpoint", `${folder.dir}: parts do not fit: ${wrong.join("; ")}.`, cure);
  }
}
