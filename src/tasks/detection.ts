/**
 * Detection: a copy of the photo with a blue rectangle outline for each instance of the category. As in the paper the outline is 4
 * pixels wide; a checkpoint may ask for one whose width is a share of the box instead, which a small network draws more surely.
 */
import type { Picture } from "../image/picture.js";
import { wholeCrop } from "../image/resample.js";
import { admissibilityOf, requireSameSize } from "./codec.js";
import { findBroadBoxes } from "./outlines/broad.js";
import { MIN_SIDE } from "./outlines/edges.js";
import { findBoxes } from "./outlines/find.js";
import { forOutline, OUTLINE, outlineStrength } from "./outlines/strength.js";
import type { Task, Xyxy } from "./task.js";

/** A box of which a smaller share is left after a crop is dropped. */
const MIN_VISIBLE = 0.25;

/**
 * The codec for outlines of 4 pixels (`outlineShare` null) or of a share of each box's shorter side.
 *
 * Decoding measures how blue each pixel became (see `outlineStrength`), finds the rectangles whose outlines explain that (see
 * `findBoxes` and `findBroadBoxes`) and scales them to the photo. The nearest valid encoding is the photo blended towards blue by that
 * strength, so changes of the photo other than blue cost admissibility.
 */
export const detectionWith = (outlineShare: number | null): Task<"detection"> => ({
  name: "detection",

  /** Outlines lie inside their box; those of 4 pixels take at most a third of its shorter side. */
  encode(label, image) {
    requireSameSize("The label's frame", label, image);
    const picture: Picture = { width: image.width, height: image.height, data: Uint8Array.from(image.data) };
    for (const box of label.boxes) drawOutline(picture, box, outlineShare);
    return picture;
  },

  decode(drawn, image, slots, photoSize) {
    requireSameSize("The drawn picture", drawn, image);
    const alpha = outlineStrength(drawn, image);
    const [scaleX, scaleY] = [photoSize.width / image.width, photoSize.height / image.height];
    const label = slots.category ?? "object";
    const found = outlineShare === null ? findBoxes(alpha, image) : findBroadBoxes(alpha, image, outlineShare);
    const boxes = found.map(({ xyxy: [x1, y1, x2, y2], score }) => ({
      xyxy: [x1 * scaleX, y1 * scaleY, x2 * scaleX, y2 * scaleY] as const,
      score,
      label,
    }));
    const nearest = new Float32Array(drawn.data.length);
    for (let p = 0, i = 0; p < alpha.length; p++) {
      const strength = Math.max(0, alpha[p]!);
      for (let c = 0; c < 3; c++, i++) {
        const pixel = image.data[i]! / 255;
        nearest[i] = pixel + strength * (OUTLINE[c]! / 255 - pixel);
      }
    }
    return {
      task: "detection",
      boxes,
      size: { width: photoSize.width, height: photoSize.height },
      admissibility: admissibilityOf(drawn, nearest),
    };
  },

  /** Boxes are clipped to the crop; dropped when less than a quarter of one is left or a side falls below 6 pixels. */
  transformLabel(label, crop, size, flip) {
    const [left, top, right, bottom] = wholeCrop(crop, label);
    const [scaleX, scaleY] = [size.width / (right - left), size.height / (bottom - top)];
    const boxes: Xyxy[] = [];
    for (const [x1, y1, x2, y2] of label.boxes) {
      const [cx1, cx2] = [Math.max(x1, left), Math.min(x2, right)];
      const [cy1, cy2] = [Math.max(y1, top), Math.min(y2, bottom)];
      const width = (cx2 - cx1) * scaleX;
      const height = (cy2 - cy1) * scaleY;
      if (width < MIN_SIDE || height < MIN_SIDE) continue;
      if ((cx2 - cx1) * (cy2 - cy1) < MIN_VISIBLE * (x2 - x1) * (y2 - y1)) continue;
      const x = flip ? size.width - (cx2 - left) * scaleX : (cx1 - left) * scaleX;
      const y = (cy1 - top) * scaleY;
      boxes.push([x, y, x + width, y + height]);
    }
    return { task: "detection", width: size.width, height: size.height, boxes };
  },
});

/** The paper's outlines. */
export const detection = detectionWith(null);

function drawOutline({ width, height, data }: Picture, box: Xyxy, share: number | null): void {
  forOutline(wholeCrop(box, { width, height }), share, width, (pixel) => data.set(OUTLINE, pixel * 3));
}
