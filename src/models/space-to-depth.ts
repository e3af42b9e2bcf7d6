/** Pixels folded into channels: the small model's parameter-free stand-in for an autoencoder. It is NOT a VAE. */
import { InstructCvError } from "../errors.js";
import type { Ops, Tensor } from "../tensor/tensor.js";
import { Module } from "./module.js";

/** vae/config.json of a checkpoint that has no autoencoder. */
export interface SpaceToDepthConfig {
  _class_name: "SpaceToDepth";
  /** Side of the square of pixels that becomes one latent position. */
  factor: number;
  /**
   * `dct`: each square as a cosine transform of its brightness and its two colour differences, divided by how much photos vary
   * there. Raw pixels of a photo are nearly copies of one another, which gradient descent is slow to see past.
   * @default pixels
   */
  basis?: "pixels" | "dct";
}

/**
 * Lossless, no weights, no compression: a picture of C channels becomes latents of C * factor^2 channels, factor times
 * smaller each way. Latent channel `(c * factor + dy) * factor + dx` is channel c of the pixel dy below and dx right of
 * the square's top left: the order of torch.nn.PixelUnshuffle.
 */
export class SpaceToDepth extends Module {
  readonly factor: number;
  readonly #basis: Basis | null;

  constructor(config: SpaceToDepthConfig) {
    super();
    this.factor = config.factor;
    this.#basis = config.basis === "dct" ? cosineBasis(config.factor) : null;
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
    return turn(ops, ops.reshape(squares, [batch, channels * f * f, h, w]), this.#basis?.forward);
  }

  /** The inverse: z_BZHW to [B, Z/(f*f), H*f, W*f]. */
  decode(ops: Ops, z: Tensor): Tensor {
    const f = this.factor;
    const [batch, folded, h, w] = z.shape as [number, number, number, number];
    const channels = folded / (f * f);
    const squares = turn(ops, z, this.#basis?.inverse);
    const rows = ops.permute(ops.reshape(squares, [batch, channels, f, f, h, w]), [0, 1, 4, 2, 5, 3]);
    return ops.reshape(rows, [batch, channels, h * f, w * f]);
  }
}

/** Matrices [Z, Z] over the channels of the folded squares, row-major. */
interface Basis {
  readonly forward: Float32Array;
  readonly inverse: Float32Array;
}

function turn(ops: Ops, z: Tensor, matrix: Float32Array | undefined): Tensor {
  if (!matrix) return z;
  const Z = Math.sqrt(matrix.length);
  return ops.conv2d(z, ops.constant(matrix, [Z, Z, 1, 1]), null);
}

/** Brightness, red minus blue, green minus both: orthonormal rows over R, G, B. */
const colours = [
  [1, 1, 1].map((v) => v / Math.sqrt(3)),
  [1, 0, -1].map((v) => v / Math.sqrt(2)),
  [1, -2, 1].map((v) => v / Math.sqrt(6)),
];
/** Spread of the mean of a square over photos in -1..1; the colour differences vary less, but answers in pure colours do. */
const meanSpread = [0.82, 0.4, 0.4];
/** Below this a coefficient is noise of the camera and the JPEG, not worth magnifying. */
const leastSpread = 0.05;

/**
 * The orthonormal DCT-II of the squares, in row `(k * f + u) * f + v` the coefficient u down and v across of colour k, over
 * f * meanSpread[k] / (1 + 4 (u^2 + v^2)): the power law of natural images, fitted to photos of 64 and 96 pixels.
 */
function cosineBasis(f: number): Basis {
  const Z = 3 * f * f;
  const forward = new Float32Array(Z * Z);
  const inverse = new Float32Array(Z * Z);
  const wave = (u: number, i: number) =>
    Math.sqrt((u === 0 ? 1 : 2) / f) * Math.cos(((2 * i + 1) * u * Math.PI) / (2 * f));
  for (let row = 0; row < Z; row++) {
    const [k, u, v] = [Math.floor(row / (f * f)), Math.floor(row / f) % f, row % f];
    const spread = Math.max(leastSpread, (f * meanSpread[k]!) / (1 + 4 * (u * u + v * v)));
    for (let column = 0; column < Z; column++) {
      const [c, dy, dx] = [Math.floor(column / (f * f)), Math.floor(column / f) % f, column % f];
      const value = colours[k]![c]! * wave(u, dy) * wave(v, dx);
      forward[row * Z + column] = value / spread;
      inverse[column * Z + row] = value * spread;
    }
  }
  return { forward, inverse };
}
