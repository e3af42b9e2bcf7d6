/** Depth as `evaluate/evaluate_depes.py` of the authors has it. */

export interface PaperDepthErrors {
  readonly rmse: number;
  readonly absRel: number;
  readonly delta1: number;
}

/**
 * Errors of one map. The "noise mask" is the bitwise AND of 1 and the metres cut to integers, so only pixels where truth and prediction
 * are both odd are compared and all others count as perfect, those without truth too.
 * Misleads: a constant of 2.7 m has no odd pixel at all and scores 0.000, 0.000, 1.000 on every photo.
 */
export function paperDepth(prediction: Float32Array, truth: Float32Array): PaperDepthErrors {
  let squared = 0;
  let relative = 0;
  let within = 0;
  for (let i = 0; i < truth.length; i++) {
    const [p, t] = [prediction[i]!, truth[i]!];
    const flag = 1 & Math.trunc(t) & Math.trunc(p);
    if (!flag) {
      within++;
      continue;
    }
    squared += (p - t) ** 2;
    relative += Math.abs(p - t) / t;
    if (Math.max(p / t, t / p) < 1.25) within++;
  }
  return { rmse: Math.sqrt(squared / truth.length), absRel: relative / truth.length, delta1: within / truth.length };
}
