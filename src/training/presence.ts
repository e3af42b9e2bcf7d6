/** Which categories the photos of a corpus show, gathered from the records of each. */
import type { Store } from "./store.js";

/** What the photos of a store are known to show. */
export interface Presence {
  /** Sorted. */
  readonly categories: readonly string[];
  /** Whether a photo shows a category; undefined where its dataset is not annotated with it. */
  has(photo: string, category: string): boolean | undefined;
}

/** Whether a frame of several photos shows a category: when one of them does; not when none does; else undefined. */
export function presentIn(presence: Presence, photos: readonly string[], category: string): boolean | undefined {
  const each = photos.map((photo) => presence.has(photo, category));
  return each.includes(true) ? true : each.includes(undefined) ? undefined : false;
}

/** A category some photo of a dataset is annotated with is taken as absent from the dataset's other photos. */
export function collectPresence(store: Pick<Store, "samples">): Presence {
  const photos = new Map<string, { dataset: string; present: Set<string> }>();
  const datasets = new Map<string, Set<string>>();
  const all = new Set<string>();
  for (const { record } of store.samples) {
    const { category } = record.slots;
    const photo = photos.get(record.photo) ?? { dataset: record.dataset, present: new Set<string>() };
    photos.set(record.photo, photo);
    if (category === null) continue;
    all.add(category);
    if (record.negative) continue;
    photo.present.add(category);
    const known = datasets.get(record.dataset) ?? new Set<string>();
    datasets.set(record.dataset, known.add(category));
  }
  const categories = [...all].sort();
  return {
    categories,
    has(id, category) {
      const photo = photos.get(id);
      return photo && datasets.get(photo.dataset)?.has(category) ? photo.present.has(category) : undefined;
    },
  };
}
