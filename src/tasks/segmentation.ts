/** Segmentation: white where the category is, black elsewhere. */
import { forEachCell, resizeBilinear } from "../image/resample.js";
import { admissibilityOf, greyOf, greyPicture, requireSameSize } from "./codec.js";
import { encodeRle } from "./rle.js";
import type { Task } from "./task.js";

const IGNORE = 255;

/**
 * Decoding reads the luminance as the probability that a pixel belongs to the category (what a one-step sampler draws is the
 * conditional mean of white and black), scales it to the photo and cuts at 0.5. The nearest valid encoding is the clamped grey
 * of each pixel, so uncertainty costs no admissibility but colour does.
 */
export const segmentation: Task<"segmentation"> = {
  name: "segmentation",

  /** Pixels to ignore are drawn black. */
  encode(label, image) {
    requireSameSize("The mask", label, image);
    return greyPicture(image, (p) => (label.mask[p] === 1 ? 255 : 0));
  },

  decode(drawn, image, _slots, photoSize) {
    requireSameSize("The drawn picture", drawn, image);
    const { grey, nearest } = greyOf(drawn);
    const probability = resizeBilinear(grey, drawn, photoSize, 1);
    const mask = new Uint8Array(probability.length);
    let area = 0;
    let sum = 0;
    for (let i = 0; i < mask.length; i++) {
      const p = probability[i]!;
      if (p < 0.5) continue;
      mask[i] = 1;
      area++;
      sum += p;
    }
    return {
      task: "segmentation",
      mask,
      rle: encodeRle(mask, photoSize),
      probability,
      area,
      score: area > 0 ? sum / area : 0,
      size: { width: photoSize.width, height: photoSize.height },
      admissibility: admissibilityOf(drawn, nearest),
    };
  },

  /** Each output pixel takes the majority of the input pixels it covers; ignored ones count only when they are most. */
  transformLabel(label, crop, size, flip) {
    const mask = new Uint8Array(size.width * size.height);
    forEachCell(label, crop, size, flip, (index, x1, y1, x2, y2) => {
      let inside = 0;
      let ignored = 0;
      for (let y = y1; y < y2; y++)
        for (let i = y * label.width + x1; i < y * label.width + x2; i++) {
          if (label.mask[i] === 1) inside++;
          else if (label.mask[i] === IGNORE) ignored++;
        }
      const pixels = (x2 - x1) * (y2 - y1);
      mask[index] = 2 * ignored > pixels ? IGNORE : 2 * inside >= pixels - ignored && inside > 0 ? 1 : 0;
    });
    return { task: "segmentation", width: size.width, height: size.height, mask };
  },
};
