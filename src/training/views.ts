/** Crops of stored photos and their places in an example: drawn, then loaded, then made. */
import type { Picture, Size } from "../image/picture.js";
import type { Rng } from "../random.js";
import { UNKNOWN_GREY } from "../tasks/segmentation.js";
import type { Xyxy } from "../tasks/task.js";
import { type CropRange, cropResize, drawCrop, drawJitter, type Jitter, jitterColours } from "./augment.js";
import type { TrainConfig } from "./config.js";
import { forPlace, type Partner } from "./pairs.js";
import type { RasterReader } from "./rasters.js";
import { loadSample, type Sample } from "./store.js";

/** A crop of a stored photo and where the example shows it: all that chance decides about it. */
export interface DrawnView extends Partner {
  /** Corpus-size pixels. */
  readonly crop: Xyxy;
  readonly flip: boolean;
  /** Pixels of the example. */
  readonly place: Xyxy;
  /** Null leaves the colours alone. */
  readonly jitter: Jitter | null;
}

/** A view whose rasters are in memory. */
export interface View extends Omit<DrawnView, "masks"> {
  readonly sample: Sample;
  /** Segmentation, not labelled: grey 128 where the photo's masks say nothing of any category, at the corpus size. */
  readonly unknown?: Uint8Array;
}

export const wholeFrame = (side: number): Xyxy => [0, 0, side, side];
export const sizeOf = ([left, top, right, bottom]: Xyxy): Size => ({ width: right - left, height: bottom - top });

/** Where two photos or one lie in an example, with the crop, mirror and then the colours of each. */
export function drawViews(
  places: readonly Xyxy[],
  partner: (i: number) => Partner,
  side: number,
  { data }: TrainConfig,
  rng: Rng,
  range: CropRange | null,
): DrawnView[] {
  const placed = places.map((place, i) => {
    const shown = partner(i);
    return { ...shown, crop: drawCrop(rng, side, forPlace(range, place)), flip: rng.next() < data.flip, place };
  });
  return placed.map((view) => ({ ...view, jitter: drawJitter(rng, data.jitter) }));
}

/** Loads what a view shows: its photo and, where it is labelled, its label. See `RasterReader.get` for what it throws. */
export async function loadView({ masks, ...view }: DrawnView, reader: RasterReader): Promise<View> {
  const { record, photo } = view.sample;
  if (view.labelled) return { ...view, sample: await loadSample(view.sample, reader) };
  const [raster, ...greys] = await Promise.all([photo, ...(masks ?? [])].map((stored) => reader.get(stored)));
  const unknown = unknownOf(greys);
  return { ...view, sample: { record, photo: raster! }, ...(unknown && { unknown }) };
}

/** Where all masks of a photo are unknown: what one category leaves open (a crowd of it) may be known of another. */
export function unknownOf([first, ...others]: readonly Uint8Array[]): Uint8Array | null {
  if (!first?.includes(UNKNOWN_GREY)) return null;
  return first.map((grey, i) =>
    grey === UNKNOWN_GREY && others.every((mask) => mask[i] === UNKNOWN_GREY) ? UNKNOWN_GREY : 0,
  );
}

/** The photo of a view at the size of its place. */
function picture({ sample, crop, flip, place, jitter }: View, side: number): Picture {
  const size = sizeOf(place);
  const pixels = cropResize(sample.photo, side, crop, size, flip);
  return jitter ? jitterColours(pixels, size, jitter) : { ...size, data: Uint8Array.from(pixels, Math.round) };
}

/** The pictures of the views in their places. */
export function compose(resolution: number, views: readonly View[], side: number): Picture {
  if (views.length === 1) return picture(views[0]!, side);
  const data = new Uint8Array(resolution * resolution * 3);
  for (const view of views) paste(picture(view, side).data, data, view.place, resolution, 3);
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
