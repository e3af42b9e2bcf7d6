/** Pixel work of the loader in plain typed arrays: random crops, crop-resize with mirroring, colour jitter. */
import type { Picture, Size } from "../image/picture.js";
import type { Rng } from "../random.js";
import type { Xyxy } from "../tasks/task.js";

export interface CropRange {
  /** Share of the frame's area. */
  readonly scale: readonly [number, number];
  /** Width / height. */
  readonly aspect: readonly [number, number];
}

/** A window of a `side` x `side` frame, in whole pixels; aspect is drawn log-uniformly. Null keeps the frame. */
export function drawCrop(rng: Rng, side: number, range: CropRange | null): Xyxy {
  if (range === null) return [0, 0, side, side];
  const area = (range.scale[0] + (range.scale[1] - range.scale[0]) * rng.next()) * side * side;
  const [low, high] = [Math.log(range.aspect[0]), Math.log(range.aspect[1])];
  const aspect = Math.exp(low + (high - low) * rng.next());
  const width = Math.max(1, Math.min(side, Math.round(Math.sqrt(area * aspect))));
  const height = Math.max(1, Math.min(side, Math.round(Math.sqrt(area / aspect))));
  const left = rng.int(side - width + 1);
  const top = rng.int(side - height + 1);
  return [left, top, left + width, top + height];
}

/** Source positions of one output axis: the two neighbours and the weight of the second (half-pixel centres, edges repeated). */
function taps(start: number, end: number, side: number, out: number, flip: boolean) {
  const first = new Int32Array(out);
  const second = new Int32Array(out);
  const weight = new Float32Array(out);
  for (let i = 0; i < out; i++) {
    const at = start + ((i + 0.5) * (end - start)) / out - 0.5;
    const clamped = Math.min(side - 1, Math.max(0, at));
    const k = flip ? out - 1 - i : i;
    first[k] = Math.floor(clamped);
    second[k] = Math.min(side - 1, Math.floor(clamped) + 1);
    weight[k] = clamped - Math.floor(clamped);
  }
  return { first, second, weight };
}

/**
 * Bilinear crop and resize of a square HWC raster, then mirrored left-right if `flip`. Result: height x width x channels, floats
 * in the units of the source.
 */
export function cropResize(
  source: Uint8Array,
  side: number,
  channels: number,
  crop: Xyxy,
  { width, height }: Size,
  flip: boolean,
): Float32Array {
  const xs = taps(crop[0], crop[2], side, width, flip);
  const ys = taps(crop[1], crop[3], side, height, false);
  const result = new Float32Array(width * height * channels);
  let o = 0;
  for (let y = 0; y < height; y++) {
    const top = ys.first[y]! * side;
    const bottom = ys.second[y]! * side;
    const v = ys.weight[y]!;
    for (let x = 0; x < width; x++) {
      const u = xs.weight[x]!;
      const a = (top + xs.first[x]!) * channels;
      const b = (top + xs.second[x]!) * channels;
      const c = (bottom + xs.first[x]!) * channels;
      const d = (bottom + xs.second[x]!) * channels;
      for (let k = 0; k < channels; k++) {
        const upper = source[a + k]! + u * (source[b + k]! - source[a + k]!);
        const lower = source[c + k]! + u * (source[d + k]! - source[c + k]!);
        result[o++] = upper + v * (lower - upper);
      }
    }
  }
  return result;
}

/** Depth in millimetres (0 = unknown) to metres: each output pixel is the weighted mean of its known neighbours, 0 without any. */
export function cropResizeDepth(
  millimetres: Uint16Array,
  side: number,
  crop: Xyxy,
  out: number,
  flip: boolean,
): Float32Array {
  const xs = taps(crop[0], crop[2], side, out, flip);
  const ys = taps(crop[1], crop[3], side, out, false);
  const result = new Float32Array(out * out);
  for (let y = 0; y < out; y++) {
    for (let x = 0; x < out; x++) {
      let sum = 0;
      let known = 0;
      for (let n = 0; n < 4; n++) {
        const row = n < 2 ? ys.first[y]! : ys.second[y]!;
        const column = n % 2 === 0 ? xs.first[x]! : xs.second[x]!;
        const w = (n < 2 ? 1 - ys.weight[y]! : ys.weight[y]!) * (n % 2 === 0 ? 1 - xs.weight[x]! : xs.weight[x]!);
        const value = millimetres[row * side + column]!;
        if (value > 0) {
          sum += w * value;
          known += w;
        }
      }
      result[y * out + x] = known > 0 ? sum / known / 1000 : 0;
    }
  }
  return result;
}

export interface Jitter {
  readonly brightness: number;
  readonly contrast: number;
  readonly saturation: number;
}

/**
 * Brightness, then contrast about the mean grey, then saturation about each pixel's grey, each by a factor drawn from
 * [1 - j, 1 + j]; rounds to 8 bits. `pixels` is RGB HWC in 0..255.
 */
export function jitterColours(rng: Rng, pixels: Float32Array, { width, height }: Size, jitter: Jitter): Picture {
  const factor = (j: number) => 1 + j * (2 * rng.next() - 1);
  const [brightness, contrast, saturation] = [jitter.brightness, jitter.contrast, jitter.saturation].map(factor) as [
    number,
    number,
    number,
  ];
  const count = width * height;
  let mean = 0;
  for (let i = 0; i < count; i++) {
    mean += 0.299 * pixels[i * 3]! + 0.587 * pixels[i * 3 + 1]! + 0.114 * pixels[i * 3 + 2]!;
  }
  mean = (mean / count) * brightness;
  const gain = brightness * contrast;
  const offset = mean * (1 - contrast);
  const data = new Uint8Array(count * 3);
  for (let i = 0; i < count; i++) {
    const r = pixels[i * 3]! * gain + offset;
    const g = pixels[i * 3 + 1]! * gain + offset;
    const b = pixels[i * 3 + 2]! * gain + offset;
    const grey = 0.299 * r + 0.587 * g + 0.114 * b;
    data[i * 3] = to8(grey + saturation * (r - grey));
    data[i * 3 + 1] = to8(grey + saturation * (g - grey));
    data[i * 3 + 2] = to8(grey + saturation * (b - grey));
  }
  return { width, height, data };
}

function to8(value: number): number {
  return value <= 0 ? 0 : value >= 255 ? 255 : (value + 0.5) | 0;
}
