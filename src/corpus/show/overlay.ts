/** A decoded answer drawn over its photo, without words: those stand beside it on the page. */
import { blend, copyPicture, type Rgb, strokeRectangle } from "../../image/draw.js";
import { OKABE_ITO } from "../../image/okabe-ito.js";
import type { Picture } from "../../image/picture.js";
import type { TaskResult } from "../../tasks/task.js";

const MASK: Rgb = [255, 64, 160];
const YES: Rgb = [44, 122, 69];
const NO: Rgb = [165, 66, 58];
/** Near to far: equal steps of viridis, yellow to violet. */
const DEPTHS: readonly Rgb[] = [
  [253, 231, 37],
  [122, 209, 81],
  [34, 168, 132],
  [42, 120, 142],
  [65, 68, 135],
  [68, 1, 84],
];

/** A new picture; `result` is at the size of the photo. */
export function drawAnswer(photo: Picture, result: TaskResult): Picture {
  const picture = copyPicture(photo);
  const line = Math.max(2, Math.round(Math.max(photo.width, photo.height) / 100));
  switch (result.task) {
    case "segmentation":
      for (const [pixel, value] of result.mask.entries()) {
        if (value === 1) blend(picture, pixel, MASK, 0.5);
        else blend(picture, pixel, [0, 0, 0], 0.45);
      }
      break;
    case "detection":
      // The surest last, on top of the others.
      for (const [i, { xyxy }] of [...result.boxes.entries()].reverse())
        strokeRectangle(picture, xyxy, OKABE_ITO[i % OKABE_ITO.length]!, line);
      break;
    case "depth": {
      const range = Math.max(result.max - result.min, 1e-6);
      for (const [pixel, metres] of result.metres.entries())
        blend(picture, pixel, depthColour((metres - result.min) / range), 1);
      break;
    }
    case "classification":
      strokeRectangle(picture, [0, 0, photo.width, photo.height], result.present ? YES : NO, 3 * line);
  }
  return picture;
}

/** `share`: 0 is the nearest pixel of the picture, 1 the farthest. */
function depthColour(share: number): Rgb {
  const at = Math.min(Math.max(share, 0), 1) * (DEPTHS.length - 1);
  const step = Math.min(Math.floor(at), DEPTHS.length - 2);
  const mix = (c: 0 | 1 | 2) => DEPTHS[step]![c] + (DEPTHS[step + 1]![c] - DEPTHS[step]![c]) * (at - step);
  return [mix(0), mix(1), mix(2)];
}
