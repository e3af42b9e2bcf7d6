/** Makes relative depth comparable with metres: scale, or scale and shift, fitted to the truth of the very map that is scored. */
import { InstructCvError } from "../../errors.js";

/**
 * `none`: the prediction is in metres.
 * `median`: times median(truth) / median(prediction) (SfMLearner, Monodepth2).
 * `scale`: times the factor with the least squared error.
 * `scale-shift`: the line with the least squared error, in depth (Marigold).
 * `disparity`: the prediction is an affine-invariant disparity; the line is fitted to 1 / truth (MiDaS, Depth Anything).
 */
export type DepthAlignment = "none" | "median" | "scale" | "scale-shift" | "disparity";
export const DEPTH_ALIGNMENTS: readonly DepthAlignment[] = ["none", "median", "scale", "scale-shift", "disparity"];

/**
 * Predicted metres at the pixels `at` of a map.
 * A constant map has no slope to fit: it becomes the mean of the truth, which is what the least squares of least norm give too.
 * @param at indices of the valid pixels, at least one
 * @param farthest metres that a disparity of 0 or less is read as
 * @throws {InstructCvError} "prediction" when the median of the prediction is not positive.
 */
export function alignedMetres(
  alignment: DepthAlignment,
  prediction: Float32Array,
  truth: Float32Array,
  at: Uint32Array,
  farthest: number,
): Float64Array {
  const p = Float64Array.from(at, (i) => prediction[i]!);
  if (alignment === "none") return p;
  const t = Float64Array.from(at, (i) => truth[i]!);
  if (alignment === "median") {
    const middle = median(p);
    if (!(middle > 0))
      throw new InstructCvError("prediction", `depth map: expected a positive median to scale by, found ${middle}.`);
    const factor = median(t) / middle;
    return p.map((value) => value * factor);
  }
  if (alignment === "scale") {
    const factor = leastSquaresScale(p, t);
    return p.map((value) => value * factor);
  }
  if (alignment === "scale-shift") {
    const { scale, shift } = leastSquaresLine(p, t);
    return p.map((value) => value * scale + shift);
  }
  const { scale, shift } = leastSquaresLine(
    p,
    t.map((metres) => 1 / metres),
  );
  return p.map((value) => 1 / Math.max(value * scale + shift, 1 / farthest));
}

/** A whole map aligned, for looking at: metres where the truth is above 0, 0 elsewhere. @throws as `alignedMetres` */
export function alignedMap(
  alignment: DepthAlignment,
  prediction: Float32Array,
  truth: Float32Array,
  farthest: number,
): Float32Array {
  const at = Uint32Array.from([...truth.keys()].filter((i) => truth[i]! > 0 && truth[i]! <= farthest));
  const map = new Float32Array(truth.length);
  if (at.length === 0) return map;
  for (const [k, metres] of alignedMetres(alignment, prediction, truth, at, farthest).entries()) map[at[k]!] = metres;
  return map;
}

function leastSquaresScale(p: Float64Array, t: Float64Array): number {
  let pt = 0;
  let pp = 0;
  for (let i = 0; i < p.length; i++) {
    pt += p[i]! * t[i]!;
    pp += p[i]! ** 2;
  }
  return pp > 0 ? pt / pp : 0;
}

function leastSquaresLine(p: Float64Array, t: Float64Array): { scale: number; shift: number } {
  const average = (values: Float64Array) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [meanP, meanT] = [average(p), average(t)];
  let covariance = 0;
  let variance = 0;
  for (let i = 0; i < p.length; i++) {
    covariance += (p[i]! - meanP) * (t[i]! - meanT);
    variance += (p[i]! - meanP) ** 2;
  }
  // What rounding leaves of a constant map's variance is no slope.
  const scale = variance > p.length * (Math.abs(meanP) * 1e-12) ** 2 ? covariance / variance : 0;
  return { scale, shift: meanT - scale * meanP };
}

function median(values: Float64Array): number {
  const sorted = values.toSorted();
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}
