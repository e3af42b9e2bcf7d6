/** A single-file Stable Diffusion 1.x checkpoint in the original layout, read as three views of the same bytes. */
import { basename, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { InstructCvError } from "../../errors.js";
import type { CheckpointFolder } from "../checkpoint.js";
import { foreignDefaults, schedulerConfigSchema, tokenizerConfigSchema } from "../configs.js";
import { readSafetensors, type SafetensorsEntry, type SafetensorsFile, safetensorsView } from "../safetensors.js";
import { inferConfigs } from "./infer-configs.js";
import { prefixes, unetName, vaeName } from "./names.js";

/** CLIP's vocabulary, which comes with the package: such files hold none. */
const vocabulary = fileURLToPath(new URL("../../../models/clip-vocabulary", import.meta.url));

/**
 * Nothing is converted or copied: each part's entries have diffusers' names and the byte ranges of the file. The exponential
 * moving average of training, if it is there, is left alone. Steps, guidance and resolution are the paper's.
 * Throws InstructCvError("checkpoint") for a file of another kind.
 */
export async function readSingleFile(path: string): Promise<CheckpointFolder> {
  const file = resolve(path);
  const whole = await readSafetensors(file);
  const names = new Set(whole.entries.keys());
  checkFamily(file, names);
  const configs = inferConfigs(names, (name) => {
    const entry = whole.entries.get(name);
    if (!entry) throw new InstructCvError("checkpoint", `${file}: has no tensor ${JSON.stringify(name)}.`, cure);
    return entry.shape;
  });
  const { layers_per_block: layers } = configs.unet;
  const levels = configs.vae.block_out_channels.length;
  return {
    dir: file,
    name: basename(file, ".safetensors"),
    unet: { config: configs.unet, weights: part(whole, prefixes.unet, (name) => unetName(name, layers as number)) },
    vae: { config: configs.vae, weights: part(whole, prefixes.vae, (name) => vaeName(name, levels)) },
    textEncoder: { config: configs.textEncoder, weights: part(whole, prefixes.textEncoder, (name) => name) },
    tokenizer: {
      config: tokenizerConfigSchema.parse({}),
      vocabPath: join(vocabulary, "vocab.json"),
      mergesPath: join(vocabulary, "merges.txt"),
    },
    scheduler: schedulerConfigSchema.parse(scheduler),
    defaults: foreignDefaults,
  };
}

/** As timbrooks/instruct-pix2pix was released with; the schedule is that of all 1.x models. */
const scheduler = {
  _class_name: "EulerAncestralDiscreteScheduler",
  beta_start: 0.00085,
  beta_end: 0.012,
  beta_schedule: "scaled_linear",
  prediction_type: "epsilon",
  steps_offset: 1,
  set_alpha_to_one: false,
  clip_sample: false,
};

/** The tensors below a prefix under new names; names that translate to null are left out. */
function part(whole: SafetensorsFile, prefix: string, rename: (name: string) => string | null): SafetensorsFile {
  const entries = new Map<string, SafetensorsEntry>();
  for (const [original, entry] of whole.entries) {
    const name = original.startsWith(prefix) ? rename(original.slice(prefix.length)) : null;
    if (name !== null) entries.set(name, linearAttention(name, entry));
  }
  return safetensorsView(whole.path, entries, whole.metadata);
}

/** The original's VAE has 1x1 convolutions [O, I, 1, 1] where diffusers has linear layers [O, I]: the same bytes. */
function linearAttention(name: string, entry: SafetensorsEntry): SafetensorsEntry {
  const isLinear =
    /\.mid_block\.attentions\.0\.to_.*\.weight$/.test(name) && entry.shape.slice(2).every((n) => n === 1);
  return isLinear && name.includes("coder.") ? { ...entry, shape: entry.shape.slice(0, 2) } : entry;
}

const cure = "Give the folder in diffusers layout instead.";

function checkFamily(file: string, names: ReadonlySet<string>): void {
  const starts = (prefix: string) => [...names].some((name) => name.startsWith(prefix));
  const refuse = (problem: string, what = cure) => new InstructCvError("checkpoint", `${file}: ${problem}`, what);
  if (starts("conditioner.embedders."))
    throw refuse(
      "is a Stable Diffusion XL checkpoint; 1.x models are read.",
      "Use a model made from Stable Diffusion 1.x.",
    );
  if (starts("cond_stage_model.model."))
    throw refuse("is a Stable Diffusion 2.x checkpoint (OpenCLIP); of single files, 1.x models are read.");
  if (!starts(prefixes.unet))
    throw refuse(
      `is not a checkpoint in the original layout: no tensor starts with ${prefixes.unet}.`,
      "A part of a diffusers folder is read with its folder: give that.",
    );
  for (const [what, prefix] of [
    ["VAE", prefixes.vae],
    ["text encoder", prefixes.textEncoder],
  ] as const)
    if (!starts(prefix))
      throw refuse(`holds no ${what} (${prefix}*).`, "Give a full checkpoint, not one that was pruned to its UNet.");
}
