/** Pixels folded into channels: the small model's parameter-free stand-in for an autoencoder. It is NOT a VAE. */
import { InstructCvError } from "../errors.js";
import type { Ops, Tensor } from "../tensor/tensor.js";
import { Module } from "./module.js";

/** vae/config.json of a checkpoint that has no autoencoder. */
export interface SpaceToDepthConfig {
  _class_name: "SpaceToDepth";
  /** Side of the square of pixels that becomes one latent position. */
  factor: number;
}

/**
 * Lossless, no weights, no compression: a picture of C channels becomes latents of C * factor^2 channels, factor times
 * smaller each way. Latent channel `(c * factor + dy) * factor + dx` is channel c of the pixel dy below and dx right of
 * the square's top left: the order of torch.nn.PixelUnshuffle.
 */
export class SpaceToDepth extends Module {
  readonly factor: number;

  constructor(config: SpaceToDepthConfig) {
    super();
    this.factor = config.factor;
  }

  /** x_BCHW to [B, C*f*f, H/f, W/f]. @throws InstructCvError("image") when f does not divide H and W. */
  encode(ops: Ops, x: Tensor): Tensor {
    const f = this.factor;
    const [batch, channels, height, width] = x.shape as [number, number, number, number];
    if (height % f !== 0 || width % f !== 0) {
      throw new InstructCvError(
        "image",
        `Height and width must be multiples of ${f}, found ${width}x${height}.`,
        "Resize first.",
      );
    }
    const [h, w] = [height / f, width / f];
    const squares = ops.permute(ops.reshape(x, [batch, channels, h, f, w, f]), [0, 1, 3, 5, 2, 4]);
    return ops.reshape(squares, [batch, channels * f * f, h, w]);
  }

  /** The inverse: z_BZHW to [B, Z/(f*f), H*f, W*f]. */
  decode(ops: Ops, z: Tensor): Tensor {
    const f = this.factor;
    const [batch, folded, h, w] = z.shape as [number, number, number, number];
    const channels = folded / (f * f);
    const rows = ops.permute(ops.reshape(z, [batch, channels, f, f, h, w]), [0, 1, 4, 2, 5, 3]);
    return ops.reshape(rows, [batch, channels, h * f, w * f]);
  }
}
