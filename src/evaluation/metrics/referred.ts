/** Referring segmentation: one mask for one sentence, as RefCOCO, gRefCOCO (GRES, arXiv 2306.00968) and LISA score it. */
import type { Size } from "../../image/picture.js";
import { requireSize } from "./checks.js";
import { maskOverlap, type Overlap } from "./segmentation.js";
import { mean } from "./statistics.js";

/** One sentence and what was drawn for it. */
export interface ReferredOverlap extends Overlap {
  /** False when the sentence names nothing in the photo: the right answer is an empty mask. */
  readonly target: boolean;
}

/**
 * `truth` and `prediction` are 0 or 1, row-major; pixels where the truth is 255 count nowhere.
 * @throws {InstructCvError} "prediction" when sizes are given and differ. @throws {RangeError} when the lengths do.
 */
export function referredOverlap(
  truth: Uint8Array,
  prediction: Uint8Array,
  sizes?: { readonly truth: Size; readonly prediction: Size },
): ReferredOverlap {
  if (sizes) requireSize("mask", sizes.prediction, sizes.truth);
  return { ...maskOverlap(prediction, truth), target: truth.includes(1) };
}

/**
 * cIoU: sum of intersections over sum of unions, so large objects decide. What is drawn where nothing is meant adds to the union.
 */
export function cumulativeIou(sentences: readonly Overlap[]): number {
  const sum = (of: (overlap: Overlap) => number) => sentences.reduce((total, overlap) => total + of(overlap), 0);
  return sum(({ intersection }) => intersection) / sum(({ union }) => union);
}

/**
 * gIoU: the mean over sentences. Without a target an empty mask scores 1 and any other 0; a sentence whose pixels are all ignored
 * counts as such a one.
 */
export function meanReferredIou(sentences: readonly Overlap[]): number {
  return mean(sentences.map(iouOf));
}

/** Pr@X: share of the sentences with a target whose IoU is above a threshold. */
export function referredPrecision(sentences: readonly ReferredOverlap[], threshold: number): number {
  return mean(sentences.filter(({ target }) => target).map((overlap) => (iouOf(overlap) > threshold ? 1 : 0)));
}

/** N-acc: share of the sentences without a target that are answered by an empty mask. */
export function noTargetAccuracy(sentences: readonly ReferredOverlap[]): number {
  return mean(sentences.filter(({ target }) => !target).map(({ union }) => (union === 0 ? 1 : 0)));
}

const iouOf = ({ intersection, union }: Overlap) => (union === 0 ? 1 : intersection / union);
