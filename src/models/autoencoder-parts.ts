/** The two halves of the KL autoencoder: convolutions down to latents, convolutions back up. */
import { scoped } from "../tensor/scope.js";
import type { Ops, Tensor } from "../tensor/tensor.js";
import { Attention, toImage, toTokens } from "./attention.js";
import { Conv2d, GroupNorm } from "./layers.js";
import { Module } from "./module.js";
import { Downsample2D, ResnetBlock2D, Upsample2D } from "./resnet.js";

/** Of every norm of the autoencoder. */
const eps = 1e-6;

/** Single-head self-attention over pixels, normalised before and residual. */
class PixelAttention extends Attention {
  readonly group_norm: GroupNorm;

  constructor(channels: number, groups: number) {
    super({ features: channels, heads: 1, bias: true });
    this.group_norm = new GroupNorm(groups, channels, eps);
  }

  override forward(ops: Ops, x_BCHW: Tensor): Tensor {
    return scoped(ops, () => {
      const tokens = toTokens(ops, this.group_norm.forward(ops, x_BCHW));
      return ops.add(x_BCHW, toImage(ops, super.forward(ops, tokens), x_BCHW.shape));
    });
  }
}

/** Residual block, attention if any, residual block. */
class MidBlock extends Module {
  readonly attentions: readonly PixelAttention[];
  readonly resnets: readonly [ResnetBlock2D, ResnetBlock2D];

  constructor(channels: number, groups: number, attention: boolean) {
    super();
    this.attentions = attention ? [new PixelAttention(channels, groups)] : [];
    this.resnets = [plainResnet(channels, channels, groups), plainResnet(channels, channels, groups)];
  }

  forward(ops: Ops, x: Tensor): Tensor {
    x = this.resnets[0].forward(ops, x);
    for (const attention of this.attentions) x = attention.forward(ops, x);
    return this.resnets[1].forward(ops, x);
  }
}

/** One resolution of the encoder or, with upsamplers, of the decoder. */
class Level extends Module {
  readonly resnets: readonly ResnetBlock2D[];
  readonly downsamplers: readonly Downsample2D[];
  readonly upsamplers: readonly Upsample2D[];

  constructor(
    inputs: number,
    outputs: number,
    options: { layers: number; groups: number; resample: "down" | "up" | null },
  ) {
    super();
    this.resnets = Array.from({ length: options.layers }, (_, i) =>
      plainResnet(i === 0 ? inputs : outputs, outputs, options.groups),
    );
    this.downsamplers = options.resample === "down" ? [new Downsample2D(outputs, { asymmetric: true })] : [];
    this.upsamplers = options.resample === "up" ? [new Upsample2D(outputs)] : [];
  }

  forward(ops: Ops, x: Tensor): Tensor {
    return scoped(ops, () => {
      for (const part of [...this.resnets, ...this.downsamplers, ...this.upsamplers]) x = part.forward(ops, x);
      return x;
    });
  }
}

export interface DecoderOptions {
  inputs: number;
  outputs: number;
  /** From the finest level to the coarsest. */
  channels: readonly number[];
  /** Residual blocks at a level of the encoder; the decoder has one more. */
  layers: number;
  groups: number;
  /** Whether the middle attends over pixels. */
  attention: boolean;
}

/** x_BIHW to [B, O, H / 2^(levels - 1), W / 2^(levels - 1)]. */
export class Encoder extends Module {
  readonly conv_in: Conv2d;
  readonly down_blocks: readonly Level[];
  readonly mid_block: MidBlock;
  readonly conv_norm_out: GroupNorm;
  readonly conv_out: Conv2d;

  constructor({ inputs, outputs, channels, layers, groups, attention }: DecoderOptions) {
    super();
    const last = channels.length - 1;
    this.conv_in = new Conv2d(inputs, channels[0]!, 3, { padding: 1 });
    this.down_blocks = channels.map(
      (width, i) => new Level(channels[i - 1] ?? width, width, { layers, groups, resample: i < last ? "down" : null }),
    );
    this.mid_block = new MidBlock(channels[last]!, groups, attention);
    this.conv_norm_out = new GroupNorm(groups, channels[last]!, eps);
    this.conv_out = new Conv2d(channels[last]!, outputs, 3, { padding: 1 });
  }

  forward(ops: Ops, x: Tensor): Tensor {
    x = this.conv_in.forward(ops, x);
    for (const level of this.down_blocks) x = level.forward(ops, x);
    x = this.mid_block.forward(ops, x);
    return this.conv_out.forward(ops, ops.silu(this.conv_norm_out.forward(ops, x)));
  }
}

/** z_BIhw to [B, O, h * 2^(levels - 1), w * 2^(levels - 1)]. */
export class Decoder extends Module {
  readonly conv_in: Conv2d;
  readonly mid_block: MidBlock;
  readonly up_blocks: readonly Level[];
  readonly conv_norm_out: GroupNorm;
  readonly conv_out: Conv2d;

  constructor({ inputs, outputs, channels, layers, groups, attention }: DecoderOptions) {
    super();
    const coarseFirst = [...channels].reverse();
    const last = channels.length - 1;
    this.conv_in = new Conv2d(inputs, coarseFirst[0]!, 3, { padding: 1 });
    this.mid_block = new MidBlock(coarseFirst[0]!, groups, attention);
    this.up_blocks = coarseFirst.map((width, i) => {
      const resample = i < last ? "up" : null;
      return new Level(coarseFirst[i - 1] ?? width, width, { layers: layers + 1, groups, resample });
    });
    this.conv_norm_out = new GroupNorm(groups, channels[0]!, eps);
    this.conv_out = new Conv2d(channels[0]!, outputs, 3, { padding: 1 });
  }

  forward(ops: Ops, z: Tensor): Tensor {
    let x = this.mid_block.forward(ops, this.conv_in.forward(ops, z));
    for (const level of this.up_blocks) x = level.forward(ops, x);
    return this.conv_out.forward(ops, ops.silu(this.conv_norm_out.forward(ops, x)));
  }
}

function plainResnet(inputs: number, outputs: number, groups: number): ResnetBlock2D {
  return new ResnetBlock2D({ inputs, outputs, timeFeatures: null, groups, eps });
}
