/** The transformer a UNet runs over its pixels: self-attention, cross-attention to the text, gated feed-forward. */
import { scoped } from "../tensor/scope.js";
import type { Ops, Tensor } from "../tensor/tensor.js";
import { Attention, toImage, toTokens } from "./attention.js";
import { Conv2d, GroupNorm, LayerNorm, Linear } from "./layers.js";
import { Module } from "./module.js";

/** GEGLU: half of the projection, gated by GELU of the other half (https://arxiv.org/abs/2002.05202). */
export class Geglu extends Module {
  readonly proj: Linear;

  constructor(inputs: number, outputs: number) {
    super();
    this.proj = new Linear(inputs, outputs * 2);
  }

  forward(ops: Ops, x: Tensor): Tensor {
    const both = this.proj.forward(ops, x);
    const half = both.shape.at(-1)! / 2;
    return ops.mul(ops.slice(both, -1, 0, half), ops.gelu(ops.slice(both, -1, half, half * 2)));
  }
}

/** Linear(GEGLU(x)), four times wider inside; index 1 is diffusers' dropout, which carries no weight. */
export class FeedForward extends Module {
  readonly net: readonly [Geglu, null, Linear];

  constructor(features: number) {
    super();
    this.net = [new Geglu(features, features * 4), null, new Linear(features * 4, features)];
  }

  forward(ops: Ops, x: Tensor): Tensor {
    return this.net[2].forward(ops, this.net[0].forward(ops, x));
  }
}

/** x_BLD with context_BSE to [B, L, D]; each of the three parts is pre-normalised and residual. */
export class BasicTransformerBlock extends Module {
  readonly norm1: LayerNorm;
  readonly attn1: Attention;
  readonly norm2: LayerNorm;
  readonly attn2: Attention;
  readonly norm3: LayerNorm;
  readonly ff: FeedForward;

  constructor(features: number, heads: number, contextFeatures: number) {
    super();
    this.norm1 = new LayerNorm(features);
    this.attn1 = new Attention({ features, heads });
    this.norm2 = new LayerNorm(features);
    this.attn2 = new Attention({ features, heads, contextFeatures });
    this.norm3 = new LayerNorm(features);
    this.ff = new FeedForward(features);
  }

  forward(ops: Ops, x: Tensor, context: Tensor): Tensor {
    x = scoped(ops, () => ops.add(x, this.attn1.forward(ops, this.norm1.forward(ops, x))));
    x = scoped(ops, () => ops.add(x, this.attn2.forward(ops, this.norm2.forward(ops, x), context)));
    return scoped(ops, () => ops.add(x, this.ff.forward(ops, this.norm3.forward(ops, x))));
  }
}

export interface Transformer2DOptions {
  channels: number;
  heads: number;
  contextFeatures: number;
  /** Number of transformer blocks. */
  layers: number;
  groups: number;
  /** Linear layers instead of 1x1 convolutions around the blocks (SD 2.x). */
  useLinearProjection: boolean;
}

/** x_BCHW with context_BSE to [B, C, H, W], residual. */
export class Transformer2DModel extends Module {
  readonly norm: GroupNorm;
  readonly proj_in: Linear | Conv2d;
  readonly transformer_blocks: readonly BasicTransformerBlock[];
  readonly proj_out: Linear | Conv2d;

  constructor({ channels, heads, contextFeatures, layers, groups, useLinearProjection }: Transformer2DOptions) {
    super();
    const projection = () => (useLinearProjection ? new Linear(channels, channels) : new Conv2d(channels, channels, 1));
    this.norm = new GroupNorm(groups, channels, 1e-6);
    this.proj_in = projection();
    this.transformer_blocks = Array.from(
      { length: layers },
      () => new BasicTransformerBlock(channels, heads, contextFeatures),
    );
    this.proj_out = projection();
  }

  forward(ops: Ops, x: Tensor, context: Tensor): Tensor {
    const normed = this.norm.forward(ops, x);
    let tokens =
      this.proj_in instanceof Linear
        ? this.proj_in.forward(ops, toTokens(ops, normed))
        : toTokens(ops, this.proj_in.forward(ops, normed));
    for (const block of this.transformer_blocks) tokens = block.forward(ops, tokens, context);
    const drawn =
      this.proj_out instanceof Linear
        ? toImage(ops, this.proj_out.forward(ops, tokens), x.shape)
        : this.proj_out.forward(ops, toImage(ops, tokens, x.shape));
    return ops.add(x, drawn);
  }
}
