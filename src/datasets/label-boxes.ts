/** Boxes of the regions of a label map: each frames the pixels that carry one value. */
import type { Size } from "../image/picture.js";
import type { Xyxy } from "../tasks/task.js";

/**
 * The tight box (pixels, half-open) of every value that `valueAt` gives, in the order in which the values are met row by row.
 * @param valueAt of a pixel number, row-major; 0 belongs to no region
 */
export function boxesOfValues({ width, height }: Size, valueAt: (pixel: number) => number): Map<number, Xyxy> {
  const edges = new Map<number, [number, number, number, number]>();
  for (let y = 0, i = 0; y < height; y++) {
    let run = 0;
    let box: [number, number, number, number] = [0, 0, 0, 0];
    for (let x = 0; x < width; x++, i++) {
      const value = valueAt(i);
      if (value === 0) continue;
      if (value !== run) {
        run = value;
        box = edges.get(value) ?? [x, y, x + 1, y + 1];
        edges.set(value, box);
      }
      if (x < box[0]) box[0] = x;
      if (x >= box[2]) box[2] = x + 1;
      box[3] = y + 1;
    }
  }
  return edges;
}
