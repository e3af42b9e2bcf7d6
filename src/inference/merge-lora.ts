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
 * `base` with the changes added, an expression of constants: ONNX Runtime computes it once, when the session opens (unless
 * its graph optimisation is "disabled"). A merged weight lives in memory, not in its file.
 */
export function mergedParameter(ops: Ops, base: Tensor, deltas: readonly LoraDelta[] = []): Tensor {
  return deltas.reduce((merged, { adapter: { file }, layer: { up, down, rank, scale }, weight }) => {
    const inputs = base.shape.slice(1).reduce((product, n) => product * n, 1);
    const up_OR = ops.constant(
      file.read(up).map((value) => value * scale * weight),
      [base.shape[0]!, rank],
    );
    const down_RI = ops.constant(file.read(down), [rank, inputs]);
    return ops.add(merged, ops.reshape(ops.matmul(up_OR, down_RI), base.shape));
  }, base);
}
