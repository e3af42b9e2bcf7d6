/** Pictures (HWC) to what networks take (CHW, -1..1) and back. */
import type { FloatPicture, Picture, Size } from "../image/picture.js";

/** 8-bit RGB to [3, H, W] in [-1, 1]. */
export function toPlanes({ data }: Picture): Float32Array {
  const area = data.length / 3;
  const planes = new Float32Array(data.length);
  for (let p = 0; p < area; p++) for (let c = 0; c < 3; c++) planes[c * area + p] = data[3 * p + c]! / 127.5 - 1;
  return planes;
}

/** [3, H, W], nominally in [-1, 1], to RGB floats nominally in [0, 1]; not clipped. */
export function fromPlanes(planes: Float32Array, { width, height }: Size): FloatPicture {
  const area = width * height;
  const data = new Float32Array(planes.length);
  for (let p = 0; p < area; p++) for (let c = 0; c < 3; c++) data[3 * p + c] = (planes[c * area + p]! + 1) / 2;
  return { width, height, data };
}
