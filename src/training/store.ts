/** A corpus split, indexed for drawing: records in memory, and their rasters there too where they fit. */
import { openCorpus, type StoredEntry } from "../corpus/read.js";
import type { CorpusRecord } from "../corpus/record.js";
import { InstructCvError } from "../errors.js";
import type { TaskName } from "../tasks/task.js";
import type { TrainConfig } from "./config.js";
import { memoryLimit } from "./data-limits.js";
import { type Located, type RasterKind, RasterReader, rasterBytes, type Stored } from "./rasters.js";

/** One record with its rasters (rasters.ts), each in memory or where it lies. */
export interface StoredSample {
  /** Without what is not drawn from: the masks at the photo's own size. */
  readonly record: CorpusRecord;
  /** Shared by all records of a photo. */
  readonly photo: Stored<Uint8Array>;
  readonly mask?: Stored<Uint8Array>;
  readonly millimetres?: Stored<Uint16Array>;
}

/** A sample whose rasters are in memory. */
export interface Sample extends StoredSample {
  readonly photo: Uint8Array;
  readonly mask?: Uint8Array;
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

/**
 * The two splits a run needs. The one to train on is decoded into memory if it fits into `data.memory_mb`, and `note` is told if not
 * (nor with `data.encoded`, which stands for most of its pictures); of the other a run reads `output.val_records` once. Throws InstructCvError("corpus") for an empty split, for a damaged shard (`indexSplit`),
 * and for a picture that cannot be decoded (`RasterReader.get`).
 */
export async function openStores(
  config: TrainConfig,
  note: (line: string) => void = () => {},
): Promise<{ train: Store; val: Store }> {
  const { corpus: dir, train_split, val_split } = config.data;
  const corpus = await openCorpus(dir);
  const { size } = corpus.manifest;
  const index = async (split: string, cure: string) => {
    const store = await indexSplit(corpus.records(split), size);
    if (store.samples.length > 0) return store;
    throw new InstructCvError("corpus", `${dir}: the split "${split}" has no record.`, cure);
  };
  const train = await index(train_split, "Build the corpus with more photos or a smaller val_share.");
  const val = await index(val_split, "Build the corpus with a larger val_share: training is watched on it.");
  if (config.data.encoded !== null) return { train, val };
  const [needed, limit] = [decodedBytes(train), memoryLimit(config)];
  if (needed <= limit) return { train: await decodeAll(train), val };
  const mb = (bytes: number) => Math.ceil(bytes / 2 ** 20);
  note(
    `${dir}: "${train_split}" takes ${mb(needed)} MB decoded, data.memory_mb is ${mb(limit)}: pictures are decoded as they are drawn`,
  );
  return { train, val };
}

/**
 * Reads the records and where their rasters lie, in one pass that verifies the checksums; no picture is decoded. Throws
 * InstructCvError("corpus") for a damaged shard; it names the first picture in it that cannot be decoded, if there is one.
 */
export async function indexSplit(entries: AsyncIterable<StoredEntry>, size: number): Promise<Store> {
  const photos = new Map<string, Located>();
  const samples: StoredSample[] = [];
  /** Of the shard that is being read. */
  let shard: StoredSample[] = [];
  let path = "";
  try {
    for await (const entry of entries) {
      if (entry.shard !== path) shard = [];
      path = entry.shard;
      // Large, and nothing in training reads them.
      const { mask: _mask, ignore: _ignore, ...record } = entry.record;
      const photo = photos.get(record.photo) ?? locate(entry, "photo", "image.jpg");
      photos.set(record.photo, photo);
      const sample: StoredSample = {
        record,
        photo,
        ...(record.task === "segmentation" && { mask: locate(entry, "mask", "target.png") }),
        ...(record.task === "depth" && { millimetres: locate(entry, "depth", "depth.png") }),
      };
      samples.push(sample);
      shard.push(sample);
    }
  } catch (error) {
    // A checksum says which shard is damaged; the record that cannot be decoded says where.
    await decodeEach(shard, size);
    throw error;
  }
  return { size, samples, groups: groupSamples(samples) };
}

function locate({ place, shard, spans }: StoredEntry, kind: RasterKind, member: string): Located {
  const span = spans.get(member);
  if (span) return { kind, ...span, shard, place };
  throw new InstructCvError("corpus", `${place}: a ${kind} record without ${member}.`);
}

/** What the rasters of a store take in memory. */
function decodedBytes({ samples, size }: Store): number {
  const rasters = new Set(
    samples.flatMap(({ photo, mask, millimetres }) => [photo, mask ?? [], millimetres ?? []].flat()),
  );
  let bytes = 0;
  for (const raster of rasters) bytes += "kind" in raster ? rasterBytes(raster.kind, size) : raster.byteLength;
  return bytes;
}

/** Decodes every raster once, into memory that threads share. */
async function decodeAll({ samples, size }: Store): Promise<Store> {
  const photos = new Map<Stored<Uint8Array>, Uint8Array>();
  const decoded: Sample[] = [];
  await decodeEach(samples, size, (sample, stored) => {
    const { record, mask, millimetres } = sample;
    const photo = photos.get(stored.photo) ?? shareBytes(sample.photo);
    photos.set(stored.photo, photo);
    decoded.push({
      record,
      photo,
      ...(mask && { mask: shareBytes(mask) }),
      ...(millimetres && { millimetres: shareWords(millimetres) }),
    });
  });
  return { size, samples: decoded, groups: groupSamples(decoded) };
}

/** Decodes samples in their order; the first one that cannot be is thrown. */
async function decodeEach(
  samples: readonly StoredSample[],
  size: number,
  use: (sample: Sample, stored: StoredSample) => void = () => {},
): Promise<void> {
  // The records of a photo follow one another.
  const reader = new RasterReader(size, 2 * parallel * rasterBytes("photo", size));
  try {
    for (let i = 0; i < samples.length; i += parallel) {
      const some = samples.slice(i, i + parallel);
      const ends = await Promise.allSettled(some.map((sample) => loadSample(sample, reader)));
      for (const [k, end] of ends.entries()) {
        if (end.status === "rejected") throw end.reason;
        use(end.value, some[k]!);
      }
    }
  } finally {
    await reader.close();
  }
}

/** A sample with its rasters; see `RasterReader.get` for what it throws. */
export async function loadSample(stored: StoredSample, reader: RasterReader): Promise<Sample> {
  const { record, mask, millimetres } = stored;
  const [photo, maskRaster, depthRaster] = await Promise.all([
    reader.get(stored.photo),
    mask && reader.get(mask),
    millimetres && reader.get(millimetres),
  ]);
  return {
    record,
    photo,
    ...(maskRaster && { mask: maskRaster }),
    ...(depthRaster && { millimetres: depthRaster }),
  };
}

function shareBytes(values: Uint8Array): Uint8Array {
  const shared = new Uint8Array(new SharedArrayBuffer(values.byteLength));
  shared.set(values);
  return shared;
}

function shareWords(values: Uint16Array): Uint16Array {
  const shared = new Uint16Array(new SharedArrayBuffer(values.byteLength));
  shared.set(values);
  return shared;
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
