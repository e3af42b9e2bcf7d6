/** The down, mid and up blocks a UNet is a stack of; one class each serves with and without attention. */
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
  forward(ops: Ops, x: Tensor, { time, context }: Conditioning): Tensor[] {
    const outputs: Tensor[] = [];
    for (const [i, resnet] of this.resnets.entries()) {
      x = resnet.forward(ops, x, time);
      x = this.attentions[i]?.forward(ops, x, context) ?? x;
      outputs.push(x);
    }
    for (const downsampler of this.downsamplers) outputs.push(downsampler.forward(ops, x));
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

  forward(ops: Ops, x: Tensor, { time, context }: Conditioning): Tensor {
    x = this.resnets[0].forward(ops, x, time);
    x = this.attentions[0].forward(ops, x, context);
    return this.resnets[1].forward(ops, x, time);
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
  forward(ops: Ops, x: Tensor, skips: Tensor[], { time, context }: Conditioning): Tensor {
    for (const [i, resnet] of this.resnets.entries()) {
      x = resnet.forward(ops, ops.concat([x, skips.pop()!], 1), time);
      x = this.attentions[i]?.forward(ops, x, context) ?? x;
    }
    const next = skips.at(-1);
    for (const upsampler of this.upsamplers) {
      x = upsampler.forward(ops, x, next && [next.shape[2]!, next.shape[3]!]);
    }
    return x;
  }
}
