/** A checkpoint on disk: a diffusers folder plus `instructcv.json`, every part checked before anything is computed. */
import { mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { z } from "zod";
import { InstructCvError } from "../errors.js";
import type { CheckpointFolder } from "./checkpoint.js";
import {
  defaultsSchema,
  foreignDefaults,
  modelIndexSchema,
  schedulerConfigSchema,
  textEncoderConfigSchema,
  tokenizerConfigSchema,
  unetConfigSchema,
  vaeConfigSchema,
} from "./configs.js";
import { readSingleFile } from "./ldm/single-file.js";
import { isPickle, pickleRefused } from "./pickles.js";
import { readSafetensors, type TensorData, writeSafetensors } from "./safetensors.js";
import { chooseWeights, notACheckpoint, type Variant, type WeightPart } from "./weight-files.js";

export type { CheckpointFolder };

/** Where each part lies, relative to the folder: the layout of diffusers' StableDiffusionInstructPix2PixPipeline. */
const files = {
  index: "model_index.json",
  defaults: "instructcv.json",
  unet: "unet/config.json",
  unetWeights: "unet/diffusion_pytorch_model.safetensors",
  textEncoder: "text_encoder/config.json",
  textEncoderWeights: "text_encoder/model.safetensors",
  vae: "vae/config.json",
  vaeWeights: "vae/diffusion_pytorch_model.safetensors",
  tokenizer: "tokenizer/tokenizer_config.json",
  vocab: "tokenizer/vocab.json",
  merges: "tokenizer/merges.txt",
  wholeTokenizer: "tokenizer/tokenizer.json",
  scheduler: "scheduler/scheduler_config.json",
} as const;

export interface ReadCheckpointOptions {
  /** Prefer `*.fp16.safetensors` where a part has both. @default the plain files; the others where there are only those */
  readonly variant?: Variant;
}

/**
 * Opens a checkpoint: a diffusers folder, or a `.safetensors` file in the layout of the original Stable Diffusion 1.x.
 * Parses every config, checks every weight file's header; weights stay on disk. Without `instructcv.json` (a foreign model) it
 * gets the paper's defaults. Pickled weights are never loaded. Throws InstructCvError("checkpoint").
 */
export async function readCheckpoint(path: string, options: ReadCheckpointOptions = {}): Promise<CheckpointFolder> {
  const root = resolve(path);
  const info = await stat(root).catch(() => null);
  if (info === null)
    throw new InstructCvError(
      "checkpoint",
      `${root}: does not exist.`,
      "Give a folder in diffusers layout, such as models/nano.",
    );
  if (info.isDirectory()) return readFolder(root, options);
  if (isPickle(root)) throw pickleRefused(root);
  if (!root.endsWith(".safetensors"))
    throw new InstructCvError("checkpoint", `${root}: is not a checkpoint.`, "Give a folder or a .safetensors file.");
  return readSingleFile(root);
}

async function readFolder(root: string, { variant }: ReadCheckpointOptions): Promise<CheckpointFolder> {
  const at = (file: keyof typeof files) => join(root, files[file]);
  const paths = await filesBelow(root);
  if (!paths.includes(files.index)) throw notACheckpoint(paths, root);
  const weights = (part: WeightPart, usual: keyof typeof files) =>
    readSafetensors(join(root, chooseWeights(paths, part, root, variant)?.path ?? files[usual]));
  await readJson(at("index"), modelIndexSchema);
  const vae = await readJson(at("vae"), vaeConfigSchema);
  // transformers 5 writes the vocabulary and the merges as one file.
  const oneFile = !paths.includes(files.vocab) && paths.includes(files.wholeTokenizer);
  for (const file of ["vocab", "merges"] as const)
    if (!oneFile && !paths.includes(files[file])) throw incomplete(at(file), "is missing.");
  const defaults = paths.includes(files.defaults) ? await readJson(at("defaults"), defaultsSchema) : foreignDefaults;
  return {
    dir: root,
    name: defaults.name ?? basename(root),
    unet: { config: await readJson(at("unet"), unetConfigSchema), weights: await weights("unet", "unetWeights") },
    textEncoder: {
      config: await readJson(at("textEncoder"), z.preprocess(ownConfig, textEncoderConfigSchema)),
      weights: await weights("text_encoder", "textEncoderWeights"),
    },
    vae: { config: vae, weights: vae._class_name === "SpaceToDepth" ? null : await weights("vae", "vaeWeights") },
    tokenizer: {
      config: paths.includes(files.tokenizer)
        ? await readJson(at("tokenizer"), tokenizerConfigSchema)
        : tokenizerConfigSchema.parse({}),
      vocabPath: at(oneFile ? "wholeTokenizer" : "vocab"),
      mergesPath: at(oneFile ? "wholeTokenizer" : "merges"),
    },
    scheduler: await readJson(at("scheduler"), schedulerConfigSchema),
    defaults,
  };
}

/** Early checkpoints hold the config of all of CLIP, with that of its text half inside. */
function ownConfig(config: unknown): unknown {
  const isWhole = typeof config === "object" && config !== null && "text_config" in config;
  return isWhole ? { ...(config.text_config as object), model_type: "clip_text_model" } : config;
}

/** Relative paths, with `/`, of the files in a folder and in the folders in it. */
async function filesBelow(root: string): Promise<string[]> {
  const inFolder = async (folder: string) => (await readdir(join(root, folder))).map((name) => `${folder}/${name}`);
  const entries = await readdir(root, { withFileTypes: true });
  const deeper = await Promise.all(entries.filter((entry) => entry.isDirectory()).map(({ name }) => inFolder(name)));
  return [...entries.filter((entry) => !entry.isDirectory()).map(({ name }) => name), ...deeper.flat()];
}

/** What a checkpoint is written from; configs may leave out whatever their schema defaults. */
export interface CheckpointContents {
  readonly unet: {
    readonly config: z.input<typeof unetConfigSchema>;
    readonly tensors: ReadonlyMap<string, TensorData>;
  };
  readonly textEncoder: {
    readonly config: z.input<typeof textEncoderConfigSchema>;
    readonly tensors: ReadonlyMap<string, TensorData>;
  };
  readonly vae: {
    readonly config: z.input<typeof vaeConfigSchema>;
    readonly tensors?: ReadonlyMap<string, TensorData>;
  };
  readonly tokenizer: {
    readonly config?: z.input<typeof tokenizerConfigSchema>;
    /** Token text to id. */
    readonly vocab: Readonly<Record<string, number>>;
    /** One "left right" pair an entry, best first. */
    readonly merges: readonly string[];
  };
  readonly scheduler: z.input<typeof schedulerConfigSchema>;
  readonly defaults: z.input<typeof defaultsSchema>;
  /** Stored in every weight file's header. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/**
 * Writes a folder that `readCheckpoint` and diffusers open. `model_index.json` goes first when overwriting and comes
 * last, so that an interrupted write is not taken for a checkpoint. Other files in the folder stay.
 */
export async function writeCheckpoint(dir: string, contents: CheckpointContents): Promise<void> {
  const root = resolve(dir);
  const at = (file: keyof typeof files) => join(root, files[file]);
  await rm(at("index"), { force: true });
  for (const part of ["unet", "text_encoder", "vae", "tokenizer", "scheduler"])
    await mkdir(join(root, part), { recursive: true });

  const unet = unetConfigSchema.parse(contents.unet.config);
  const vae = vaeConfigSchema.parse(contents.vae.config);
  const { vocab, merges } = contents.tokenizer;
  const tokenizer = tokenizerConfigSchema.parse(contents.tokenizer.config ?? {});
  const textEncoder = textEncoderConfigSchema.parse({
    bos_token_id: vocab[tokenizer.bos_token],
    eos_token_id: vocab[tokenizer.eos_token],
    pad_token_id: vocab[tokenizer.pad_token],
    ...contents.textEncoder.config,
  });
  const scheduler = schedulerConfigSchema.parse(contents.scheduler);
  const schedulerClass = scheduler._class_name ?? "DDIMScheduler";
  const metadata = { format: "pt", ...contents.metadata };
  await writeJson(at("unet"), unet);
  await writeSafetensors(at("unetWeights"), contents.unet.tensors, metadata);
  // transformers 5 opens weights as they are stored unless told, diffusers in float32: a float16 pipeline would be of two minds.
  await writeJson(at("textEncoder"), { architectures: ["CLIPTextModel"], dtype: "float32", ...textEncoder });
  await writeSafetensors(at("textEncoderWeights"), contents.textEncoder.tensors, metadata);
  await writeJson(at("vae"), vae);
  if (contents.vae.tensors) await writeSafetensors(at("vaeWeights"), contents.vae.tensors, metadata);
  await writeJson(at("tokenizer"), tokenizer);
  await writeJson(at("vocab"), vocab);
  await writeFile(at("merges"), `${["#version: 0.2", ...merges].join("\n")}\n`);
  await writeJson(at("scheduler"), { ...scheduler, _class_name: schedulerClass });
  await writeJson(at("defaults"), defaultsSchema.parse(contents.defaults));
  await writeJson(at("index"), {
    _class_name: "StableDiffusionInstructPix2PixPipeline",
    scheduler: ["diffusers", schedulerClass],
    text_encoder: ["transformers", "CLIPTextModel"],
    tokenizer: ["transformers", "CLIPTokenizer"],
    unet: ["diffusers", unet._class_name],
    vae: [vae._class_name === "SpaceToDepth" ? "instructcv" : "diffusers", vae._class_name],
    safety_checker: [null, null],
    feature_extractor: [null, null],
    image_encoder: [null, null],
    requires_safety_checker: false,
  });
}

/** Parses a JSON file by a schema; every problem of it on one line. */
async function readJson<S extends z.ZodType>(path: string, schema: S): Promise<z.output<S>> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw incomplete(path, error.code === "ENOENT" ? "is missing." : `cannot be read (${error.code}).`);
  });
  let value: unknown;
  try {
    // Python writes an infinity as such (DPMSolverMultistepScheduler's lambda_min_clipped), which JSON has no word for.
    value = JSON.parse(text.replace(/(:\s*)-?Infinity(?=\s*[,}])/g, "$1null"));
  } catch {
    throw incomplete(path, "is not JSON.");
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path: keys, message }) => `${keys.join(".") || "(top)"}: ${message}`);
  throw new InstructCvError("checkpoint", `${path}: ${problems.join("; ")}.`, "This version cannot run such a model.");
}

function incomplete(path: string, problem: string): InstructCvError {
  return new InstructCvError("checkpoint", `${path}: ${problem}`, "Download or export the checkpoint again.");
}

async function writeJson(path: string, value: unknown): Promise<void> {
  await writeFile(path, `${JSON.stringify(value, null, 2)}\n`);
}
