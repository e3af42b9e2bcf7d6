/** Depth: grey. As in the paper 8 bits are linear from 0 m (black) to 10 m (white); a checkpoint may ask for logarithmic ones instead. */
import { forEachCell, resizeBilinear } from "../image/resample.js";
import { admissibilityOf, greyOf, greyPicture, requireSameSize } from "./codec.js";
import type { Task } from "./task.js";

/** What white means; farther is drawn white too. */
export const MAX_METRES = 10;
/** What black means to logarithmic greys; nearer is drawn black too. */
const NEAREST_METRES = 0.5;

/** How grey tells metres: "log" spends as much of the range on each doubling of the distance. */
export type DepthGrey = "linear" | "log";

const logRange = Math.log(MAX_METRES / NEAREST_METRES);

/** @param metres above 0 @returns 0..1 */
export function greyOfMetres(metres: number, grey: DepthGrey): number {
  if (grey === "linear") return Math.min(metres, MAX_METRES) / MAX_METRES;
  return Math.min(1, Math.max(0, Math.log(metres / NEAREST_METRES) / logRange));
}

/** @param value 0..1 */
export function metresOfGrey(value: number, grey: DepthGrey): number {
  return grey === "linear" ? value * MAX_METRES : NEAREST_METRES * Math.exp(value * logRange);
}

/**
 * Decoding takes the mean of the channels to metres, scaled bilinearly to the photo and kept at 10 m or less. The nearest valid
 * encoding is the clamped grey of each pixel.
 */
export const depthWith = (scale: DepthGrey): Task<"depth"> => ({
  name: "depth",

  /** Unknown pixels (0 or NaN) are drawn black. */
  encode(label, image) {
    requireSameSize("The depth map", label, image);
    return greyPicture(image, (p) => {
      const metres = label.metres[p]!;
      return metres > 0 ? Math.round(greyOfMetres(metres, scale) * 255) : 0;
    });
  },

  decode(drawn, image, _slots, photoSize) {
    requireSameSize("The drawn picture", drawn, image);
    const { grey, nearest } = greyOf(drawn);
    const metres = resizeBilinear(
      grey.map((value) => metresOfGrey(value, scale)),
      drawn,
      photoSize,
      1,
    );
    let min = MAX_METRES;
    let max = 0;
    for (const value of metres) {
      if (value < min) min = value;
      if (value > max) max = value;
    }
    const size = { width: photoSize.width, height: photoSize.height };
    return { task: "depth", metres, min, max, size, admissibility: admissibilityOf(drawn, nearest) };
  },

  /** Each output pixel is the mean of the known depths it covers, 0 when none is known. */
  transformLabel(label, crop, size, flip) {
    const metres = new Float32Array(size.width * size.height);
    forEachCell(label, crop, size, flip, (index, x1, y1, x2, y2) => {
      let sum = 0;
      let known = 0;
      for (let y = y1; y < y2; y++)
        for (let i = y * label.width + x1; i < y * label.width + x2; i++) {
          const value = label.metres[i]!;
          if (!(value > 0)) continue;
          sum += value;
          known++;
        }
      metres[index] = known > 0 ? sum / known : 0;
    });
    return { task: "depth", width: size.width, height: size.height, metres };
  },
});
