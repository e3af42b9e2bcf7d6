/** Inference: `load` a checkpoint once and ask it, or `perceive` in one call. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { defaultModel } from "./default-model.js";
import type { Perception, PhotoSource } from "./perceive.js";
import type { PerceiveOptions } from "./perceive-options.js";
import { type LoadOptions, load, type Perceiver } from "./perceiver.js";

export { type ResolveOptions, resolveModel } from "../checkpoints/hub/resolve.js";
export type { DownloadProgress } from "../checkpoints/hub/snapshot.js";
export {
  configFor,
  type SamplerName,
  samplerNames,
  samplerSummaries,
  samplers,
} from "../diffusion/samplers/registry.js";
export type { BatchAnswer, BatchOptions } from "./batch.js";
export { defaultModel } from "./default-model.js";
export type { Bundle } from "./export/bundle.js";
export { type ExportedBundle, exportOnnx, type OnnxExportOptions } from "./export/export.js";
export { type LoraChoice, parseLoraOption } from "./lora-option.js";
export { type MemoryPlan, planMemory } from "./memory-plan.js";
export type { Perception, PhotoSource, SamplingOptions } from "./perceive.js";
export type { PerceiveOptions, StepProgress } from "./perceive-options.js";
export { type LoadOptions, load, Perceiver } from "./perceiver.js";
export {
  type Quantized,
  type QuantizedFile,
  type QuantizeOptions,
  type QuantizeProgress,
  quantize,
} from "./quantize.js";
export type { PerceptionEvent } from "./stream.js";

const loaded = new Map<string, Promise<Perceiver>>();

/**
 * Asks one sentence about one photo; the model stays loaded for the next call and does not keep the process alive.
 * `model` is a checkpoint folder, by default the small one of the package. Throws as `load` and `Perceiver.perceive` do.
 *
 * @example
 * const { mask, score } = await perceive("cat.jpg", "Segment the cat");
 */
export async function perceive(
  image: PhotoSource,
  instruction: string,
  options: PerceiveOptions & LoadOptions & { readonly model?: string } = {},
): Promise<Perception> {
  const { model = defaultModel, threads, precision, loras, variant, revision, cache, ...more } = options;
  const { token, endpoint, offline, onNote, onDownload, ...rest } = more;
  const weights = { threads, precision, loras, variant, revision, cache };
  const key = JSON.stringify([existsSync(model) ? resolve(model) : model, weights]);
  let perceiver = loaded.get(key);
  if (!perceiver) {
    perceiver = load(model, { ...weights, token, endpoint, offline, onNote, onDownload });
    loaded.set(key, perceiver);
    // A model that failed may be repaired and asked for again.
    perceiver.catch(() => loaded.delete(key));
  }
  return (await perceiver).perceive(image, instruction, rest);
}
