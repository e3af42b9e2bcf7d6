/** The mask of a category that a photo does not show. */
import type { Size } from "../image/picture.js";

/** All 0, except where every mask of the photo says that the pixel does not count (VOC's void band around objects): 255. */
export function absentMask(masks: readonly Uint8Array[], { width, height }: Size): Uint8Array {
  const [first, ...others] = masks;
  if (!first) return new Uint8Array(width * height);
  return first.map((value, i) => (value === 255 && others.every((mask) => mask[i] === 255) ? 255 : 0));
}
