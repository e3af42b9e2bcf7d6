/** Depth: 8-bit grey, linear from 0 m (black) to 10 m (white). */
import { forEachCell, resizeBilinear } from "../image/resample.js";
import { admissibilityOf, greyOf, greyPicture, requireSameSize } from "./codec.js";
import type { Task } from "./task.js";

/** What white means; farther is drawn white too. */
export const MAX_METRES = 10;

/**
 * Decoding takes the mean of the channels times 10 m, scaled bilinearly to the photo and kept in [0, 10]. The nearest valid
 * encoding is the clamped grey of each pixel.
 */
export const depth: Task<"depth"> = {
  name: "depth",

  /** Unknown pixels (0 or NaN) are drawn black. */
  encode(label, image) {
    requireSameSize("The depth map", label, image);
    return greyPicture(image, (p) => {
      const metres = label.metres[p]!;
      return metres > 0 ? Math.round((Math.min(metres, MAX_METRES) / MAX_METRES) * 255) : 0;
    });
  },

  decode(drawn, image, _slots, photoSize) {
    requireSameSize("The drawn picture", drawn, image);
    const { grey, nearest } = greyOf(drawn);
    const metres = resizeBilinear(
      grey.map((v) => v * MAX_METRES),
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
};
