/** The mask of a category that a photo does not show. */
import type { Size } from "../image/picture.js";

/** All 0, except where every mask of the photo says that the pixel does not count (VOC's void band around objects): 255. */
export function absentMask(masks: readonly Uint8Array[], { width, height }: Size): Uint8Array {
  const absent = new Uint8Array(width * height);
  const [first, ...others] = masks;
  if (!first?.includes(255)) return absent;
  for (let i = 0; i < absent.length; i++) {
    if (first[i] === 255 && others.every((mask) => mask[i] === 255)) absent[i] = 255;
  }
  return absent;
}
