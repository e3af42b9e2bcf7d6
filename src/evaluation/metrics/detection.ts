/** Average precision exactly as COCO computes it (pycocotools' COCOeval), without pycocotools. */
import { type ImageBoxes, matchBoxes } from "./box-matching.js";
import { type Matching, MOST_DETECTIONS } from "./matching.js";
import { precisionCurve } from "./precision-curve.js";
import { groupBy, linspace, mean } from "./statistics.js";

export type { ImageBoxes } from "./box-matching.js";

export interface DetectionOptions {
  /** Default .50, .55, ..., .95. */
  readonly ious?: readonly number[];
  /** The best so many boxes of an image and category count. Default 100. */
  readonly maxDets?: number;
  /** Square pixels, inclusive; objects outside are ignored. Default all. */
  readonly area?: readonly [number, number];
}

export interface CategoryScore {
  readonly category: string;
  /** Objects that count (neither ignored nor crowd). */
  readonly objects: number;
  /** Boxes offered. */
  readonly boxes: number;
  /** By IoU threshold: mean precision at recalls 0, .01, ..., 1. */
  readonly ap: readonly number[];
  /** By IoU threshold: share of the objects found at all. */
  readonly recall: readonly number[];
  /** By IoU threshold: the best precision at or beyond recall 0, .01, ..., 1, for precision-recall curves. */
  readonly precision: readonly (readonly number[])[];
  /** By IoU threshold: the score of the answer at which that recall is reached, 0 where it never is. */
  readonly scores: readonly (readonly number[])[];
}

export interface DetectionScore {
  readonly ious: readonly number[];
  /** Mean over categories and thresholds (COCO's AP); NaN without an object. */
  readonly ap: number;
  /** Mean recall over categories and thresholds (COCO's AR). */
  readonly ar: number;
  /** Mean AP over categories at one of `ious`. @throws {RangeError} when it is none of them. */
  apAt(iou: number): number;
  /** Categories that have an object, in order of name. */
  readonly categories: readonly CategoryScore[];
}

export const COCO_IOUS: readonly number[] = linspace(0.5, 0.95, 10);
export const ALL_AREAS: readonly [number, number] = [0, 1e10];

export function scoreDetections(images: Iterable<ImageBoxes>, options: DetectionOptions = {}): DetectionScore {
  const { ious = COCO_IOUS, maxDets = MOST_DETECTIONS, area = ALL_AREAS } = options;
  return scoreMatchings(
    Array.from(images, (image) => matchBoxes(image, { ious, maxDets, area })),
    ious,
  );
}

/**
 * The scores of what was matched before at the thresholds `ious`. Equal scores of different images keep the order of the list, which for
 * COCO's very numbers is that of the image ids.
 */
export function scoreMatchings(matchings: Iterable<Matching>, ious: readonly number[] = COCO_IOUS): DetectionScore {
  const byCategory = groupBy(matchings, ({ category }) => category);
  const categories = [...byCategory.keys()]
    .sort()
    .map((category) => scoreCategory(category, byCategory.get(category)!, ious))
    .filter(({ objects }) => objects > 0);
  return {
    ious,
    ap: mean(categories.flatMap(({ ap }) => ap)),
    ar: mean(categories.flatMap(({ recall }) => recall)),
    apAt(iou) {
      const at = ious.findIndex((one) => Math.abs(one - iou) < 1e-9);
      if (at < 0) throw new RangeError(`AP at IoU ${iou} was not computed, only at ${ious.join(", ")}`);
      return mean(categories.map(({ ap }) => ap[at]!));
    },
    categories,
  };
}

function scoreCategory(category: string, matchings: readonly Matching[], ious: readonly number[]): CategoryScore {
  const objects = matchings.reduce((sum, matching) => sum + matching.objects, 0);
  const scores = matchings.flatMap((matching) => matching.scores);
  const order = scores.map((_, i) => i).sort((a, b) => scores[b]! - scores[a]!);
  const curves = ious.map((_, k) => {
    const verdicts = matchings.flatMap((matching) => matching.verdicts[k]!);
    return precisionCurve(
      order.map((i) => ({ score: scores[i]!, verdict: verdicts[i]! })),
      objects,
    );
  });
  return {
    category,
    objects,
    boxes: scores.length,
    ap: curves.map(({ precision }) => mean(precision)),
    recall: curves.map(({ recall }) => recall),
    precision: curves.map(({ precision }) => precision),
    scores: curves.map((curve) => curve.scores),
  };
}
