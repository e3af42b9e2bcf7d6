/** How the photos of a pool are dealt to shards: a function of the seed and the list alone, never of who builds which. */
import { createRng } from "../random.js";
import type { CorpusConfig } from "./config.js";
import { openPhoto, type PhotoEntry, type Pool } from "./pool.js";

export const splitNames = ["train", "val"] as const;
export type SplitName = (typeof splitNames)[number];

/** What one shard is made of; the smallest piece of work. */
export interface Unit {
  /** `train-000012`: the shard is `<name>.tar`. */
  readonly name: string;
  readonly split: SplitName;
  readonly photos: readonly PhotoEntry[];
}

/** One of `of` builds that share the work; counted modulo `of`, so that schedulers may begin at 0 or at 1. */
export interface Part {
  readonly index: number;
  readonly of: number;
}

/** All shards of a corpus. Photos are shuffled, so that each shard has some of every dataset. */
export function planUnits(pool: Pool, { seed, val_share, shards }: CorpusConfig): Unit[] {
  const order = createRng(`order/${seed}`).shuffle(pool.entries);
  const chosen: Record<SplitName, PhotoEntry[]> = { train: [], val: [] };
  for (const photo of order) {
    chosen[isValidationPhoto(openPhoto(pool.sources, photo).id, val_share) ? "val" : "train"].push(photo);
  }
  return splitNames.flatMap((split) => {
    const count = Math.ceil(chosen[split].length / shards.photos);
    return Array.from({ length: count }, (_, i) => ({
      name: `${split}-${String(i).padStart(6, "0")}`,
      split,
      photos: chosen[split].slice(i * shards.photos, (i + 1) * shards.photos),
    }));
  });
}

/** The units that a part of a divided build makes: every `of`-th. */
export function unitsOf(units: readonly Unit[], { index, of }: Part): Unit[] {
  return units.filter((_, i) => i % of === index % of);
}

/** Whether the photo is kept out of training to watch it: by its id alone, so that it stays there in every corpus. */
export function isValidationPhoto(photoId: string, valShare: number): boolean {
  return createRng(`val/${photoId}`).next() < valShare;
}
