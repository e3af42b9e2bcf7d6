/** COCO's precision-recall curve of one category at one IoU threshold. */
import type { Verdict } from "./matching.js";
import { linspace } from "./statistics.js";

/** The recalls at which precision is read: 0, .01, ..., 1. */
export const COCO_RECALLS: readonly number[] = linspace(0, 1, 101);

export interface PrecisionCurve {
  /** Share of the objects found at all. */
  readonly recall: number;
  /** At each of COCO_RECALLS the best precision at that recall or beyond; 0 where it is never reached. */
  readonly precision: readonly number[];
  /** The score of the answer with which that recall is reached, else 0. */
  readonly scores: readonly number[];
}

/**
 * @param judged the answers of all images, best score first
 * @param objects how many there were to find, more than 0
 */
export function precisionCurve(
  judged: readonly { readonly score: number; readonly verdict: Verdict }[],
  objects: number,
): PrecisionCurve {
  const recalls: number[] = [];
  const precisions: number[] = [];
  let hits = 0;
  let wrong = 0;
  for (const { verdict } of judged) {
    if (verdict === "hit") hits++;
    if (verdict === "false") wrong++;
    recalls.push(hits / objects);
    precisions.push(hits / (hits + wrong + Number.EPSILON));
  }
  for (let i = precisions.length - 1; i > 0; i--) precisions[i - 1] = Math.max(precisions[i - 1]!, precisions[i]!);
  const precision: number[] = [];
  const scores: number[] = [];
  let at = 0;
  for (const recall of COCO_RECALLS) {
    while (at < recalls.length && recalls[at]! < recall) at++;
    precision.push(precisions[at] ?? 0);
    scores.push(judged[at]?.score ?? 0);
  }
  return { recall: recalls.at(-1) ?? 0, precision, scores };
}
