/** Boxes as candidates of COCO's matching. */
import type { Xyxy } from "../../tasks/task.js";
import { requireFinite } from "./checks.js";
import {
  bestFirst,
  type Candidates,
  type Matching,
  type MatchOptions,
  MOST_DETECTIONS,
  matchCandidates,
} from "./matching.js";

export interface TrueBox {
  readonly xyxy: Xyxy;
  /** Neither a hit nor a miss (VOC `difficult`). A crowd is always ignored. */
  readonly ignore?: boolean;
  /** A region of many objects: any number of boxes may match it, by the share of the box that lies in it. */
  readonly crowd?: boolean;
  /** For the size ranges; COCO gives the area of the mask. Default: the area of the box. */
  readonly area?: number;
}

export interface ScoredBox {
  readonly xyxy: Xyxy;
  readonly score: number;
}

/** All there is to know about one category in one image; each (image, category) may appear once. */
export interface ImageBoxes {
  readonly category: string;
  readonly truths: readonly TrueBox[];
  readonly found: readonly ScoredBox[];
}

/** Square pixels. */
export const areaOf = ([x1, y1, x2, y2]: Xyxy): number => (x2 - x1) * (y2 - y1);

/** Intersection over union of two boxes; against a crowd, over the first box alone. */
export function boxIou(found: Xyxy, truth: Xyxy, crowd = false): number {
  const width = Math.min(found[2], truth[2]) - Math.max(found[0], truth[0]);
  const height = Math.min(found[3], truth[3]) - Math.max(found[1], truth[1]);
  if (width <= 0 || height <= 0) return 0;
  const shared = width * height;
  return shared / (crowd ? areaOf(found) : areaOf(found) + areaOf(truth) - shared);
}

/** @throws {InstructCvError} "prediction" when a corner or score is not finite: such a score has no place in an order. */
export function requireNumbers({ category, found }: ImageBoxes): void {
  for (const { xyxy, score } of found) requireFinite(`box of ${category} [x1, y1, x2, y2, score]`, [...xyxy, score]);
}

/**
 * @param limit the best so many boxes are looked at
 * @throws {InstructCvError} "prediction" when a found box is not of finite numbers.
 */
export function boxCandidates(image: ImageBoxes, limit = MOST_DETECTIONS): Candidates {
  requireNumbers(image);
  const { category, truths, found } = image;
  const best = bestFirst(found, limit);
  return {
    category,
    truths: truths.map((truth) => ({ ...truth, area: truth.area ?? areaOf(truth.xyxy) })),
    found: best.map(({ xyxy, score }) => ({ score, area: areaOf(xyxy) })),
    overlaps: best.map((box) => truths.map((truth) => boxIou(box.xyxy, truth.xyxy, truth.crowd))),
  };
}

/** Matches the boxes of one category in one image. */
export function matchBoxes(image: ImageBoxes, options: MatchOptions): Matching {
  return matchCandidates(boxCandidates(image, options.maxDets), options);
}
