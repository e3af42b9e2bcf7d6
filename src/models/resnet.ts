/** The residual convolution block and the resamplers that UNet and autoencoder share. */
import { scoped } from "../tensor/scope.js";
import type { Ops, Tensor } from "../tensor/tensor.js";
import { Conv2d, GroupNorm, Linear } from "./layers.js";
import { Module } from "./module.js";

export interface ResnetOptions {
  inputs: number;
  outputs: number;
  /** Features of the time embedding; null for a block without one (autoencoder). */
  timeFeatures: number | null;
  groups: number;
  eps: number;
  /** Whether the time embedding scales as well as shifts. @default false */
  scaleShift?: boolean;
}

/**
 * x_BIHW to [B, O, H, W]: x + conv(silu(norm(conv(silu(norm(x))) + time))), a 1x1 convolution on x where I != O. With
 * `scaleShift` the time comes after the norm instead: norm(...) * (1 + scale) + shift.
 */
export class ResnetBlock2D extends Module {
  readonly norm1: GroupNorm;
  readonly conv1: Conv2d;
  readonly time_emb_proj: Linear | null;
  readonly norm2: GroupNorm;
  readonly conv2: Conv2d;
  readonly conv_shortcut: Conv2d | null;
  readonly #scaleShift: boolean;

  constructor({ inputs, outputs, timeFeatures, groups, eps, scaleShift = false }: ResnetOptions) {
    super();
    this.norm1 = new GroupNorm(groups, inputs, eps);
    this.conv1 = new Conv2d(inputs, outputs, 3, { padding: 1 });
    this.time_emb_proj = timeFeatures === null ? null : new Linear(timeFeatures, scaleShift ? 2 * outputs : outputs);
    this.norm2 = new GroupNorm(groups, outputs, eps);
    this.conv2 = new Conv2d(outputs, outputs, 3, { padding: 1 });
    this.#scaleShift = scaleShift;
    this.conv_shortcut = inputs === outputs ? null : new Conv2d(inputs, outputs, 1);
  }

  /** `time_BT` is the embedding after its silu (diffusers applies the same silu anew in every block). */
  forward(ops: Ops, x: Tensor, time_BT?: Tensor): Tensor {
    return scoped(ops, () => {
      let h = this.conv1.forward(ops, ops.silu(this.norm1.forward(ops, x)));
      const time = this.time_emb_proj && time_BT ? this.time_emb_proj.forward(ops, time_BT) : null;
      if (time && !this.#scaleShift) h = ops.add(h, perChannel(ops, time));
      h = this.norm2.forward(ops, h);
      if (time && this.#scaleShift) h = modulate(ops, h, time);
      h = this.conv2.forward(ops, ops.silu(h));
      return ops.add(this.conv_shortcut ? this.conv_shortcut.forward(ops, x) : x, h);
    });
  }
}

/** [B, C] beside [B, C, H, W]. */
function perChannel(ops: Ops, x_BC: Tensor): Tensor {
  return ops.reshape(x_BC, [...x_BC.shape, 1, 1]);
}

/** h * (1 + scale) + shift, from [B, 2C]: scales first. */
function modulate(ops: Ops, h: Tensor, time: Tensor): Tensor {
  const channels = h.shape[1]!;
  const scale = ops.add(ops.slice(time, 1, 0, channels), 1);
  const shift = ops.slice(time, 1, channels, 2 * channels);
  return ops.add(ops.mul(h, perChannel(ops, scale)), perChannel(ops, shift));
}

/** Halves height and width (rounding up) by a 3x3 convolution of stride 2. */
export class Downsample2D extends Module {
  readonly conv: Conv2d;
  readonly #asymmetric: boolean;

  /** `asymmetric` pads right and bottom only, as the KL autoencoder's encoder does. */
  constructor(channels: number, options: { asymmetric?: boolean } = {}) {
    super();
    this.#asymmetric = options.asymmetric ?? false;
    this.conv = new Conv2d(channels, channels, 3, { stride: 2, padding: this.#asymmetric ? 0 : 1 });
  }

  forward(ops: Ops, x: Tensor): Tensor {
    return this.conv.forward(ops, this.#asymmetric ? ops.pad2d(x, [0, 1, 0, 1]) : x);
  }
}

/** Doubles height and width by repetition, then a 3x3 convolution. */
export class Upsample2D extends Module {
  readonly conv: Conv2d;

  constructor(channels: number) {
    super();
    this.conv = new Conv2d(channels, channels, 3, { padding: 1 });
  }

  /**
   * `size` [H, W] is the size to reach where an odd one was halved (rounding up) on the way down; cutting the doubled
   * picture equals a nearest-neighbour resize to 2n - 1.
   */
  forward(ops: Ops, x: Tensor, size?: readonly [number, number]): Tensor {
    let up = ops.upsampleNearest(x, 2);
    if (size && up.shape[2] !== size[0]) up = ops.slice(up, 2, 0, size[0]);
    if (size && up.shape[3] !== size[1]) up = ops.slice(up, 3, 0, size[1]);
    return this.conv.forward(ops, up);
  }
}
