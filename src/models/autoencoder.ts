/** The KL autoencoder between pictures and latents; weights are named as in diffusers. */
import type { Ops, Tensor } from "../tensor/tensor.js";
import type { AutoencoderConfig } from "./autoencoder-config.js";
import { Decoder, type DecoderOptions, Encoder } from "./autoencoder-parts.js";
import { Conv2d } from "./layers.js";
import { Module } from "./module.js";

/** A diagonal normal distribution over latents; its mode is its mean. */
export interface Posterior {
  /** [B, latent_channels, h, w] */
  mean: Tensor;
  /** Same shape, in [-30, 20]. */
  logvar: Tensor;
}

/**
 * diffusers' AutoencoderKL. Latents here are NOT multiplied by `scaling_factor`: targets are by the caller, conditioning
 * latents (the posterior mode) never are.
 */
export class AutoencoderKL extends Module {
  readonly encoder: Encoder;
  readonly decoder: Decoder;
  readonly quant_conv: Conv2d | null;
  readonly post_quant_conv: Conv2d | null;
  readonly #latentChannels: number;

  constructor(readonly config: AutoencoderConfig) {
    super();
    const { in_channels = 3, out_channels = 3, latent_channels = 4, mid_block_add_attention = true } = config;
    const shared: Omit<DecoderOptions, "inputs" | "outputs"> = {
      channels: config.block_out_channels,
      layers: config.layers_per_block ?? 1,
      groups: config.norm_num_groups ?? 32,
      attention: mid_block_add_attention,
    };
    const moments = 2 * latent_channels;
    this.encoder = new Encoder({ inputs: in_channels, outputs: moments, ...shared });
    this.decoder = new Decoder({ inputs: latent_channels, outputs: out_channels, ...shared });
    this.quant_conv = (config.use_quant_conv ?? true) ? new Conv2d(moments, moments, 1) : null;
    this.post_quant_conv =
      (config.use_post_quant_conv ?? true) ? new Conv2d(latent_channels, latent_channels, 1) : null;
    this.#latentChannels = latent_channels;
  }

  /** x_BCHW in [-1, 1], H and W multiples of 2^(levels - 1), to the posterior over latents. */
  encode(ops: Ops, x: Tensor): Posterior {
    let moments = this.encoder.forward(ops, x);
    if (this.quant_conv) moments = this.quant_conv.forward(ops, moments);
    const channels = this.#latentChannels;
    return {
      mean: ops.slice(moments, 1, 0, channels),
      logvar: clamp(ops, ops.slice(moments, 1, channels, 2 * channels), -30, 20),
    };
  }

  /** z_BZhw to pictures [B, out_channels, H, W], nominally in [-1, 1] but not clipped. */
  decode(ops: Ops, z: Tensor): Tensor {
    return this.decoder.forward(ops, this.post_quant_conv ? this.post_quant_conv.forward(ops, z) : z);
  }
}

/** The seam has no clamp: two hinges make one. */
function clamp(ops: Ops, x: Tensor, low: number, high: number): Tensor {
  const raised = ops.add(ops.relu(ops.sub(x, low)), low);
  return ops.sub(raised, ops.relu(ops.sub(raised, high)));
}
