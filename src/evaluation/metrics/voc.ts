/** Average precision as PASCAL VOC's devkit computes it (VOCevaldet.m, VOCap.m): another matching and other areas than COCO's. */
import { boxIou, type ImageBoxes, requireNumbers } from "./box-matching.js";
import { groupBy, mean } from "./statistics.js";

/** 2007: mean of the best precision at recalls 0, .1, ..., 1. 2012: area under that envelope at every recall (from VOC2010 on). */
export type VocYear = "2007" | "2012";

export interface VocCategory {
  readonly category: string;
  /** Not counting difficult ones. */
  readonly objects: number;
  readonly ap: number;
  /** After each counted box, best score first. */
  readonly recall: readonly number[];
  readonly precision: readonly number[];
}

export interface VocScore {
  /** Mean over the categories that have an object; NaN without one. */
  readonly map: number;
  readonly categories: readonly VocCategory[];
}

/**
 * Every box is compared with the object it overlaps most, of all objects in the photo: a miss when that is below `iou`, left out when
 * the object is difficult (`ignore`, or `crowd`), a hit when it is free, else a duplicate and a false positive - even when a second
 * object lies there that COCO would match. Corners are half-open; the devkit's count both ends, which is the same box.
 * @throws {InstructCvError} "prediction" when a found box is not of finite numbers.
 */
export function scoreVoc(images: Iterable<ImageBoxes>, year: VocYear, iou = 0.5): VocScore {
  const byCategory = groupBy(images, ({ category }) => category);
  const categories = [...byCategory.keys()]
    .sort()
    .map((category) => scoreCategory(category, byCategory.get(category)!, year, iou))
    .filter(({ objects }) => objects > 0);
  return { map: mean(categories.map(({ ap }) => ap)), categories };
}

function scoreCategory(category: string, images: readonly ImageBoxes[], year: VocYear, iou: number): VocCategory {
  const hard = ({ ignore, crowd }: { ignore?: boolean; crowd?: boolean }) => Boolean(ignore || crowd);
  const objects = images.reduce((sum, { truths }) => sum + truths.filter((truth) => !hard(truth)).length, 0);
  for (const image of images) requireNumbers(image);
  const found = images.flatMap((image) => image.found.map((box) => ({ image, box })));
  const taken = new Set<object>();
  const recall: number[] = [];
  const precision: number[] = [];
  let hits = 0;
  let wrong = 0;
  for (const { image, box } of found.sort((a, b) => b.box.score - a.box.score)) {
    let best: ImageBoxes["truths"][number] | undefined;
    let highest = iou;
    for (const truth of image.truths) {
      const overlap = boxIou(box.xyxy, truth.xyxy);
      // Of equal overlaps the first object has it, as in the devkit.
      if (overlap > highest || (!best && overlap === highest)) {
        best = truth;
        highest = overlap;
      }
    }
    if (best && hard(best)) continue;
    if (best && !taken.has(best)) hits++;
    else wrong++;
    if (best) taken.add(best);
    recall.push(hits / objects);
    precision.push(hits / (hits + wrong));
  }
  return { category, objects, ap: averagePrecision(recall, precision, year), recall, precision };
}

function averagePrecision(recall: readonly number[], precision: readonly number[], year: VocYear): number {
  const envelope = [...precision];
  for (let i = envelope.length - 1; i > 0; i--) envelope[i - 1] = Math.max(envelope[i - 1]!, envelope[i]!);
  if (year === "2007") {
    // Tenths as i / 10: three of ten objects are a recall of .3, which 3 * 0.1 in floating point is not.
    const at = (tenth: number) => envelope[recall.findIndex((value) => value >= tenth / 10)] ?? 0;
    return mean(Array.from({ length: 11 }, (_, tenth) => at(tenth)));
  }
  return recall.reduce((area, value, i) => area + (value - (recall[i - 1] ?? 0)) * envelope[i]!, 0);
}
