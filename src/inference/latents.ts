/** Pictures to latents and back through a checkpoint's autoencoder, in tiles where the whole would need too much memory. */
import type { CheckpointFolder } from "../checkpoints/folder.js";
import type { FloatPicture, Picture, Size } from "../image/picture.js";
import { resizeBilinear } from "../image/resample.js";
import type { SessionOptions } from "../tensor/onnx/session.js";
import { isInt8File } from "./int8/file.js";
import { decoderNetwork, encoderNetwork, latentSpace } from "./networks.js";
import { fromPlanes, toPlanes } from "./planes.js";
import type { SessionCache } from "./session-cache.js";
import { processTiles } from "./tiles.js";

/** Sides of tiles, pixels, and how much of a tile its neighbour repeats. */
const TILE = 512;
const OVERLAP = 128;
/** Pictures of up to this many pixels are processed whole: a KL-f8 decoder takes 1.6 GB at 768x768. */
const LARGEST_WHOLE = 768 * 768;

/**
 * A picture out of Stable Diffusion 1.x latents without its decoder, a linear fit known for these latents
 * (discuss.huggingface.co/t/decoding-latents-to-rgb-without-upscaling/23204): RGB in -1..1 for each of the 4 channels.
 */
const approximateRgb = [
  [0.298, 0.207, 0.208],
  [0.187, 0.286, 0.173],
  [-0.158, 0.189, 0.264],
  [-0.184, -0.271, -0.473],
] as const;

export type Tiles = "auto" | "always" | "never";

export class Latents {
  readonly #channels: number;
  readonly #factor: number;
  readonly #options: SessionOptions;
  #last: { photo: Picture; latents: Float32Array } | undefined;

  constructor(
    private readonly folder: CheckpointFolder,
    private readonly sessions: SessionCache,
  ) {
    const { channels, factor } = latentSpace(folder.vae.config);
    this.#channels = channels;
    this.#factor = factor;
    const { weights } = folder.vae;
    // Blocked layouts speed up float convolutions, and there are hardly any beside quantised ones.
    const optimisation = weights && isInt8File(weights) ? "extended" : "all";
    this.#options = { optimisation, prepack: true, arena: weights === null };
  }

  /** Of the latents of a picture. Sides of the picture are multiples of the autoencoder's factor. */
  sizeFor({ width, height }: Size): Size {
    return { width: width / this.#factor, height: height / this.#factor };
  }

  /** The posterior mode [C, h, w] of a photo, not scaled. That of the last photo is remembered: several questions are asked about one. */
  async encode(photo: Picture, tiles: Tiles = "auto"): Promise<Float32Array> {
    const same = this.#last?.photo.width === photo.width && Buffer.compare(this.#last.photo.data, photo.data) === 0;
    if (same) return this.#last!.latents;
    const encodeWhole = (size: Size) => async (planes: Float32Array) => {
      const session = await this.openEncoder(size);
      const { latents } = await session.run({ picture: { data: planes, shape: [1, 3, size.height, size.width] } });
      return latents!.data as Float32Array;
    };
    const tile = tileFor(this.folder, photo, tiles);
    const tiling = { tile, overlap: OVERLAP, scale: 1 / this.#factor };
    const latents = await processTiles(toPlanes(photo), photo, tiling, encodeWhole(tile));
    this.#last = { photo, latents };
    return latents;
  }

  /** Denoised latents of a picture of this size to that picture. */
  async decode(latents: Float32Array, picture: Size, tiles: Tiles = "auto"): Promise<FloatPicture> {
    const decodeWhole = (size: Size) => async (part: Float32Array) => {
      const { width, height } = this.sizeFor(size);
      const session = await this.openDecoder(size);
      const { picture: planes } = await session.run({
        latents: { data: part, shape: [1, this.#channels, height, width] },
      });
      return planes!.data as Float32Array;
    };
    const tile = tileFor(this.folder, picture, tiles);
    const tiling = { tile: this.sizeFor(tile), overlap: OVERLAP / this.#factor, scale: this.#factor };
    return fromPlanes(await processTiles(latents, this.sizeFor(picture), tiling, decodeWhole(tile)), picture);
  }

  /** What denoised latents will look like: exact where that is cheap, else a rough linear fit. */
  async preview(latents: Float32Array, picture: Size): Promise<FloatPicture> {
    const { vae } = this.folder;
    if (vae.config._class_name === "SpaceToDepth" || this.#channels !== approximateRgb.length)
      return this.decode(latents, picture);
    const small = this.sizeFor(picture);
    const area = small.width * small.height;
    const data = new Float32Array(area * 3);
    for (let p = 0; p < area; p++)
      for (let rgb = 0; rgb < 3; rgb++) {
        const value = approximateRgb.reduce((sum, weights, c) => sum + weights[rgb]! * latents[c * area + p]!, 0);
        data[3 * p + rgb] = (value + 1) / 2;
      }
    return { width: picture.width, height: picture.height, data: resizeBilinear(data, small, picture, 3) };
  }

  openEncoder(size: Size) {
    return this.sessions.get(`encoder ${size.width}x${size.height}`, () => ({
      network: encoderNetwork(this.folder, size),
      options: this.#options,
    }));
  }

  openDecoder(size: Size) {
    return this.sessions.get(`decoder ${size.width}x${size.height}`, () => ({
      network: decoderNetwork(this.folder, this.sizeFor(size)),
      options: this.#options,
    }));
  }
}

/** What a picture is encoded and decoded in: itself, or tiles of this size. */
export function tileFor({ vae }: CheckpointFolder, { width, height }: Size, tiles: Tiles = "auto"): Size {
  const small = vae.config._class_name === "SpaceToDepth" || Math.max(width, height) <= TILE;
  const whole = small || tiles === "never" || (tiles === "auto" && width * height <= LARGEST_WHOLE);
  return whole ? { width, height } : { width: Math.min(width, TILE), height: Math.min(height, TILE) };
}
