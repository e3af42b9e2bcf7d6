/** Segmentation: white where the category is, black elsewhere, grey where that is not known. */
import { forEachCell, resizeBilinear } from "../image/resample.js";
import { admissibilityOf, greyOf, greyPicture, requireSameSize } from "./codec.js";
import { encodeRle } from "./rle.js";
import type { Task } from "./task.js";

const IGNORE = 255;

/** What a pixel to ignore is drawn as: a training target's pixels of this grey have no say. */
export const UNKNOWN_GREY = 128;

/**
 * Decoding reads the luminance as the probability that a pixel belongs to the category (what a one-step sampler draws is the
 * conditional mean of white and black), scales it to the photo and cuts at `maskThreshold`: 0.5 for a sure drawing, less where
 * the picture says it is unsure. The nearest valid encoding is the clamped grey
 * of each pixel, so uncertainty costs no admissibility but colour does.
 */
export const segmentation: Task<"segmentation"> = {
  name: "segmentation",

  encode(label, image) {
    requireSameSize("The mask", label, image);
    return greyPicture(image, (p) => (label.mask[p] === 1 ? 255 : label.mask[p] === IGNORE ? UNKNOWN_GREY : 0));
  },

  decode(drawn, image, _slots, photoSize) {
    requireSameSize("The drawn picture", drawn, image);
    const { grey, nearest } = greyOf(drawn);
    const probability = resizeBilinear(grey, drawn, photoSize, 1);
    const threshold = maskThreshold(probability);
    const mask = new Uint8Array(probability.length);
    let area = 0;
    let sum = 0;
    for (let i = 0; i < mask.length; i++) {
      const p = probability[i]!;
      if (!(p >= threshold)) continue;
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

const bins = 1000;
/** Where even the best mask is expected to overlap the truth by less than two thirds, it is not made any larger: it may be absent. */
const leastThreshold = 0.4;

/**
 * Where to cut probabilities so that the expected intersection over union is largest. A mask M has about
 * R = sum of p in M / (|M| + sum of p outside M); a pixel raises R if p > R (1 - p), so the cut is at R / (1 + R), found by
 * repeating (Dinkelbach's method). At most 0.5; never below 0.4, which is R = 2/3.
 */
export function maskThreshold(probability: Float32Array): number {
  const counts = new Float64Array(bins + 1);
  const sums = new Float64Array(bins + 1);
  for (const p of probability) {
    if (!(p > 0)) continue;
    const bin = Math.min(bins, Math.floor(p * bins));
    counts[bin]!++;
    sums[bin]! += Math.min(1, p);
  }
  const all = sums.reduce((total, sum) => total + sum, 0);
  let threshold = 0.5;
  for (let round = 0; round < 10; round++) {
    let inside = 0;
    let area = 0;
    for (let bin = Math.floor(threshold * bins); bin <= bins; bin++) {
      inside += sums[bin]!;
      area += counts[bin]!;
    }
    const ratio = area === 0 ? 0 : inside / (area + all - inside);
    const next = Math.max(leastThreshold, ratio / (1 + ratio));
    if (Math.abs(next - threshold) < 1 / bins) return next;
    threshold = next;
  }
  return threshold;
}
