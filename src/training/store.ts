/** A corpus split decoded once into memory: photos and labels as compact integer rasters, indexed for drawing. */
import { dataCheck, openCorpus, type StoredEntry } from "../corpus/read.js";
import type { CorpusEntry, CorpusRecord } from "../corpus/record.js";
import { InstructCvError } from "../errors.js";
import { readGrey16, readPicture } from "../image/io.js";
import type { TaskName } from "../tasks/task.js";
import type { TrainConfig } from "./config.js";

/** One record; rasters are square, at the corpus size. */
export interface StoredSample {
  readonly record: CorpusRecord;
  /** RGB HWC, shared by all records of a photo. */
  readonly photo: Uint8Array;
  /** Segmentation: the grey of the target picture: 255 = the category, 128 = unknown, 0 = neither. */
  readonly mask?: Uint8Array;
  /** Depth: millimetres, 0 = unknown. */
  readonly millimetres?: Uint16Array;
}

/** Samples of one task, absent or present, grouped by category (one group where the task has no category). */
export type CategoryGroups = readonly (readonly StoredSample[])[];

export interface Store {
  /** Side of the photos, pixels. */
  readonly size: number;
  readonly samples: readonly StoredSample[];
  readonly groups: Readonly<Record<TaskName, { readonly positive: CategoryGroups; readonly negative: CategoryGroups }>>;
}

/** How many pictures are decoded at a time. */
const parallel = 16;

/** The two splits a run needs. Throws InstructCvError("corpus") for an empty one, and see `loadStore`. */
export async function openStores(config: TrainConfig): Promise<{ train: Store; val: Store }> {
  const corpus = await openCorpus(config.data.corpus);
  const open = async (split: string, cure: string) => {
    const store = await loadStore(corpus.records(split), corpus.manifest.size, config.data.corpus);
    if (store.samples.length > 0) return store;
    throw new InstructCvError("corpus", `${config.data.corpus}: the split "${split}" has no record.`, cure);
  };
  const { train_split, val_split } = config.data;
  return {
    train: await open(train_split, "Build the corpus with more photos or a smaller val_share."),
    val: await open(val_split, "Build the corpus with a larger val_share: training is watched on it."),
  };
}

/**
 * Decodes every record of the corpus in the folder `dir`. Throws InstructCvError("corpus") that names shard, record and byte when a
 * picture cannot be decoded or has not the corpus size.
 */
export async function loadStore(entries: AsyncIterable<StoredEntry>, size: number, dir: string): Promise<Store> {
  const photos = new Map<string, Promise<Uint8Array>>();
  const samples: StoredSample[] = [];
  const decode = async (entry: CorpusEntry): Promise<StoredSample> => {
    const { record } = entry;
    let photo = photos.get(record.photo);
    if (!photo) {
      photo = rgb(entry.image, size, `${record.key}.image.jpg`);
      photos.set(record.photo, photo);
    }
    const base = { record, photo: await photo };
    if (record.task === "segmentation") return { ...base, mask: await mask(entry.target, size, record.key) };
    if (record.task === "depth") return { ...base, millimetres: await depth(entry, size) };
    return base;
  };
  const decodeAll = (batch: readonly StoredEntry[]) =>
    Promise.all(
      batch.map((entry) =>
        decode(entry).catch((error: Error) => {
          throw new InstructCvError("corpus", `${entry.place}: ${error.message}`, dataCheck(dir));
        }),
      ),
    );
  let batch: StoredEntry[] = [];
  try {
    for await (const entry of entries) {
      if (batch.push(entry) < parallel) continue;
      samples.push(...(await decodeAll(batch)));
      batch = [];
    }
  } catch (error) {
    // A checksum says which shard is damaged; the record that cannot be decoded says where.
    await decodeAll(batch);
    throw error;
  }
  samples.push(...(await decodeAll(batch)));
  return { size, samples, groups: groupSamples(samples) };
}

async function rgb(bytes: Buffer, size: number, name: string): Promise<Uint8Array> {
  const picture = await readPicture(bytes, { name });
  if (picture.width !== size || picture.height !== size) {
    throw new InstructCvError("corpus", `${name}: ${picture.width}x${picture.height}, the manifest says ${size}.`);
  }
  return picture.data;
}

async function mask(bytes: Buffer, size: number, key: string): Promise<Uint8Array> {
  const target = await rgb(bytes, size, `${key}.target.png`);
  return Uint8Array.from({ length: size * size }, (_, i) => target[i * 3]!);
}

async function depth(entry: CorpusEntry, size: number): Promise<Uint16Array> {
  if (!entry.depth) throw new InstructCvError("corpus", "a depth record without depth.png.");
  const grey = await readGrey16(entry.depth);
  if (grey.data.length !== size * size) {
    throw new InstructCvError("corpus", `${entry.record.key}.depth.png: not ${size}x${size}.`);
  }
  return Uint16Array.from(grey.data);
}

/** Samples by task, presence and category. */
export function groupSamples(samples: readonly StoredSample[]): Store["groups"] {
  const side = (task: TaskName, negative: boolean): CategoryGroups => {
    const byCategory = new Map<string, StoredSample[]>();
    for (const sample of samples) {
      if (sample.record.task !== task || sample.record.negative !== negative) continue;
      const key = sample.record.slots.category ?? "";
      const list = byCategory.get(key);
      if (list) list.push(sample);
      else byCategory.set(key, [sample]);
    }
    return [...byCategory.values()];
  };
  const both = (task: TaskName) => ({ positive: side(task, false), negative: side(task, true) });
  return {
    segmentation: both("segmentation"),
    detection: both("detection"),
    depth: both("depth"),
    classification: both("classification"),
  };
}
