/** COCO run lengths: column-major runs starting with zeros, compressed exactly as pycocotools (maskApi.c) writes them. */
import { InstructCvError } from "../errors.js";
import type { Size } from "../image/picture.js";
import type { Rle } from "./task.js";

/** Compressed run lengths of a row-major mask; 1 is inside, every other value outside. */
export function encodeRle(mask: Uint8Array, size: Size): Rle {
  return { size: [size.height, size.width], counts: compress(runs(mask, size)) };
}

/** Row-major 0/1 mask of `size[0]` rows by `size[1]` columns. @throws {InstructCvError} "dataset" when the runs do not fill it. */
export function decodeRle(rle: Rle): Uint8Array {
  return fillRuns(rleRuns(rle), { height: rle.size[0], width: rle.size[1] });
}

/** Number of pixels inside, without decoding the mask. */
export function rleArea(rle: Rle): number {
  let area = 0;
  rleRuns(rle).forEach((run, i) => {
    if (i % 2 === 1) area += run;
  });
  return area;
}

/** Row-major 0/1 mask of uncompressed column-major runs, as COCO writes crowds. */
export function fillRuns(counts: readonly number[], { width, height }: Size): Uint8Array {
  const total = counts.reduce((sum, run) => sum + run, 0);
  if (total !== width * height || counts.some((run) => run < 0))
    throw new InstructCvError(
      "dataset",
      `Run lengths cover ${total} pixels, expected ${width * height} (${width}x${height}).`,
      "Check that mask and size belong together.",
    );
  const mask = new Uint8Array(width * height);
  let at = 0;
  counts.forEach((run, i) => {
    if (i % 2 === 1) for (let k = at; k < at + run; k++) mask[(k % height) * width + Math.floor(k / height)] = 1;
    at += run;
  });
  return mask;
}

function runs(mask: Uint8Array, { width, height }: Size): number[] {
  const counts: number[] = [];
  let inside = false;
  let run = 0;
  for (let x = 0; x < width; x++)
    for (let i = x; i < width * height; i += width) {
      if ((mask[i] === 1) !== inside) {
        counts.push(run);
        run = 0;
        inside = !inside;
      }
      run++;
    }
  counts.push(run);
  return counts;
}

/** From the fourth run on, the difference to the run two before; then 5 bits a character, lowest first, offset 48. */
function compress(counts: readonly number[]): string {
  let text = "";
  counts.forEach((run, i) => {
    let value = i > 2 ? run - counts[i - 2]! : run;
    for (let more = true; more; ) {
      let bits = value & 0x1f;
      value >>= 5;
      more = bits & 0x10 ? value !== -1 : value !== 0;
      if (more) bits |= 0x20;
      text += String.fromCharCode(bits + 48);
    }
  });
  return text;
}

/** The column-major runs themselves, zeros first. @throws {InstructCvError} "dataset" when the text is damaged. */
export function rleRuns({ counts: text }: Rle): number[] {
  const counts: number[] = [];
  for (let at = 0; at < text.length; ) {
    let value = 0;
    let shift = 0;
    for (let more = true; more; ) {
      const bits = text.charCodeAt(at++) - 48;
      if (!(bits >= 0 && bits < 64))
        throw new InstructCvError("dataset", "Compressed run lengths are cut short or corrupt.");
      value |= (bits & 0x1f) << shift;
      shift += 5;
      more = (bits & 0x20) !== 0;
      if (!more && bits & 0x10) value |= -1 << shift;
    }
    counts.push(counts.length > 2 ? value + counts[counts.length - 2]! : value);
  }
  return counts;
}
