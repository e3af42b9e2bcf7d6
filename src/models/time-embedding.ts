/** Timesteps as vectors: sinusoids, then two linear layers. */
import type { Ops, Tensor } from "../tensor/tensor.js";
import { Linear } from "./layers.js";
import { Module } from "./module.js";

/**
 * timestep_B to [B, features]: sin and cos of t * 10000^(-i / (features / 2 - shift)), `features` even. The frequencies
 * are rounded to float32 after each step as in diffusers, for t near 1000 turns their last bits into visible ones.
 */
export function sinusoidalEmbedding(
  ops: Ops,
  timestep_B: Tensor,
  features: number,
  options: { flipSinToCos: boolean; shift: number },
): Tensor {
  const half = features / 2;
  const scale = Math.fround(-Math.log(10000));
  const frequencies = Float32Array.from({ length: half }, (_, i) =>
    Math.exp(Math.fround(Math.fround(scale * i) / (half - options.shift))),
  );
  const angles = ops.mul(ops.reshape(timestep_B, [-1, 1]), ops.constant(frequencies, [1, half]));
  const waves = [ops.sin(angles), ops.cos(angles)];
  return ops.concat(options.flipSinToCos ? waves.reverse() : waves, -1);
}

/** [B, inputs] to [B, outputs]: linear, silu, linear. */
export class TimestepEmbedding extends Module {
  readonly linear_1: Linear;
  readonly linear_2: Linear;

  constructor(inputs: number, outputs: number) {
    super();
    this.linear_1 = new Linear(inputs, outputs);
    this.linear_2 = new Linear(outputs, outputs);
  }

  forward(ops: Ops, x: Tensor): Tensor {
    return this.linear_2.forward(ops, ops.silu(this.linear_1.forward(ops, x)));
  }
}
