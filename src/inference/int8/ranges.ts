/** Chooses the range in which a layer's inputs are quantised: a few outliers cut off leave finer steps to all the others. */
import type { Range } from "../../tensor/onnx/calibration-ops.js";

/** Ways to cut each end: how many equal parts of it are tried. */
const CUTS = 64;

/**
 * The range with the least mean squared error over a histogram of equal bins between `lowest` and `highest` (which hold 0):
 * a value inside is off by step^2 / 12 in the mean, one outside by its distance to the range.
 */
export function bestRange(counts: Float64Array, [lowest, highest]: Range): Range {
  const width = (highest - lowest) / counts.length;
  const centre = (i: number) => lowest + (i + 0.5) * width;
  const total = counts.reduce((sum, n) => sum + n, 0);
  // Squared error of cutting at each candidate, from below and from above.
  const cost = (edge: number, outside: (value: number) => boolean) =>
    counts.reduce((sum, n, i) => (n > 0 && outside(centre(i)) ? sum + n * (centre(i) - edge) ** 2 : sum), 0);
  const edges = (end: number) => Array.from({ length: end === 0 ? 1 : CUTS }, (_, k) => end * (1 - k / CUTS));
  const lows = edges(lowest).map((edge) => ({ edge, cost: cost(edge, (value) => value < edge) }));
  const highs = edges(highest).map((edge) => ({ edge, cost: cost(edge, (value) => value > edge) }));
  let best: Range = [lowest, highest];
  let least = Number.POSITIVE_INFINITY;
  for (const low of lows)
    for (const high of highs) {
      const error = low.cost + high.cost + (total * ((high.edge - low.edge) / 255) ** 2) / 12;
      if (error < least) {
        least = error;
        best = [low.edge, high.edge];
      }
    }
  return best;
}
