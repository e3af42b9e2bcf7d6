/** Metric depth errors over valid pixels, at the photo's size, in metres (Eigen et al. 2014, arXiv 1406.2283). */
import { mean } from "./statistics.js";

export interface DepthErrors {
  /** Root of the mean squared error, metres. */
  readonly rmse: number;
  /** Mean of |prediction - truth| / truth. */
  readonly absRel: number;
  /** Mean of |log10 prediction - log10 truth|. */
  readonly log10: number;
  /** Share of pixels whose ratio to the truth is below 1.25, 1.25^2, 1.25^3 either way. */
  readonly delta1: number;
  readonly delta2: number;
  readonly delta3: number;
}

/** Truth outside (0, 10] m is unknown; predictions are clamped to [0.001, 10] m, as NYUv2 evaluators do. */
const MAX_METRES = 10;
const MIN_METRES = 0.001;

/** What all errors of a map, or of several maps together, are computed from. */
export interface DepthSums {
  pixels: number;
  squared: number;
  relative: number;
  log: number;
  within: [number, number, number];
}

/** Sums over the valid pixels of one map; both row-major and of one length. */
export function depthSums(prediction: Float32Array, truth: Float32Array): DepthSums {
  const sums = noSums();
  for (let i = 0; i < truth.length; i++) {
    const t = truth[i]!;
    if (!(t > 0 && t <= MAX_METRES)) continue;
    const p = Math.min(MAX_METRES, Math.max(MIN_METRES, prediction[i]!));
    const ratio = Math.max(p / t, t / p);
    sums.pixels++;
    sums.squared += (p - t) ** 2;
    sums.relative += Math.abs(p - t) / t;
    sums.log += Math.abs(Math.log10(p / t));
    if (ratio < 1.25) sums.within[0]++;
    if (ratio < 1.25 ** 2) sums.within[1]++;
    if (ratio < 1.25 ** 3) sums.within[2]++;
  }
  return sums;
}

/** Of several maps together. */
export function addSums(total: DepthSums, sums: DepthSums): void {
  total.pixels += sums.pixels;
  total.squared += sums.squared;
  total.relative += sums.relative;
  total.log += sums.log;
  for (const k of [0, 1, 2] as const) total.within[k] += sums.within[k];
}

export const noSums = (): DepthSums => ({ pixels: 0, squared: 0, relative: 0, log: 0, within: [0, 0, 0] });

/** NaN of no pixel. */
export function errorsOf({ pixels, squared, relative, log, within }: DepthSums): DepthErrors {
  const [delta1, delta2, delta3] = within.map((count) => count / pixels) as [number, number, number];
  return { rmse: Math.sqrt(squared / pixels), absRel: relative / pixels, log10: log / pixels, delta1, delta2, delta3 };
}

/** Errors pooled over the pixels of all maps, and the mean over maps of each map's own errors. */
export class DepthMeter {
  readonly #pooled = noSums();
  readonly #maps: DepthErrors[] = [];

  /** A map without a valid pixel is left out. */
  add(truth: Float32Array, { metres }: { readonly metres: Float32Array }): void {
    if (metres.length !== truth.length)
      throw new RangeError(`depth map of ${metres.length} pixels for a truth of ${truth.length}`);
    const sums = depthSums(metres, truth);
    if (sums.pixels === 0) return;
    addSums(this.#pooled, sums);
    this.#maps.push(errorsOf(sums));
  }

  pooled(): DepthErrors {
    return errorsOf(this.#pooled);
  }

  perImage(): DepthErrors {
    const of = (key: keyof DepthErrors) => mean(this.#maps.map((errors) => errors[key]));
    return {
      rmse: of("rmse"),
      absRel: of("absRel"),
      log10: of("log10"),
      delta1: of("delta1"),
      delta2: of("delta2"),
      delta3: of("delta3"),
    };
  }
}
