/** Truth and results of a COCO file as candidates of the matching, by box or by mask. */
import { fillSegmentation } from "../../../datasets/coco-masks.js";
import { InstructCvError } from "../../../errors.js";
import { encodeRle, rleRuns } from "../../../tasks/rle.js";
import { bestFirst, type Candidates } from "../matching.js";
import { groupBy } from "../statistics.js";
import type { Box } from "./fields.js";
import { maskIou, type RunMask, runMask } from "./mask-iou.js";
import type { CocoResult } from "./results.js";
import type { CocoObject, CocoTruth } from "./truth.js";

/** What pycocotools calls `iouType`. */
export type IouType = "bbox" | "segm";

export interface CandidateOptions {
  readonly iouType: IouType;
  /** An object whose id is 0 makes no hit, as in pycocotools. */
  readonly zeroIdIsNoMatch: boolean;
}

/** The candidates of one image; `category` is the id as text. */
export interface ImageCandidates extends Candidates {
  readonly image: number;
}

/**
 * By category, then image id: pycocotools' order, which decides between equal scores. Pairs without truth and results are left out.
 * @throws {InstructCvError} "prediction" or "dataset" when masks are asked for and an element has none.
 */
export function cocoCandidates(
  truth: CocoTruth,
  results: readonly CocoResult[],
  { iouType, zeroIdIsNoMatch }: CandidateOptions,
): ImageCandidates[] {
  const truths = groupBy(truth.objects, ({ category, image }) => `${category}/${image}`);
  const found = groupBy(results, ({ category_id, image_id }) => `${category_id}/${image_id}`);
  // As pycocotools: the first result decides whether areas are those of the boxes or of the masks.
  const areaOfBox = results[0]?.bbox !== undefined;
  const ids = (keys: Iterable<number>) => [...keys].sort((a, b) => a - b);
  return ids(truth.categories.keys()).flatMap((category) =>
    ids(truth.images.keys()).flatMap((image) => {
      const key = `${category}/${image}`;
      if (!truths.has(key) && !found.has(key)) return [];
      const objects = truths.get(key) ?? [];
      const best = bestFirst(found.get(key) ?? []);
      const shapes = best.map((result) => shapesOf(result));
      return {
        image,
        category: `${category}`,
        truths: objects.map(({ id, area, crowd }) => ({ area, crowd, zeroId: zeroIdIsNoMatch && id === 0 })),
        found: best.map(({ score, bbox }, i) => ({
          score,
          area: areaOfBox ? bbox![2] * bbox![3] : shapes[i]!.mask!.area,
        })),
        overlaps:
          iouType === "bbox"
            ? shapes.map(({ box }) => objects.map((object) => boxIou(box, object.box, object.crowd)))
            : maskOverlaps(shapes, objects, truth),
      };
    }),
  );
}

interface Shapes {
  readonly box: Box;
  readonly mask?: RunMask;
}

function shapesOf({ bbox, segmentation }: CocoResult): Shapes {
  const mask = segmentation && runMask(rleRuns(segmentation), segmentation.size[0]);
  return { box: bbox ?? mask!.box, ...(mask && { mask }) };
}

/** On [x, y, width, height], so that the arithmetic is pycocotools' and a tie with a threshold falls the same way. */
function boxIou([ax, ay, aw, ah]: Box, [bx, by, bw, bh]: Box, crowd: boolean): number {
  const width = Math.min(ax + aw, bx + bw) - Math.max(ax, bx);
  const height = Math.min(ay + ah, by + bh) - Math.max(ay, by);
  if (width <= 0 || height <= 0) return 0;
  const shared = width * height;
  return shared / (crowd ? aw * ah : aw * ah + bw * bh - shared);
}

function maskOverlaps(found: readonly Shapes[], objects: readonly CocoObject[], truth: CocoTruth): number[][] {
  if (found.length === 0) return [];
  const masks = objects.map((object) => truthMask(object, truth));
  return found.map(({ mask }) => {
    if (mask) return masks.map((own, i) => maskIou(mask, own, objects[i]!.crowd));
    throw new InstructCvError(
      "prediction",
      "A result has no segmentation, and masks are to be scored.",
      "Score boxes (iouType bbox), or give results with masks.",
    );
  });
}

function truthMask({ id, image, segmentation }: CocoObject, truth: CocoTruth): RunMask {
  const where = `${truth.path}: annotations element ${id}`;
  const { size } = truth.images.get(image)!;
  if (!size || !segmentation)
    throw new InstructCvError(
      "dataset",
      `${where}: expected ${size ? "a segmentation" : "the image's width and height"}, found none.`,
      "Score boxes (iouType bbox), or read the file with its masks.",
    );
  if ("counts" in segmentation && typeof segmentation.counts === "string")
    return runMask(rleRuns({ size: segmentation.size, counts: segmentation.counts }), size.height);
  const mask = new Uint8Array(size.width * size.height);
  fillSegmentation(mask, size, segmentation, 1, where);
  return runMask(rleRuns(encodeRle(mask, size)), size.height);
}
