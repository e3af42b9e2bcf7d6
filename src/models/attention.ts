/** Multi-head attention over token sequences, with diffusers' names (`to_q`, `to_k`, `to_v`, `to_out.0`). */
import type { Ops, Tensor } from "../tensor/tensor.js";
import { Linear } from "./layers.js";
import { Module } from "./module.js";

export interface AttentionOptions {
  /** Features of the queries, and of the result. */
  features: number;
  /** Features of the sequence attended to. @default features (self-attention) */
  contextFeatures?: number;
  /** Must divide `features`. */
  heads: number;
  /** Whether q, k and v have a bias; the output projection always has. @default false */
  bias?: boolean;
}

/** x_BLD attends to context_BSE (itself when left out); result [B, L, D]. */
export class Attention extends Module {
  readonly to_q: Linear;
  readonly to_k: Linear;
  readonly to_v: Linear;
  readonly to_out: readonly [Linear];
  readonly #heads: number;

  constructor({ features, contextFeatures = features, heads, bias = false }: AttentionOptions) {
    super();
    this.to_q = new Linear(features, features, { bias });
    this.to_k = new Linear(contextFeatures, features, { bias });
    this.to_v = new Linear(contextFeatures, features, { bias });
    this.to_out = [new Linear(features, features)];
    this.#heads = heads;
  }

  forward(ops: Ops, x: Tensor, context: Tensor = x): Tensor {
    const q_BGLD = splitHeads(ops, this.to_q.forward(ops, x), this.#heads);
    const k_BGSD = splitHeads(ops, this.to_k.forward(ops, context), this.#heads);
    const v_BGSD = splitHeads(ops, this.to_v.forward(ops, context), this.#heads);
    return this.to_out[0].forward(ops, mergeHeads(ops, ops.attention(q_BGLD, k_BGSD, v_BGSD)));
  }
}

/** [B, L, G*D] to [B, G, L, D]. */
export function splitHeads(ops: Ops, x: Tensor, heads: number): Tensor {
  const [batch, length, features] = x.shape as [number, number, number];
  return ops.permute(ops.reshape(x, [batch, length, heads, features / heads]), [0, 2, 1, 3]);
}

/** [B, G, L, D] to [B, L, G*D]. */
export function mergeHeads(ops: Ops, x: Tensor): Tensor {
  const [batch, heads, length, features] = x.shape as [number, number, number, number];
  return ops.reshape(ops.permute(x, [0, 2, 1, 3]), [batch, length, heads * features]);
}

/** x_BCHW to a sequence of pixels [B, H*W, C]. */
export function toTokens(ops: Ops, x: Tensor): Tensor {
  const [batch, channels, height, width] = x.shape as [number, number, number, number];
  return ops.reshape(ops.permute(x, [0, 2, 3, 1]), [batch, height * width, channels]);
}

/** Undoes `toTokens` for the shape [B, C, H, W]. */
export function toImage(ops: Ops, x: Tensor, shape: readonly number[]): Tensor {
  const [batch, channels, height, width] = shape as [number, number, number, number];
  return ops.permute(ops.reshape(x, [batch, height, width, channels]), [0, 3, 1, 2]);
}
