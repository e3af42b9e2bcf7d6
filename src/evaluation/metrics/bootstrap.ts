/** How far a number would move had other photos been drawn: percentile bootstrap over images (Efron 1979). */
import { createRng } from "../../random.js";

export interface BootstrapOptions {
  /** Default 1000. */
  readonly resamples?: number;
  /** Default 0.95. */
  readonly level?: number;
  /** Default 0; equal seeds draw the same images, whatever the metric. */
  readonly seed?: number;
}

export interface Interval {
  /** Of the images as they are. */
  readonly value: number;
  readonly low: number;
  readonly high: number;
  /** Resamples in which the metric has a value; the others (no object drawn, say) are left out. */
  readonly resamples: number;
}

/**
 * Draws as many images as there are, with replacement, and computes the metric anew each time. What an image is decides what is pooled:
 * its depth sums, overlaps, confusion counts or matchings give the pooled metric without a second look at any pixel.
 * @example bootstrap(perImageOverlaps, cumulativeIou)
 * @param metric of a sample; images may occur several times in it
 */
export function bootstrap<T>(
  images: readonly T[],
  metric: (sample: readonly T[]) => number,
  options: BootstrapOptions = {},
): Interval {
  return interval(metric(images), images.length, (drawn) => metric(drawn.map((i) => images[i]!)), options);
}

export interface Difference extends Interval {
  /** Share of the resamples in which the sign is not that of `value`; twice it is a rough two-sided p-value. */
  readonly wrongSign: number;
}

/**
 * Interval of metric(a) - metric(b) for two systems asked about the same images: both get the same draw, so that what makes an image hard
 * for both cancels out. When it leaves out 0 the difference is more than the luck of the images.
 * @param a by image, in the order of `b`
 */
export function pairedBootstrap<T>(
  a: readonly T[],
  b: readonly T[],
  metric: (sample: readonly T[]) => number,
  options: BootstrapOptions = {},
): Difference {
  if (a.length !== b.length) throw new RangeError(`expected the same images twice, found ${a.length} and ${b.length}`);
  const value = metric(a) - metric(b);
  let [wrong, counted] = [0, 0];
  const draw = (drawn: readonly number[]) => {
    const difference = metric(drawn.map((i) => a[i]!)) - metric(drawn.map((i) => b[i]!));
    if (!Number.isNaN(difference)) counted++;
    if (Math.sign(difference) !== Math.sign(value) && !Number.isNaN(difference)) wrong++;
    return difference;
  };
  const found = interval(value, a.length, draw, options);
  return { ...found, wrongSign: wrong / counted };
}

function interval(
  value: number,
  count: number,
  draw: (indices: readonly number[]) => number,
  { resamples = 1000, level = 0.95, seed = 0 }: BootstrapOptions,
): Interval {
  const values: number[] = [];
  for (const indices of draws(count, resamples, seed)) {
    const drawn = draw(indices);
    if (!Number.isNaN(drawn)) values.push(drawn);
  }
  values.sort((x, y) => x - y);
  const tail = (1 - level) / 2;
  return { value, low: quantile(values, tail), high: quantile(values, 1 - tail), resamples: values.length };
}

/** `count` numbers from 0 to count - 1, drawn with replacement, again and again: equal for all that is resampled with this seed. */
export function* draws(count: number, resamples: number, seed: number): Generator<number[]> {
  const rng = createRng(`bootstrap/${seed}`);
  for (let k = 0; k < resamples; k++) yield Array.from({ length: count }, () => rng.int(count));
}

/** Linear between order statistics, as numpy.quantile; NaN of nothing. @param sorted ascending */
export function quantile(sorted: readonly number[], share: number): number {
  const at = share * (sorted.length - 1);
  const below = Math.floor(at);
  const [low, high] = [sorted[below], sorted[Math.min(below + 1, sorted.length - 1)]];
  return low === undefined || high === undefined ? Number.NaN : low + (high - low) * (at - below);
}
