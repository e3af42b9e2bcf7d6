/** Which files of a folder or repository make up a checkpoint: one weight file a part, safetensors only. */
import { InstructCvError } from "../errors.js";
import { isPickle, pickleRefused } from "./pickles.js";

/** The only weight variant that is read: half precision, `*.fp16.safetensors`. */
export type Variant = "fp16";

export const weightParts = ["unet", "vae", "text_encoder"] as const;
export type WeightPart = (typeof weightParts)[number];

const stem = (part: WeightPart) => (part === "text_encoder" ? "model" : "diffusion_pytorch_model");

/** The weight file of a part among `paths` (relative, with `/`), or null when the part has no weights at all. */
export interface WeightChoice {
  readonly path: string;
  /** Whether it is the kind asked for, and not the other one for want of it. */
  readonly preferred: boolean;
}

/**
 * Plain weights are preferred, `*.fp16.safetensors` when `variant` says so; the other kind is taken where a part has only
 * that. Throws InstructCvError("checkpoint") when a part has only pickled or split weights. `where` is named in errors.
 */
export function chooseWeights(
  paths: readonly string[],
  part: WeightPart,
  where: string,
  variant?: Variant,
): WeightChoice | null {
  const plain = `${part}/${stem(part)}.safetensors`;
  const half = `${part}/${stem(part)}.fp16.safetensors`;
  const order = variant === "fp16" ? [half, plain] : [plain, half];
  const found = order.find((path) => paths.includes(path));
  if (found !== undefined) return { path: found, preferred: found === order[0] };
  const inPart = paths.filter((path) => path.startsWith(`${part}/`));
  const index = inPart.find((path) => path.endsWith(".safetensors.index.json"));
  if (index !== undefined)
    throw new InstructCvError(
      "checkpoint",
      `${where}: ${index} describes weights split over several files; one file a part is read.`,
      `Save it again in one piece: python -c "from diffusers import DiffusionPipeline as P; ` +
        `P.from_pretrained('${where}').save_pretrained('whole', max_shard_size='20GB')"`,
    );
  const pickle = inPart.find(isPickle);
  if (pickle !== undefined) throw pickleRefused(`${where}: ${pickle}`, where);
  return null;
}

/** Everything but weights that is read or that says what the checkpoint is. */
const others = [
  "model_index.json",
  "instructcv.json",
  "unet/config.json",
  "vae/config.json",
  "text_encoder/config.json",
  "scheduler/scheduler_config.json",
  "tokenizer/tokenizer_config.json",
  "tokenizer/special_tokens_map.json",
  "tokenizer/vocab.json",
  "tokenizer/merges.txt",
  "tokenizer/tokenizer.json",
] as const;

const optional: readonly string[] = [
  "instructcv.json",
  "tokenizer/tokenizer.json",
  "tokenizer/tokenizer_config.json",
  "tokenizer/special_tokens_map.json",
];

export interface CheckpointFiles {
  readonly paths: readonly string[];
  /** Whether every part has the kind of weights asked for. */
  readonly preferred: boolean;
}

/**
 * The files to fetch of a repository that holds `paths`: configs, tokenizer and one safetensors file a part; no safety
 * checker, no other formats. A repository without VAE weights passes, as the VAE of small models has none.
 * Throws InstructCvError("checkpoint") when it is not a checkpoint that can be read. `where` is named in errors.
 */
export function checkpointFiles(paths: readonly string[], where: string, variant?: Variant): CheckpointFiles {
  if (!paths.includes("model_index.json")) throw notACheckpoint(paths, where);
  // transformers 5 writes the vocabulary and the merges as one file.
  const inOneFile = paths.includes("tokenizer/tokenizer.json") ? ["tokenizer/vocab.json", "tokenizer/merges.txt"] : [];
  const missing = others.find((path) => !paths.includes(path) && ![...optional, ...inOneFile].includes(path));
  if (missing !== undefined) throw incomplete(where, missing);
  const weights = weightParts.map((part) => {
    const choice = chooseWeights(paths, part, where, variant);
    if (choice === null && part !== "vae") throw incomplete(where, `${part}/${stem(part)}.safetensors`);
    return choice;
  });
  const chosen = weights.filter((choice) => choice !== null);
  if (variant !== undefined && !chosen.some((choice) => choice.preferred))
    throw new InstructCvError(
      "checkpoint",
      `${where}: has no ${variant} weights.`,
      "Leave the variant out to get the weights it has.",
    );
  return {
    paths: [...others.filter((path) => paths.includes(path)), ...chosen.map(({ path }) => path)],
    preferred: chosen.every(({ preferred }) => preferred),
  };
}

function incomplete(where: string, file: string): InstructCvError {
  return new InstructCvError(
    "checkpoint",
    `${where}: ${file} is missing.`,
    "A checkpoint is a Stable Diffusion 1.x pipeline in diffusers layout: unet, vae, text_encoder, tokenizer, scheduler.",
  );
}

/** The error of a folder or repository without model_index.json. */
export function notACheckpoint(paths: readonly string[], where: string): InstructCvError {
  const single = paths.find((path) => !path.includes("/") && path.endsWith(".safetensors"));
  if (single !== undefined)
    return new InstructCvError(
      "checkpoint",
      `${where}: has no model_index.json, but ${single}.`,
      "A single file is read too: download it and give its path as the model.",
    );
  const pickle = paths.find((path) => !path.includes("/") && isPickle(path));
  if (pickle !== undefined) return pickleRefused(`${where}: ${pickle}`);
  return new InstructCvError(
    "checkpoint",
    `${where}: is not a checkpoint: it has no model_index.json.`,
    "Give a folder or a model in diffusers layout, such as models/nano, or a .safetensors file.",
  );
}
