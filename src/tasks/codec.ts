/** What the four codecs share: size checks, the admissibility score and the whole-frame label helper. */
import type { FloatPicture, Picture, Size } from "../image/picture.js";
import type { LabelOf, Task, TaskName } from "./task.js";

/** Throws when a label or drawn picture is not at the size of the photo it belongs to: a mistake of the caller. */
export function requireSameSize(what: string, found: Size, expected: Size): void {
  if (found.width !== expected.width || found.height !== expected.height)
    throw new RangeError(
      `${what} is ${found.width}x${found.height}, expected ${expected.width}x${expected.height} (the photo at the model's size).`,
    );
}

/**
 * How close a drawn picture is to its nearest valid encoding, in [0,1]; 1 = exactly valid.
 * `1 - mean over pixels of min(1, 1.5 * max over channels |drawn - nearest|)`; `nearest` is HWC like `drawn.data`.
 */
export function admissibilityOf(drawn: FloatPicture, nearest: Float32Array): number {
  const { data } = drawn;
  let sum = 0;
  for (let i = 0; i < data.length; i += 3) {
    let worst = 0;
    for (let c = i; c < i + 3; c++) worst = Math.max(worst, Math.abs(data[c]! - nearest[c]!));
    // A diverged sampler may draw NaN; that is as inadmissible as it gets.
    sum += worst <= 2 / 3 ? 1.5 * worst : 1;
  }
  return 1 - sum / (data.length / 3);
}

/** Mean of the channels clamped to [0,1], one value a pixel, and the grey picture it makes. */
export function greyOf(drawn: FloatPicture): { grey: Float32Array; nearest: Float32Array } {
  const { data } = drawn;
  const grey = new Float32Array(data.length / 3);
  const nearest = new Float32Array(data.length);
  for (let p = 0, i = 0; p < grey.length; p++, i += 3) {
    const mean = (data[i]! + data[i + 1]! + data[i + 2]!) / 3;
    // Written so that NaN becomes 0.
    grey[p] = mean > 0 ? Math.min(mean, 1) : 0;
    nearest.fill(grey[p]!, i, i + 3);
  }
  return { grey, nearest };
}

/** A grey picture of the given size; `value` gives 0..255 for each pixel. */
export function greyPicture({ width, height }: Size, value: (pixel: number) => number): Picture {
  const data = new Uint8Array(width * height * 3);
  for (let p = 0, i = 0; p < width * height; p++) {
    const grey = value(p);
    data[i++] = grey;
    data[i++] = grey;
    data[i++] = grey;
  }
  return { width, height, data };
}

/** An 8-bit picture as a decoder takes it, [0,1]. */
export function toFloatPicture(picture: Picture): FloatPicture {
  const data = new Float32Array(picture.data.length);
  for (let i = 0; i < data.length; i++) data[i] = picture.data[i]! / 255;
  return { width: picture.width, height: picture.height, data };
}

/** A drawn picture rounded to 8 bits, for files and pages. */
export function toPicture(drawn: FloatPicture): Picture {
  const data = new Uint8Array(drawn.data.length);
  for (let i = 0; i < data.length; i++) {
    const value = drawn.data[i]!;
    data[i] = value > 0 ? Math.round(Math.min(value, 1) * 255) : 0;
  }
  return { width: drawn.width, height: drawn.height, data };
}

/** The whole label squashed to `size`, as the photo is before the model sees it. */
export function fitLabel<T extends TaskName>(task: Task<T>, label: LabelOf<T>, size: Size): LabelOf<T> {
  const frame: Size = "width" in label ? label : size;
  return task.transformLabel(label, [0, 0, frame.width, frame.height], size, false);
}
