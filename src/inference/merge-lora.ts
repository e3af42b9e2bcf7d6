/** LoRA adapters merged into a network's weights: W' = W + weight * alpha / rank * up down, folded when the session opens. */
import type { LoraAdapter, LoraLayer } from "../checkpoints/lora.js";
import { matchLora } from "../checkpoints/lora-match.js";
import type { LoraPart } from "../checkpoints/lora-names.js";
import type { Module } from "../models/module.js";
import type { Ops, Tensor } from "../tensor/tensor.js";

/** An adapter and how much of it to add: 1 as it was trained, 0 nothing, negative its opposite. */
export interface WeightedLora {
  readonly adapter: LoraAdapter;
  readonly weight: number;
}

/** One adapter's change of one parameter. */
export interface LoraDelta extends WeightedLora {
  readonly layer: LoraLayer;
}

/**
 * The changes of one network's parameters, by name, in the order of the adapters; adapters of weight 0 change nothing, but
 * are checked. Throws InstructCvError("checkpoint") for an adapter that does not fit the network.
 */
export function loraDeltas(loras: readonly WeightedLora[], part: LoraPart, network: Module): Map<string, LoraDelta[]> {
  const shapes = new Map(Array.from(network.namedParameters(), ([name, { shape }]) => [name, shape]));
  const deltas = new Map<string, LoraDelta[]>();
  for (const { adapter, weight } of loras)
    for (const [name, layer] of matchLora(adapter, part, shapes))
      if (weight !== 0) deltas.set(name, [...(deltas.get(name) ?? []), { adapter, weight, layer }]);
  return deltas;
}

/**
 * `base` [O, ...] with the changes added, an expression of constants: ONNX Runtime computes it once, when the session opens
 * (unless its graph optimisation is "disabled"). A merged weight lives in memory, no longer in its file.
 */
export function mergedParameter(ops: Ops, base: Tensor, deltas: readonly LoraDelta[] = []): Tensor {
  if (deltas.length === 0) return base;
  const outputs = base.shape[0]!;
  const inputs = base.shape.slice(1).reduce((product, n) => product * n, 1);
  const { up_OR, down_IR, rank } = factors(deltas, outputs, inputs);
  // One Gemm with the weight in the bias' place: as a product and a sum, the folding needs twice the memory.
  const merged = ops.linear(
    ops.constant(up_OR, [outputs, rank]),
    ops.constant(down_IR, [inputs, rank]),
    ops.reshape(base, [outputs, inputs]),
  );
  return ops.reshape(merged, base.shape);
}

/** The factors of all changes side by side, so that up_OR down_IR^T is their sum; scales and weights are in `up_OR`. */
function factors(deltas: readonly LoraDelta[], outputs: number, inputs: number) {
  const rank = deltas.reduce((sum, { layer }) => sum + layer.rank, 0);
  const up_OR = new Float32Array(outputs * rank);
  const down_IR = new Float32Array(inputs * rank);
  let first = 0;
  for (const { adapter, weight, layer } of deltas) {
    const [up, down] = [adapter.file.read(layer.up), adapter.file.read(layer.down)];
    for (let r = 0; r < layer.rank; r++) {
      for (let o = 0; o < outputs; o++) up_OR[o * rank + first + r] = up[o * layer.rank + r]! * (layer.scale * weight);
      for (let i = 0; i < inputs; i++) down_IR[i * rank + first + r] = down[r * inputs + i]!;
    }
    first += layer.rank;
  }
  return { up_OR, down_IR, rank };
}
