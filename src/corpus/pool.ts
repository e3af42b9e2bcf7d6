/** The photos a corpus is made of: listed once, kept as small entries, opened where they are needed. */
import { createHash } from "node:crypto";
import { resolve } from "node:path";
import { getReader, placeOf, type ReaderName } from "../datasets/registry.js";
import { type LabelledPhoto, type Place, Skipped } from "../datasets/sample.js";
import { InstructCvError } from "../errors.js";
import { createRng } from "../random.js";
import type { TaskName } from "../tasks/task.js";
import type { CorpusConfig } from "./config.js";
import { Frequencies } from "./sampling.js";

/** Where the photos of a dataset are and what is asked of them; plain data. */
export interface Source {
  readonly reader: ReaderName;
  readonly place: Place;
  readonly tasks: readonly TaskName[];
}

/** A photo by its source and the reader's entry; plain data, so that it can be sent to another thread. */
export interface PhotoEntry {
  readonly source: number;
  readonly entry: unknown;
}

export interface Pool {
  readonly sources: readonly Source[];
  /** In listing order. */
  readonly entries: readonly PhotoEntry[];
  /** Photos that cannot be used, as far as listing tells. */
  readonly skipped: readonly Skipped[];
  readonly frequencies: Frequencies;
  /** Of all photo ids: whether a list is still the one that a build began with. */
  readonly sha256: string;
}

export function openPhoto(sources: readonly Source[], { source, entry }: PhotoEntry): LabelledPhoto {
  const { reader, place } = sources[source]!;
  return getReader(reader).open(place, entry);
}

/**
 * Lists all datasets of a configuration. An id that comes twice is skipped the second time.
 * @param onPhoto called with the number of photos listed so far
 * @throws {InstructCvError} "dataset" when a set cannot be read at all, or has no photo
 */
export async function listPool(
  config: CorpusConfig,
  onPhoto: (photos: number) => void,
  signal: AbortSignal | undefined,
): Promise<Pool> {
  const sources = config.datasets.map(({ name, reader, folder, split, options, tasks }): Source => {
    const root = resolve(config.data, folder);
    return { reader, place: placeOf(reader, { name, root, split }, options), tasks };
  });
  const entries: PhotoEntry[] = [];
  const skipped: Skipped[] = [];
  const frequencies = new Frequencies();
  const hash = createHash("sha256");
  const ids = new Set<string>();
  for (const [source, { reader, place }] of sources.entries()) {
    const own: PhotoEntry[] = [];
    for await (const entry of getReader(reader).list(place)) {
      signal?.throwIfAborted();
      if (entry instanceof Skipped) {
        skipped.push(entry);
        continue;
      }
      const photo = { source, entry };
      const { id } = openPhoto(sources, photo);
      if (ids.has(id)) {
        skipped.push(new Skipped(id, "The id comes twice: the second photo is left out."));
        continue;
      }
      ids.add(id);
      own.push(photo);
      onPhoto(entries.length + own.length);
    }
    if (own.length === 0) {
      throw new InstructCvError(
        "dataset",
        `${place.root}: the split "${place.split}" of ${place.name} has no photo that can be used.`,
        skipped.at(-1)?.reason ?? "Check the folder and the split.",
      );
    }
    for (const photo of limited(own, config.datasets[source]!.limit, config.seed)) {
      const opened = openPhoto(sources, photo);
      frequencies.add(opened);
      hash.update(`${opened.id}\n`);
      entries.push(photo);
    }
  }
  return { sources, entries, skipped, frequencies, sha256: hash.digest("hex") };
}

/** The first `limit` of a seeded shuffle, in listing order. */
function limited(photos: readonly PhotoEntry[], limit: number | null, seed: number): readonly PhotoEntry[] {
  if (limit === null || limit >= photos.length) return photos;
  const chosen = createRng(`limit/${seed}`)
    .shuffle(photos.map((_, i) => i))
    .slice(0, limit);
  return chosen.sort((a, b) => a - b).map((i) => photos[i]!);
}
