/**
 * Two photos in one frame: the category is asked for where only one of them may show it. Few photos make many frames, and telling
 * what is asked from what stands out is what single photos teach least.
 */
import type { Rng } from "../random.js";
import type { Xyxy } from "../tasks/task.js";
import type { CropRange } from "./augment.js";
import { collectPresence } from "./presence.js";
import type { Stored } from "./rasters.js";
import type { Store, StoredSample } from "./store.js";

/** A photo of an example. */
export interface Partner {
  readonly sample: StoredSample;
  /** True: a record of the task and category asked for. False: a photo known not to show the category; its own label is left out. */
  readonly labelled: boolean;
  /** Segmentation, not labelled: all masks of the photo. */
  readonly masks?: readonly Stored<Uint8Array>[];
}

/** Share of partners that show the category too, when the first photo does. */
const shareAlike = 0.25;
const tries = 12;

/** Draws a second photo for a sample; null where none was found, and always for depth: two scenes have no common distance. */
export function createPairing(store: Store): (sample: StoredSample, rng: Rng) => Partner | null {
  const presence = collectPresence(store);
  const masks = masksByPhoto(store);
  return (sample, rng) => {
    const { task, slots, negative } = sample.record;
    const { category } = slots;
    if (task === "depth" || category === null) return null;
    if (!negative && rng.next() < shareAlike) {
      const alike = store.groups[task].positive.find((group) => group[0]!.record.slots.category === category);
      return alike ? { sample: rng.pick(alike), labelled: true } : null;
    }
    for (let i = 0; i < tries; i++) {
      const other = rng.pick(store.samples);
      const { photo } = other.record;
      if (presence.has(photo, category) !== false) continue;
      return { sample: other, labelled: false, ...(task === "segmentation" && { masks: masks.get(photo) ?? [] }) };
    }
    return null;
  };
}

function masksByPhoto(store: Store): Map<string, Stored<Uint8Array>[]> {
  const masks = new Map<string, Stored<Uint8Array>[]>();
  for (const { record, mask } of store.samples) {
    if (mask) masks.set(record.photo, [...(masks.get(record.photo) ?? []), mask]);
  }
  return masks;
}

/** Two places that fill a square frame, left and right or above and below, in random order; each takes 35 to 65 % of it. */
export function splitFrame(side: number, rng: Rng): [Xyxy, Xyxy] {
  const cut = Math.round(side * (0.35 + 0.3 * rng.next()));
  const upright = rng.next() < 0.5;
  const places: [Xyxy, Xyxy] = upright
    ? [
        [0, 0, cut, side],
        [cut, 0, side, side],
      ]
    : [
        [0, 0, side, cut],
        [0, cut, side, side],
      ];
  return rng.next() < 0.5 ? places : [places[1], places[0]];
}

/** The crop for a place that is not square: half of its form is met by cutting, half by squeezing. */
export function forPlace(range: CropRange | null, [left, top, right, bottom]: Xyxy): CropRange | null {
  const form = Math.sqrt((right - left) / (bottom - top));
  if (range === null || form === 1) return range;
  const [low, high] = range.aspect;
  return { scale: range.scale, aspect: [low * form, high * form] };
}
