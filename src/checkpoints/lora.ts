/** LoRA adapters (https://arxiv.org/abs/2106.09685): low-rank changes of a checkpoint's weights, from their file. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { InstructCvError } from "../errors.js";
import { type LoraName, type LoraPart, loraName, otherKind } from "./lora-names.js";
import { settingsScale } from "./lora-settings.js";
import { isPickle, pickleRefused } from "./pickles.js";
import { readSafetensors, type SafetensorsFile } from "./safetensors.js";

/** The change of one module's weight: scale * up * down, where down is [rank, inputs...] and up [outputs, rank]. */
export interface LoraLayer {
  readonly part: LoraPart;
  readonly module: string;
  readonly style: LoraName["style"];
  /** Names of the two tensors in the adapter's file. */
  readonly down: string;
  readonly up: string;
  readonly rank: number;
  /** alpha / rank; alpha / sqrt(rank) in rank-stabilised adapters (https://arxiv.org/abs/2312.03732). */
  readonly scale: number;
}

export interface LoraAdapter {
  readonly file: SafetensorsFile;
  readonly layers: readonly LoraLayer[];
}

/** What diffusers calls an adapter in a folder. */
const fileName = "pytorch_lora_weights.safetensors";

/**
 * Reads an adapter: a safetensors file, or a folder with `pytorch_lora_weights.safetensors`. Keys may be in the styles of
 * peft, of diffusers old and new, and of kohya's scripts. Factors stay on disk until they are merged. Alpha is that of the
 * module's `alpha` tensor, else that of the peft settings in the file's header, else the rank (scale 1).
 * Throws InstructCvError("checkpoint") for a file that is no adapter, or an adapter of a kind that cannot be merged.
 */
export async function readLora(path: string): Promise<LoraAdapter> {
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isFolder && isPickle(path)) throw pickleRefused(path);
  const file = await readSafetensors(isFolder ? join(path, fileName) : path);
  const modules = new Map<string, Partial<Record<LoraName["role"], string>> & { name: LoraName }>();
  for (const key of file.entries.keys()) {
    const name = loraName(key);
    if (otherKind(key)) throw refused(file, `tensor "${key}" is that of ${otherKind(key)}.`);
    if (!name) throw refused(file, `tensor "${key}" is not one of a LoRA adapter.`);
    const id = `${name.part} ${name.module}`;
    const module = modules.get(id) ?? { name };
    if (module[name.role] !== undefined)
      throw refused(file, `"${module[name.role]}" and "${key}" are the same factor of one module.`);
    modules.set(id, { ...module, [name.role]: key });
  }
  if (modules.size === 0) throw refused(file, "it has no tensors.");
  return { file, layers: Array.from(modules.values(), (module) => layerOf(file, module.name, module)) };
}

function layerOf(file: SafetensorsFile, name: LoraName, keys: Partial<Record<LoraName["role"], string>>): LoraLayer {
  const { down, up, alpha } = keys;
  if (down === undefined || up === undefined)
    throw refused(file, `tensor "${down ?? up ?? alpha}" has no partner: a layer has a down and an up factor.`);
  const { shape } = file.entries.get(down)!;
  const rank = shape[0] ?? 0;
  if (rank === 0) throw refused(file, `tensor "${down}" has shape [${shape}], expected a matrix of at least one row.`);
  const { part, module, style } = name;
  return { part, module, style, down, up, rank, scale: scaleOf(file, name, rank, alpha) };
}

function scaleOf(file: SafetensorsFile, name: LoraName, rank: number, alpha: string | undefined): number {
  if (alpha === undefined) return settingsScale(file, name, rank);
  const value = file.read(alpha);
  if (value.length !== 1 || !Number.isFinite(value[0]))
    throw refused(file, `tensor "${alpha}" holds [${value.slice(0, 4)}], expected one finite number.`);
  return value[0]! / rank;
}

function refused({ path }: SafetensorsFile, problem: string): InstructCvError {
  return new InstructCvError(
    "checkpoint",
    `${path}: ${problem}`,
    "Give a plain LoRA of Stable Diffusion 1.x or 2.x, saved by diffusers, peft or kohya's scripts.",
  );
}
