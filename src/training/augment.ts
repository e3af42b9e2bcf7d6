/** Pixel work on photos in plain typed arrays: random crops, crop-resize with mirroring, colour jitter. */
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
export function taps(start: number, end: number, side: number, out: number, flip: boolean) {
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

/** Bilinear crop and resize of a square RGB photo, then mirrored left-right if `flip`. Result: height x width x 3, floats in 0..255. */
export function cropResize(
  photo: Uint8Array,
  side: number,
  crop: Xyxy,
  { width, height }: Size,
  flip: boolean,
): Float32Array {
  const xs = taps(crop[0], crop[2], side, width, flip);
  const ys = taps(crop[1], crop[3], side, height, false);
  const result = new Float32Array(width * height * 3);
  let o = 0;
  for (let y = 0; y < height; y++) {
    const top = ys.first[y]! * side;
    const bottom = ys.second[y]! * side;
    const v = ys.weight[y]!;
    for (let x = 0; x < width; x++) {
      const a = (top + xs.first[x]!) * 3;
      const b = (top + xs.second[x]!) * 3;
      const c = (bottom + xs.first[x]!) * 3;
      const d = (bottom + xs.second[x]!) * 3;
      const u = xs.weight[x]!;
      result[o] = bilinear(photo[a]!, photo[b]!, photo[c]!, photo[d]!, u, v);
      result[o + 1] = bilinear(photo[a + 1]!, photo[b + 1]!, photo[c + 1]!, photo[d + 1]!, u, v);
      result[o + 2] = bilinear(photo[a + 2]!, photo[b + 2]!, photo[c + 2]!, photo[d + 2]!, u, v);
      o += 3;
    }
  }
  return result;
}

function bilinear(a: number, b: number, c: number, d: number, u: number, v: number): number {
  const upper = a + u * (b - a);
  const lower = c + u * (d - c);
  return upper + v * (lower - upper);
}

/** Largest relative changes, or the factors that were drawn. */
export interface Jitter {
  readonly brightness: number;
  readonly contrast: number;
  readonly saturation: number;
}

/** Factors from [1 - j, 1 + j] for each strength j. */
export function drawJitter(rng: Rng, strength: Jitter): Jitter {
  const factor = (j: number) => 1 + j * (2 * rng.next() - 1);
  const [brightness, contrast] = [factor(strength.brightness), factor(strength.contrast)];
  return { brightness, contrast, saturation: factor(strength.saturation) };
}

/**
 * Brightness, then contrast about the mean grey, then saturation about each pixel's grey, each times its factor; rounds to 8 bits.
 * `pixels` is RGB HWC in 0..255.
 */
export function jitterColours(pixels: Float32Array, { width, height }: Size, factors: Jitter): Picture {
  const { brightness, contrast, saturation } = factors;
  let [red, green, blue] = [0, 0, 0];
  for (let i = 0; i < pixels.length; i += 3) {
    red += pixels[i]!;
    green += pixels[i + 1]!;
    blue += pixels[i + 2]!;
  }
  const mean = (0.299 * red + 0.587 * green + 0.114 * blue) / (width * height);
  // All three in one: own * value + shared * grey + offset.
  const own = saturation * contrast * brightness;
  const shared = (1 - saturation) * contrast * brightness;
  const offset = (1 - contrast) * brightness * mean;
  const data = new Uint8ClampedArray(pixels.length);
  for (let i = 0; i < pixels.length; i += 3) {
    const r = pixels[i]!;
    const g = pixels[i + 1]!;
    const b = pixels[i + 2]!;
    const base = shared * (0.299 * r + 0.587 * g + 0.114 * b) + offset;
    data[i] = own * r + base;
    data[i + 1] = own * g + base;
    data[i + 2] = own * b + base;
  }
  return { width, height, data: new Uint8Array(data.buffer) };
}
