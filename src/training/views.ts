/** Crops of stored photos and their places in an example. */
import type { Picture, Size } from "../image/picture.js";
import type { Rng } from "../random.js";
import type { Xyxy } from "../tasks/task.js";
import { type CropRange, cropResize, drawCrop, jitterColours } from "./augment.js";
import type { TrainConfig } from "./config.js";
import { forPlace, type Partner } from "./pairs.js";
import type { StoredSample } from "./store.js";

/** A crop of a stored photo and where the example shows it. */
export interface View extends Partner {
  /** Corpus-size pixels. */
  readonly crop: Xyxy;
  readonly flip: boolean;
  /** Pixels of the example. */
  readonly place: Xyxy;
}

export const wholeFrame = (side: number): Xyxy => [0, 0, side, side];
export const sizeOf = ([left, top, right, bottom]: Xyxy): Size => ({ width: right - left, height: bottom - top });

export function drawView(
  sample: StoredSample,
  side: number,
  { data }: TrainConfig,
  rng: Rng,
  place: Xyxy,
  range: CropRange | null,
): View {
  const crop = drawCrop(rng, side, forPlace(range, place));
  return { sample, labelled: true, crop, flip: rng.next() < data.flip, place };
}

/** The photo of a view at the size of its place. */
export function cut({ sample, crop, flip, place }: View, side: number): Float32Array {
  return cropResize(sample.photo, side, crop, sizeOf(place), flip);
}

export function jittered(view: View, side: number, { data }: TrainConfig, rng: Rng): Picture {
  return jitterColours(rng, cut(view, side), sizeOf(view.place), data.jitter);
}

/** The pictures of the views in their places. */
export function compose(resolution: number, views: readonly View[], pictures: readonly Picture[]): Picture {
  if (views.length === 1) return pictures[0]!;
  const data = new Uint8Array(resolution * resolution * 3);
  for (const [i, { place }] of views.entries()) paste(pictures[i]!.data, data, place, resolution, 3);
  return { width: resolution, height: resolution, data };
}

/** Copies a block of `channels` values a pixel into its place of a frame `width` pixels wide. */
export function paste(
  block: Uint8Array | Float32Array,
  frame: Uint8Array | Float32Array,
  [left, top, right, bottom]: Xyxy,
  width: number,
  channels: number,
): void {
  const row = (right - left) * channels;
  for (let y = top; y < bottom; y++) {
    const from = (y - top) * row;
    frame.set(block.subarray(from, from + row), (y * width + left) * channels);
  }
}

/** What each byte is in -1..1. */
const levels = Float32Array.from({ length: 256 }, (_, byte) => byte / 127.5 - 1);

/** HWC bytes to CHW floats in -1..1. */
export function toPlanes({ width, height, data }: Picture, out: Float32Array, offset: number): void {
  const area = width * height;
  const [green, blue] = [offset + area, offset + 2 * area];
  for (let p = 0, i = 0; p < area; p++, i += 3) {
    out[offset + p] = levels[data[i]!]!;
    out[green + p] = levels[data[i + 1]!]!;
    out[blue + p] = levels[data[i + 2]!]!;
  }
}
