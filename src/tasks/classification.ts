/** Classification: the whole frame in the positive colour if the category is in the photo, else in the negative colour. */
import { admissibilityOf, requireSameSize } from "./codec.js";
import { slotColours } from "./colours.js";
import type { Task } from "./task.js";

/**
 * Decoding projects the mean colour of the frame onto the segment from the negative to the positive colour: 0 at the negative
 * end, 1 at the positive (a one-step sampler draws the conditional mean, so this is P(present)); present from 0.5. The nearest
 * valid encoding is the frame in that one blended colour, so neither spots nor foreign colours are admissible.
 */
export const classification: Task<"classification"> = {
  name: "classification",

  encode(label, { width, height }, slots) {
    const { positive, negative } = slotColours(slots);
    const { rgb } = label.present ? positive : negative;
    const data = new Uint8Array(width * height * 3);
    for (let i = 0; i < data.length; i++) data[i] = rgb[i % 3]!;
    return { width, height, data };
  },

  decode(drawn, image, slots, photoSize) {
    requireSameSize("The drawn picture", drawn, image);
    const { positive, negative } = slotColours(slots);
    const { data } = drawn;
    let along = 0;
    let length = 0;
    for (let c = 0; c < 3; c++) {
      let sum = 0;
      for (let i = c; i < data.length; i += 3) sum += data[i]!;
      const from = negative.rgb[c]! / 255;
      const step = positive.rgb[c]! / 255 - from;
      along += (sum / (data.length / 3) - from) * step;
      length += step * step;
    }
    // Equal colours can carry no answer; NaN (a diverged sampler) fails the comparison and becomes 0.
    const share = length === 0 ? 0.5 : along / length;
    const probability = share > 0 ? Math.min(share, 1) : 0;
    const nearest = new Float32Array(data.length);
    for (let i = 0; i < nearest.length; i++) {
      const from = negative.rgb[i % 3]! / 255;
      nearest[i] = from + probability * (positive.rgb[i % 3]! / 255 - from);
    }
    return {
      task: "classification",
      present: probability >= 0.5,
      probability,
      size: { width: photoSize.width, height: photoSize.height },
      admissibility: admissibilityOf(drawn, nearest),
    };
  },

  /** Cutting and scaling do not change what is in the photo (a crop may lose it: the caller keeps crops mild). */
  transformLabel(label) {
    return { task: "classification", present: label.present };
  },
};
