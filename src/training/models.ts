/** The three networks of a recipe, with fresh or loaded weights as trainable leaves of the torch engine. */
import type { TextEncoderConfig } from "../checkpoints/configs.js";
import { AutoencoderKL } from "../models/autoencoder.js";
import { CLIPTextModel } from "../models/clip-text.js";
import { SpaceToDepth } from "../models/space-to-depth.js";
import { UNet2DConditionModel } from "../models/unet.js";
import type { Ops, Tensor } from "../tensor/tensor.js";
import type { AuxiliaryHeads } from "./auxiliary.js";
import type { TrainConfig } from "./config.js";
import type { Adapter } from "./lora.js";

/** What pictures may be as latents, [B, Z, h, w] float32, NOT scaled; without `logvar` there is one value only. */
export interface Posterior {
  readonly mean: Tensor;
  readonly logvar: Tensor | null;
}

/** Pictures [B, 3, S, S] in -1..1 to latents and back. */
export interface Codec {
  posterior(ops: Ops, picture: Tensor): Posterior;
  /**
   * Latents, NOT scaled: the posterior's mode, which conditions, or with standard normal `noise` of the latents' shape a sample of it.
   * SpaceToDepth has one value only.
   */
  encode(ops: Ops, picture: Tensor, noise?: Tensor | null): Tensor;
  /** Latents of `encode` to a picture. */
  decode(ops: Ops, latents: Tensor): Tensor;
  /** The denoised latents are those of `encode` times this. */
  readonly scale: number;
  /** Pixels per latent position. */
  readonly factor: number;
}

export interface Models {
  readonly unet: UNet2DConditionModel;
  readonly textEncoder: CLIPTextModel;
  readonly vae: AutoencoderKL | SpaceToDepth;
  readonly codec: Codec;
  /** Null when the recipe gives them no weight. */
  readonly auxiliary: AuxiliaryHeads | null;
  /** Low-rank changes to be merged before every forward pass; null when whole weights are trained. */
  readonly adapter: Adapter | null;
}

/** Networks with unbound parameters. */
export function buildModels(
  config: TrainConfig["model"],
  text: TextEncoderConfig,
): Omit<Models, "auxiliary" | "adapter"> {
  const unet = new UNet2DConditionModel(config.unet as never);
  const textEncoder = new CLIPTextModel(text);
  if (config.vae._class_name === "SpaceToDepth") {
    const vae = new SpaceToDepth(config.vae);
    const codec: Codec = {
      posterior: (ops, x) => ({ mean: vae.encode(ops, x), logvar: null }),
      encode: (ops, x) => vae.encode(ops, x),
      decode: (ops, z) => vae.decode(ops, z),
      scale: 1,
      factor: vae.factor,
    };
    return { unet, textEncoder, vae, codec };
  }
  const vae = new AutoencoderKL(config.vae as never);
  const { scaling_factor: scale, block_out_channels: levels } = config.vae;
  const codec: Codec = {
    // In float32 whatever computed them: the spread of a sample is worth more digits than a convolution's inputs.
    posterior: (ops, x) => {
      const { mean, logvar } = vae.encode(ops, x);
      return { mean: ops.cast(mean, "float32"), logvar: ops.cast(logvar, "float32") };
    },
    encode: (ops, x, noise = null) => drawLatents(ops, codec.posterior(ops, x), noise),
    decode: (ops, z) => vae.decode(ops, z),
    scale,
    factor: 2 ** (levels.length - 1),
  };
  return { unet, textEncoder, vae, codec };
}

/** A sample of the posterior with standard normal `noise` of the latents' shape, its mode with none. */
export function drawLatents(ops: Ops, { mean, logvar }: Posterior, noise: Tensor | null): Tensor {
  if (noise === null || logvar === null) return mean;
  return ops.add(mean, ops.mul(ops.exp(ops.mul(logvar, 0.5)), noise));
}

/** diffusers' rule of the paper's code: an image-conditioned conv_in starts as the text-to-image one plus zero channels. */
export function widenConvIn(loaded: Float32Array, from: readonly number[], to: readonly number[]): Float32Array {
  const [outputs, channels, height, width] = to as [number, number, number, number];
  const old = from[1]!;
  const area = height * width;
  const wide = new Float32Array(outputs * channels * area);
  for (let o = 0; o < outputs; o++) {
    wide.set(loaded.subarray(o * old * area, (o + 1) * old * area), o * channels * area);
  }
  return wide;
}
