/** Resampling of plain arrays, for maps a codec scales: probabilities, metres, masks. Half-pixel centres throughout. */
import type { Size, Xyxy } from "./picture.js";

/** Where each output sample of one axis reads: two neighbours and the weight of the second. */
function axis(from: number, to: number, start: number, end: number) {
  const low = new Int32Array(to);
  const high = new Int32Array(to);
  const weight = new Float32Array(to);
  const scale = (end - start) / to;
  for (let i = 0; i < to; i++) {
    const at = Math.min(Math.max(start + (i + 0.5) * scale - 0.5, 0), from - 1);
    const floor = Math.floor(at);
    low[i] = floor;
    high[i] = Math.min(floor + 1, from - 1);
    weight[i] = at - floor;
  }
  return { low, high, weight };
}

/**
 * Bilinear resize of an HWC array (`data.length === from.width * from.height * channels`), as torch's
 * `interpolate(mode="bilinear", align_corners=False)`: half-pixel centres, edges clamped, no low-pass before shrinking.
 */
export function resizeBilinear(data: Float32Array, from: Size, to: Size, channels: number): Float32Array {
  if (from.width === to.width && from.height === to.height) return data.slice();
  const x = axis(from.width, to.width, 0, from.width);
  const y = axis(from.height, to.height, 0, from.height);
  const out = new Float32Array(to.width * to.height * channels);
  const stride = from.width * channels;
  let o = 0;
  for (let row = 0; row < to.height; row++) {
    const top = y.low[row]! * stride;
    const bottom = y.high[row]! * stride;
    const wy = y.weight[row]!;
    for (let column = 0; column < to.width; column++) {
      const left = x.low[column]! * channels;
      const right = x.high[column]! * channels;
      const wx = x.weight[column]!;
      for (let c = 0; c < channels; c++) {
        const a = data[top + left + c]!;
        const b = data[bottom + left + c]!;
        const upper = a + (data[top + right + c]! - a) * wx;
        const lower = b + (data[bottom + right + c]! - b) * wx;
        out[o++] = upper + (lower - upper) * wy;
      }
    }
  }
  return out;
}

/** Nearest-neighbour resize of a one-channel array; each output pixel takes the input pixel that holds its centre. */
export function resizeNearest<T extends Uint8Array | Float32Array>(data: T, from: Size, to: Size): T {
  const pixels = to.width * to.height;
  const out = (data instanceof Uint8Array ? new Uint8Array(pixels) : new Float32Array(pixels)) as T;
  for (let row = 0, o = 0; row < to.height; row++) {
    const base = Math.floor(((row + 0.5) * from.height) / to.height) * from.width;
    for (let column = 0; column < to.width; column++)
      out[o++] = data[base + Math.floor(((column + 0.5) * from.width) / to.width)]!;
  }
  return out;
}

/**
 * Walks the cells that `crop` of a frame falls into when it is squashed to `to` (mirrored left-right if `flip`): for
 * output pixel `index`, the input pixels [x1, x2) x [y1, y2), at least one. Lets a label be averaged or voted by cell.
 */
export function forEachCell(
  frame: Size,
  crop: Xyxy,
  to: Size,
  flip: boolean,
  visit: (index: number, x1: number, y1: number, x2: number, y2: number) => void,
): void {
  const [left, top, right, bottom] = wholeCrop(crop, frame);
  const columns = cells(left, right, to.width);
  const rows = cells(top, bottom, to.height);
  for (let row = 0; row < to.height; row++)
    for (let column = 0; column < to.width; column++) {
      const [x1, x2] = columns[flip ? to.width - 1 - column : column]!;
      const [y1, y2] = rows[row]!;
      visit(row * to.width + column, x1, y1, x2, y2);
    }
}

/** Shrinking: the pixels whose centres lie in the cell; enlarging: the pixel that holds the cell's centre. */
function cells(start: number, end: number, count: number): [number, number][] {
  const scale = (end - start) / count;
  return Array.from({ length: count }, (_, i) => {
    const first = Math.round(start + i * scale);
    const last = Math.round(start + (i + 1) * scale);
    if (last > first) return [first, last];
    const centre = Math.floor(start + (i + 0.5) * scale);
    return [centre, centre + 1];
  });
}

/**
 * `crop` rounded to whole pixels of a frame and kept inside it, at least one pixel each way. Photos and labels are cut
 * by the same rounded crop, so they stay aligned.
 */
export function wholeCrop(crop: Xyxy, frame: Size): Xyxy {
  const [x1, x2] = wholeSpan(crop[0], crop[2], frame.width);
  const [y1, y2] = wholeSpan(crop[1], crop[3], frame.height);
  return [x1, y1, x2, y2];
}

function wholeSpan(start: number, end: number, length: number): [number, number] {
  const first = Math.min(Math.max(Math.round(start), 0), length - 1);
  return [first, Math.min(Math.max(Math.round(end), first + 1), length)];
}
