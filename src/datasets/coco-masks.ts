/** The three ways COCO writes a region - polygons, run lengths, packed run lengths - laid into one mask. */
import { InstructCvError } from "../errors.js";
import type { Size, Xyxy } from "../image/picture.js";
import { decodeRle, fillRuns } from "../tasks/rle.js";
import { fillPolygon } from "./polygon.js";

export type Segmentation =
  /** Polygons [x0, y0, x1, y1, ...] in pixels; their union. */
  | readonly ArrayLike<number>[]
  /** Column-major runs, zeros first, [height, width]; a string when packed as the COCO tools do. */
  | { readonly size: readonly [number, number]; readonly counts: string | readonly number[] };

/**
 * Sets `mask` (row-major, `size`) to `value` where the region lies.
 * @param where what an error names: the file and the annotation
 * @throws {InstructCvError} "dataset" when run lengths are for another size, or damaged.
 */
export function fillSegmentation(
  mask: Uint8Array,
  size: Size,
  segmentation: Segmentation,
  value: number,
  where: string,
): void {
  if (!("counts" in segmentation)) {
    for (const polygon of segmentation) fillPolygon(mask, size, polygon, value);
    return;
  }
  const region = readRuns(segmentation, size, where);
  for (let i = 0; i < mask.length; i++) if (region[i]) mask[i] = value;
}

/** Sets `mask` to `value` in the pixels that the box touches. */
export function fillBox(mask: Uint8Array, { width }: Size, [x1, y1, x2, y2]: Xyxy, value: number): void {
  for (let y = Math.floor(y1); y < y2; y++) {
    mask.fill(value, y * width + Math.floor(x1), y * width + Math.ceil(x2));
  }
}

function readRuns(
  { size: [height, width], counts }: Exclude<Segmentation, readonly ArrayLike<number>[]>,
  size: Size,
  where: string,
): Uint8Array {
  if (height !== size.height || width !== size.width) {
    throw new InstructCvError(
      "dataset",
      `${where}: run lengths for ${width}x${height} in an image of ${size.width}x${size.height}.`,
    );
  }
  try {
    return typeof counts === "string" ? decodeRle({ size: [height, width], counts }) : fillRuns(counts, size);
  } catch (error) {
    if (error instanceof InstructCvError) throw new InstructCvError("dataset", `${where}: ${error.message}`);
    throw error;
  }
}
