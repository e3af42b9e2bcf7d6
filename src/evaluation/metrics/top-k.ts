/** Whether the true class is among the k most probable ones. */
import { requireFinite } from "./checks.js";

/**
 * Of classes with equal scores the one with the lower number goes first, so that equal scores for all are no success.
 * @param scores of every class, higher is surer
 * @throws {InstructCvError} "prediction" when a score is not finite.
 */
export function inTopK(scores: ArrayLike<number>, truth: number, k: number): boolean {
  requireFinite("class scores", scores);
  let ahead = 0;
  for (let c = 0; c < scores.length; c++)
    if (scores[c]! > scores[truth]! || (scores[c] === scores[truth] && c < truth)) ahead++;
  return ahead < k;
}

/** Share of the answers whose true class is among the k first. NaN of none. */
export function topKAccuracy(
  answers: readonly { readonly truth: number; readonly scores: ArrayLike<number> }[],
  k: number,
): number {
  return answers.filter(({ truth, scores }) => inTopK(scores, truth, k)).length / answers.length;
}
