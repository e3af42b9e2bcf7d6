/** A corpus split decoded once into memory: photos and labels as compact integer rasters, indexed for drawing. */
import type { CorpusEntry, CorpusRecord } from "../corpus/record.js";
import { InstructCvError } from "../errors.js";
import { readGrey16, readPicture } from "../image/io.js";
import type { TaskName } from "../tasks/task.js";

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

/** Decodes every record. Throws InstructCvError("corpus") when a picture has not the corpus size. */
export async function loadStore(entries: AsyncIterable<CorpusEntry>, size: number): Promise<Store> {
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
  let pending: Promise<StoredSample>[] = [];
  for await (const entry of entries) {
    pending.push(decode(entry));
    if (pending.length === parallel) {
      samples.push(...(await Promise.all(pending)));
      pending = [];
    }
  }
  samples.push(...(await Promise.all(pending)));
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
  if (!entry.depth) throw new InstructCvError("corpus", `${entry.record.key}: a depth record without depth.png.`);
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
