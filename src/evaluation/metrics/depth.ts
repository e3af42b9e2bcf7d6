/** Depth errors over valid pixels, at the photo's size, in metres (Eigen et al. 2014, arXiv 1406.2283). */
import { InstructCvError } from "../../errors.js";
import type { Size } from "../../image/picture.js";
import { requireFinite, requireLength, requireSize } from "./checks.js";
import { alignedMetres, type DepthAlignment } from "./depth-alignment.js";
import { cropBounds, type DepthCrop } from "./depth-crop.js";
import { mean } from "./statistics.js";

/** p: prediction, t: truth, both in metres; means are over pixels. */
export interface DepthErrors {
  /** Root of the mean squared error, metres. */
  readonly rmse: number;
  /** Mean of |p - t| / t. */
  readonly absRel: number;
  /** Mean of (p - t)^2 / t, metres. */
  readonly sqRel: number;
  /** Mean of |log10 p - log10 t|. */
  readonly log10: number;
  /** Root of the mean of (ln p - ln t)^2. */
  readonly rmseLog: number;
  /** 100 times the standard deviation of ln p - ln t: 0 for whoever errs by a factor only (KITTI's SILog). */
  readonly silog: number;
  /** Share of pixels whose ratio to the truth is below 1.25, 1.25^2, 1.25^3 either way; higher is better. */
  readonly delta1: number;
  readonly delta2: number;
  readonly delta3: number;
}

export interface DepthOptions {
  /** Truth is valid above this many metres; predictions are raised to it, and to 0.001. Default 0. */
  readonly nearest?: number;
  /** Truth is valid up to this many metres; predictions are lowered to it. Default 10, as for NYUv2 (KITTI: 80). */
  readonly farthest?: number;
  /** Default none. Needs the size of the map. */
  readonly crop?: DepthCrop;
  /** Fitted to each map's own truth before the clamp. Default none: metres are metres. */
  readonly align?: DepthAlignment;
}

/** Metres beyond which the truth of NYUv2 counts no more. */
export const FARTHEST = 10;
/** A logarithm needs more than 0. */
const LEAST_METRES = 0.001;

/** What all errors of a map, or of several maps together, are computed from. */
export interface DepthSums {
  pixels: number;
  squared: number;
  relative: number;
  squaredRelative: number;
  log: number;
  /** Of ln p - ln t. */
  ln: number;
  lnSquared: number;
  within: [number, number, number];
}

export const noSums = (): DepthSums => ({
  pixels: 0,
  squared: 0,
  relative: 0,
  squaredRelative: 0,
  log: 0,
  ln: 0,
  lnSquared: 0,
  within: [0, 0, 0],
});

/**
 * Sums over the valid pixels of one map; both row-major and of one length.
 * @param size of the map; only a crop needs it
 * @throws {InstructCvError} "prediction" for another length, or a NaN or infinity at a valid pixel; "usage" for a crop without size.
 */
export function depthSums(
  prediction: Float32Array,
  truth: Float32Array,
  options: DepthOptions = {},
  size?: Size,
): DepthSums {
  const { nearest = 0, farthest = FARTHEST, align = "none" } = options;
  requireLength("depth map", prediction, truth);
  const at = validPixels(truth, options, size);
  requireFinite("depth map", prediction, at);
  const sums = noSums();
  if (at.length === 0) return sums;
  const metres = alignedMetres(align, prediction, truth, at, farthest);
  const least = Math.max(LEAST_METRES, nearest);
  for (let k = 0; k < at.length; k++) {
    const t = truth[at[k]!]!;
    const p = Math.min(farthest, Math.max(least, metres[k]!));
    const ratio = Math.max(p / t, t / p);
    const ln = Math.log(p / t);
    sums.squared += (p - t) ** 2;
    sums.relative += Math.abs(p - t) / t;
    sums.squaredRelative += (p - t) ** 2 / t;
    sums.log += Math.abs(Math.log10(p / t));
    sums.ln += ln;
    sums.lnSquared += ln ** 2;
    for (const power of [0, 1, 2] as const) if (ratio < 1.25 ** (power + 1)) sums.within[power]++;
  }
  sums.pixels = at.length;
  return sums;
}

function validPixels(truth: Float32Array, { nearest = 0, farthest = FARTHEST, crop }: DepthOptions, size?: Size) {
  if (crop && crop !== "none" && !size)
    throw new InstructCvError("usage", `The crop ${crop} needs the size of the depth map.`);
  const { width, height } = size ?? { width: truth.length, height: 1 };
  const { top, bottom, left, right } = cropBounds(crop ?? "none", { width, height });
  const at = new Uint32Array(truth.length);
  let count = 0;
  for (let y = top; y < bottom; y++)
    for (let i = y * width + left; i < y * width + right; i++)
      if (truth[i]! > nearest && truth[i]! <= farthest) at[count++] = i;
  return at.slice(0, count);
}

/** Of several maps together. */
export function addSums(total: DepthSums, sums: DepthSums): void {
  total.pixels += sums.pixels;
  total.squared += sums.squared;
  total.relative += sums.relative;
  total.squaredRelative += sums.squaredRelative;
  total.log += sums.log;
  total.ln += sums.ln;
  total.lnSquared += sums.lnSquared;
  for (const k of [0, 1, 2] as const) total.within[k] += sums.within[k];
}

/** NaN of no pixel. */
export function errorsOf(sums: DepthSums): DepthErrors {
  const { pixels } = sums;
  const [delta1, delta2, delta3] = sums.within.map((count) => count / pixels) as [number, number, number];
  const lnSquared = sums.lnSquared / pixels;
  return {
    rmse: Math.sqrt(sums.squared / pixels),
    absRel: sums.relative / pixels,
    sqRel: sums.squaredRelative / pixels,
    log10: sums.log / pixels,
    rmseLog: Math.sqrt(lnSquared),
    // Rounding may leave less than nothing of a variance of 0.
    silog: 100 * Math.sqrt(Math.max(0, lnSquared - (sums.ln / pixels) ** 2)),
    delta1,
    delta2,
    delta3,
  };
}

/** Errors pooled over the pixels of all maps, and the mean over maps of each map's own errors. */
export class DepthMeter {
  readonly #options: DepthOptions;
  readonly #pooled = noSums();
  readonly #maps: DepthErrors[] = [];

  constructor(options: DepthOptions = {}) {
    this.#options = options;
  }

  /**
   * A map without a valid pixel is left out.
   * @param prediction its `size` is compared with `size` when both are given
   * @param size of the truth
   * @throws {InstructCvError} as `depthSums` does, and "prediction" when the sizes differ.
   */
  add(truth: Float32Array, prediction: { readonly metres: Float32Array; readonly size?: Size }, size?: Size): void {
    if (size && prediction.size) requireSize("depth map", prediction.size, size);
    const sums = depthSums(prediction.metres, truth, this.#options, size ?? prediction.size);
    if (sums.pixels === 0) return;
    addSums(this.#pooled, sums);
    this.#maps.push(errorsOf(sums));
  }

  pooled(): DepthErrors {
    return errorsOf(this.#pooled);
  }

  /** What most papers print. NaN of no map. */
  perImage(): DepthErrors {
    return meanErrors(this.#maps);
  }
}

/** The mean of each error over maps. */
export function meanErrors(maps: readonly DepthErrors[]): DepthErrors {
  const of = (key: keyof DepthErrors) => mean(maps.map((errors) => errors[key]));
  return {
    rmse: of("rmse"),
    absRel: of("absRel"),
    sqRel: of("sqRel"),
    log10: of("log10"),
    rmseLog: of("rmseLog"),
    silog: of("silog"),
    delta1: of("delta1"),
    delta2: of("delta2"),
    delta3: of("delta3"),
  };
}
