/**
 * The numbers that the InstructCV authors' released evaluators print, for comparison with their tables only. Each function
 * says what is wrong with it; the standard metrics live in the neighbouring files.
 */

import { boxIou, type ScoredBox, type TrueBox } from "./box-matching.js";
import type { Overlap } from "./segmentation.js";

/**
 * Root mean squared error and delta1 of one map as `evaluate_depes.py` has them. Its "noise mask" is the bitwise AND of the
 * metres cut to integers, so only pixels where both are odd are compared and all others count as perfect.
 */
export function paperDepth(prediction: Float32Array, truth: Float32Array): { rmse: number; delta1: number } {
  let squared = 0;
  let within = 0;
  for (let i = 0; i < truth.length; i++) {
    const flag = 1 & Math.trunc(truth[i]!) & Math.trunc(prediction[i]!);
    if (!flag) {
      within++;
      continue;
    }
    squared += (prediction[i]! - truth[i]!) ** 2;
    if (Math.max(prediction[i]! / truth[i]!, truth[i]! / prediction[i]!) < 1.25) within++;
  }
  return { rmse: Math.sqrt(squared / truth.length), delta1: within / truth.length };
}

/** IoU of one mask as `calc_iou` has it: any grey above 10 of 255 is foreground, and so is every labelled pixel, 255 included. */
export function paperIou(probability: Float32Array, truth: Uint8Array): number {
  const total: Overlap = { intersection: 0, union: 0 };
  for (let i = 0; i < truth.length; i++) {
    const p = probability[i]! * 255 > 10;
    const t = truth[i]! > 0;
    if (p && t) total.intersection++;
    if (p || t) total.union++;
  }
  return (total.intersection * 255 + 1e-6) / (total.union * 255 + 1e-6);
}

/**
 * Boxes as `cal_bboxes_iou` prepares them for COCOeval: of the predictions only the best of each true box is kept, if it
 * overlaps by more than a half, and every score becomes 1, so that precision is close to 1 whatever the model drew.
 */
export function paperBoxes(found: readonly ScoredBox[], truths: readonly TrueBox[]): ScoredBox[] {
  return truths.flatMap(({ xyxy }) => {
    const overlaps = found.map((box) => boxIou(box.xyxy, xyxy));
    const best = Math.max(0, ...overlaps);
    return best > 0.5 ? [{ xyxy: found[overlaps.indexOf(best)]!.xyxy, score: 1 }] : [];
  });
}

/** Accuracy as `evaluate_cls` has it: the positive colour counts as correct for every image, whatever is in it. */
export function paperAccuracy(answers: readonly { readonly present: boolean }[]): number {
  return answers.filter(({ present }) => present).length / answers.length;
}
