/** Average precision of boxes exactly as COCO computes it (pycocotools' COCOeval), without pycocotools. */
import { matchBoxes, type ScoredBox, type TrueBox, type Verdict } from "./box-matching.js";
import { groupBy, mean } from "./statistics.js";

/** All there is to know about one category in one image; each (image, category) may appear once. */
export interface ImageBoxes {
  readonly category: string;
  readonly truths: readonly TrueBox[];
  readonly found: readonly ScoredBox[];
}

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
}

export interface DetectionScore {
  readonly ious: readonly number[];
  /** Mean over categories and thresholds (COCO's AP); NaN without an object. */
  readonly ap: number;
  /** Mean recall over categories and thresholds (COCO's AR). */
  readonly ar: number;
  /** Mean AP over categories at one of `ious`. */
  apAt(iou: number): number;
  /** Categories that have an object, in order of name. */
  readonly categories: readonly CategoryScore[];
}

/** numpy.linspace, so that thresholds are the very same doubles as COCO's. */
const linspace = (start: number, stop: number, count: number) =>
  Array.from({ length: count }, (_, i) => (i === count - 1 ? stop : start + i * ((stop - start) / (count - 1))));
export const COCO_IOUS: readonly number[] = linspace(0.5, 0.95, 10);
const RECALLS = linspace(0, 1, 101);

export function scoreDetections(images: Iterable<ImageBoxes>, options: DetectionOptions = {}): DetectionScore {
  const { ious = COCO_IOUS, maxDets = 100, area = [0, 1e10] } = options;
  const byCategory = groupBy(images, (image) => image.category);
  const categories = [...byCategory.keys()]
    .sort()
    .map((category) => scoreCategory(category, byCategory.get(category)!, ious, maxDets, area))
    .filter(({ objects }) => objects > 0);
  return {
    ious,
    ap: mean(categories.flatMap(({ ap }) => ap)),
    ar: mean(categories.flatMap(({ recall }) => recall)),
    apAt: (iou) => mean(categories.map(({ ap }) => ap[ious.indexOf(iou)]!)),
    categories,
  };
}

function scoreCategory(
  category: string,
  images: readonly ImageBoxes[],
  ious: readonly number[],
  maxDets: number,
  area: readonly [number, number],
): CategoryScore {
  const matches = images.map(({ truths, found }) => matchBoxes(truths, found, { ious, maxDets, area }));
  const objects = matches.reduce((sum, match) => sum + match.objects, 0);
  const curves = ious.map((_, k) =>
    curve(
      matches.flatMap(({ scores, verdicts }) => scores.map((score, i) => ({ score, verdict: verdicts[k]![i]! }))),
      objects,
    ),
  );
  return {
    category,
    objects,
    boxes: matches.reduce((sum, match) => sum + match.scores.length, 0),
    ap: curves.map(({ ap }) => ap),
    recall: curves.map(({ recall }) => recall),
  };
}

/** Precision against recall over all images of a category, best score first; equal scores keep the order of the images. */
function curve(boxes: { score: number; verdict: Verdict }[], objects: number) {
  const judged = boxes.toSorted((a, b) => b.score - a.score);
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
  let at = 0;
  let sum = 0;
  for (const recall of RECALLS) {
    while (at < recalls.length && recalls[at]! < recall) at++;
    sum += precisions[at] ?? 0;
  }
  return { ap: sum / RECALLS.length, recall: recalls.at(-1) ?? 0 };
}
