/** Which weights of a network an adapter changes: every layer of it must find its module, with fitting shapes. */
import { InstructCvError } from "../errors.js";
import type { LoraAdapter, LoraLayer } from "./lora.js";
import type { LoraPart } from "./lora-names.js";

/**
 * The adapter's layers for one network, by the name of the parameter they change. `shapes` are those of all the network's
 * parameters, `conv_in.weight` [O, I, k, k]. Throws InstructCvError("checkpoint") naming the tensor that fits nothing and
 * the module nearest by name.
 */
export function matchLora(
  { file, layers }: LoraAdapter,
  part: LoraPart,
  shapes: ReadonlyMap<string, readonly number[]>,
): Map<string, LoraLayer> {
  const modules = [...shapes.keys()].flatMap((name) => (name.endsWith(".weight") ? [name.slice(0, -7)] : []));
  const matched = new Map<string, LoraLayer>();
  for (const layer of layers.filter((one) => one.part === part)) {
    const candidates = modules.filter((name) => (layer.style === "kohya" ? underscored(name) : name) === layer.module);
    const [module] = candidates;
    if (module === undefined) throw unmatched(file.path, part, layer, modules);
    if (candidates.length > 1)
      throw refused(file.path, `"${layer.down}" may mean ${candidates.join(" or ")}; save it in diffusers' style.`);
    if (matched.has(`${module}.weight`)) throw refused(file.path, `${module} has two layers, one is "${layer.down}".`);
    checkShapes(layer, module, shapes.get(`${module}.weight`)!, (name) => file.entries.get(name)!.shape, file.path);
    matched.set(`${module}.weight`, layer);
  }
  return matched;
}

/** down [r, I] or [r, I, k, k], up [O, r] or [O, r, 1, 1]; a linear layer may be stored as a 1x1 convolution and the reverse. */
function checkShapes(
  { down, up, rank }: LoraLayer,
  module: string,
  weight: readonly number[],
  shapeOf: (name: string) => readonly number[],
  path: string,
) {
  const [outputs, ...inputs] = weight as [number, ...number[]];
  const expected = [
    [down, [rank, ...inputs]],
    [up, [outputs, rank]],
  ] as const;
  for (const [name, shape] of expected) {
    if (weight.length >= 2 && `${withoutOnes(shapeOf(name))}` === `${withoutOnes(shape)}`) continue;
    const problem = `tensor "${name}" has shape [${shapeOf(name)}], ${module} of shape [${weight}] needs [${shape}].`;
    throw refused(path, problem);
  }
}

/** A kernel of 1x1 is none. */
function withoutOnes(shape: readonly number[]): readonly number[] {
  return shape.length === 4 && shape[2] === 1 && shape[3] === 1 ? shape.slice(0, 2) : shape;
}

function underscored(module: string): string {
  return module.replaceAll(".", "_");
}

function unmatched(path: string, part: LoraPart, layer: LoraLayer, modules: readonly string[]): InstructCvError {
  const wanted = underscored(layer.module);
  const distances = modules.map((name) => [editDistance(wanted, underscored(name)), name] as const);
  const [, nearest] = distances.reduce((best, one) => (one[0] < best[0] ? one : best));
  return refused(path, `tensor "${layer.down}" belongs to no module of the ${part}; the nearest is "${nearest}".`);
}

function refused(path: string, problem: string): InstructCvError {
  return new InstructCvError(
    "checkpoint",
    `${path}: ${problem}`,
    "Use an adapter made for this checkpoint's base model.",
  );
}

/** Levenshtein's: the fewest insertions, deletions and replacements of one character. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[b.length]!;
}
