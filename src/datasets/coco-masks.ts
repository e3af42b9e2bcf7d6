/** The three ways COCO writes a region - polygons, run lengths, packed run lengths - laid into one mask. */
import { InstructCvError } from "../errors.js";
import type { Size } from "../image/picture.js";
import { decodeRle, fillRuns } from "../tasks/rle.js";
import { fillPolygon } from "./polygon.js";

export type Segmentation =
  /** Polygons [x0, y0, x1, y1, ...] in pixels; their union. */
  | readonly ArrayLike<number>[]
  /** Column-major runs, zeros first, [height, width]; a string when packed as the COCO tools do. */
  | { readonly size: readonly [number, number]; readonly counts: string | readonly number[] };

/**
 * Sets `mask` (row-major, `size`) to `value` where the region lies.
 * @throws {InstructCvError} "dataset" when run lengths are for another size.
 */
export function fillSegmentation(mask: Uint8Array, size: Size, segmentation: Segmentation, value: number): void {
  if (!("counts" in segmentation)) {
    for (const polygon of segmentation) fillPolygon(mask, size, polygon, value);
    return;
  }
  const { counts } = segmentation;
  const [height, width] = segmentation.size;
  if (height !== size.height || width !== size.width) {
    throw new InstructCvError(
      "dataset",
      `Run lengths for ${width}x${height} in an image of ${size.width}x${size.height}.`,
    );
  }
  const region = typeof counts === "string" ? decodeRle({ size: [height, width], counts }) : fillRuns(counts, size);
  for (let i = 0; i < mask.length; i++) if (region[i]) mask[i] = value;
}
