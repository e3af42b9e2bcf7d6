/** The down, mid and up blocks a UNet is a stack of; one class each serves with and without attention. */
import { checkpointed, cut } from "../tensor/scope.js";
import type { Ops, Tensor } from "../tensor/tensor.js";
import { Module } from "./module.js";
import { Downsample2D, ResnetBlock2D, Upsample2D } from "./resnet.js";
import { Transformer2DModel } from "./transformer.js";

/** What every block of one UNet has in common. */
export interface BlockStyle {
  timeFeatures: number;
  groups: number;
  eps: number;
  useLinearProjection: boolean;
  scaleShift: boolean;
}

/** What is given to every block in a forward pass: the activated time embedding [B, T] and the text states [B, S, E]. */
export interface Conditioning {
  time: Tensor;
  context: Tensor;
}

/** `attention` null makes a plain DownBlock2D / UpBlock2D. */
export interface BlockAttention {
  heads: number;
  layers: number;
  contextFeatures: number;
}

function transformer(channels: number, attention: BlockAttention, style: BlockStyle): Transformer2DModel {
  return new Transformer2DModel({ channels, ...attention, ...style });
}

/** A residual block and the attention after it, if any, each made again in backward where the engine checkpoints. */
function layer(
  ops: Ops,
  x: Tensor,
  resnet: ResnetBlock2D,
  attention: Transformer2DModel | undefined,
  { time, context }: Conditioning,
  skip?: Tensor,
): Tensor {
  const h = checkpointed(ops, () => resnet.forward(ops, skip ? ops.concat([x, skip], 1) : x, time));
  return attention ? checkpointed(ops, () => attention.forward(ops, h, context)) : h;
}

export interface DownBlockOptions {
  inputs: number;
  outputs: number;
  layers: number;
  attention: BlockAttention | null;
  downsample: boolean;
}

/** DownBlock2D and CrossAttnDownBlock2D: residual blocks, each followed by attention if any, then a downsampler. */
export class DownBlock extends Module {
  readonly resnets: readonly ResnetBlock2D[];
  readonly attentions: readonly Transformer2DModel[];
  readonly downsamplers: readonly Downsample2D[];

  constructor({ inputs, outputs, layers, attention, downsample }: DownBlockOptions, style: BlockStyle) {
    super();
    this.resnets = Array.from(
      { length: layers },
      (_, i) => new ResnetBlock2D({ inputs: i === 0 ? inputs : outputs, outputs, ...style }),
    );
    this.attentions = attention ? this.resnets.map(() => transformer(outputs, attention, style)) : [];
    this.downsamplers = downsample ? [new Downsample2D(outputs)] : [];
  }

  /** Every intermediate picture, to be kept for the way up; the last one goes on. */
  forward(ops: Ops, x: Tensor, conditions: Conditioning): Tensor[] {
    const outputs: Tensor[] = [];
    for (const [i, resnet] of this.resnets.entries()) {
      x = layer(ops, x, resnet, this.attentions[i], conditions);
      outputs.push(x);
    }
    for (const downsampler of this.downsamplers) outputs.push(cut(ops, downsampler.forward(ops, x)));
    return outputs;
  }
}

/** UNetMidBlock2DCrossAttn: residual block, attention, residual block. */
export class MidBlock extends Module {
  readonly attentions: readonly [Transformer2DModel];
  readonly resnets: readonly [ResnetBlock2D, ResnetBlock2D];

  constructor(channels: number, attention: BlockAttention, style: BlockStyle) {
    super();
    const resnet = () => new ResnetBlock2D({ inputs: channels, outputs: channels, ...style });
    this.attentions = [transformer(channels, attention, style)];
    this.resnets = [resnet(), resnet()];
  }

  forward(ops: Ops, x: Tensor, conditions: Conditioning): Tensor {
    const h = layer(ops, x, this.resnets[0], this.attentions[0], conditions);
    return layer(ops, h, this.resnets[1], undefined, conditions);
  }
}

export interface UpBlockOptions {
  inputs: number;
  outputs: number;
  /** Channels of the pictures kept on the way down, in the order they are taken back; one residual block each. */
  skips: readonly number[];
  attention: BlockAttention | null;
  upsample: boolean;
}

/** UpBlock2D and CrossAttnUpBlock2D: each residual block sees the picture beside one kept on the way down. */
export class UpBlock extends Module {
  readonly resnets: readonly ResnetBlock2D[];
  readonly attentions: readonly Transformer2DModel[];
  readonly upsamplers: readonly Upsample2D[];

  constructor({ inputs, outputs, skips, attention, upsample }: UpBlockOptions, style: BlockStyle) {
    super();
    this.resnets = skips.map(
      (skip, i) => new ResnetBlock2D({ inputs: (i === 0 ? inputs : outputs) + skip, outputs, ...style }),
    );
    this.attentions = attention ? this.resnets.map(() => transformer(outputs, attention, style)) : [];
    this.upsamplers = upsample ? [new Upsample2D(outputs)] : [];
  }

  /** Takes from the end of `skips` as many pictures as it has residual blocks. */
  forward(ops: Ops, x: Tensor, skips: Tensor[], conditions: Conditioning): Tensor {
    for (const [i, resnet] of this.resnets.entries()) {
      x = layer(ops, x, resnet, this.attentions[i], conditions, skips.pop()!);
    }
    const next = skips.at(-1);
    for (const upsampler of this.upsamplers) {
      x = cut(ops, upsampler.forward(ops, x, next && [next.shape[2]!, next.shape[3]!]));
    }
    return x;
  }
}
