/** Boxes as annotation files give them, cut to the photo. */
import type { Size, Xyxy } from "../image/picture.js";

/** The part of a box inside the photo; of no width or height where it has none. */
export function clipBox([x1, y1, x2, y2]: Xyxy, { width, height }: Size): Xyxy {
  const left = Math.min(Math.max(x1, 0), width);
  const top = Math.min(Math.max(y1, 0), height);
  return [left, top, Math.max(Math.min(x2, width), left), Math.max(Math.min(y2, height), top)];
}

export function hasArea([x1, y1, x2, y2]: Xyxy): boolean {
  return x2 > x1 && y2 > y1;
}
