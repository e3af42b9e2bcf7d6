/** Builds a training corpus from labelled photos: deterministic by seed, split by photo, all there or not there. */
import { randomBytes } from "node:crypto";
import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { type DatasetName, datasetNames, openPool } from "../datasets/pool.js";
import type { LabelledPhoto } from "../datasets/sample.js";
import { InstructCvError } from "../errors.js";
import { createRng } from "../random.js";
import { mapOrdered } from "./concurrent.js";
import { encodePhoto } from "./encode.js";
import type { Manifest } from "./record.js";
import { defaultPolicy, Frequencies, type SamplingPolicy } from "./sampling.js";
import { ShardWriter } from "./shards.js";

export interface CorpusOptions {
  /** Folder that holds the datasets. */
  readonly dataRoot: string;
  /** Folder to make. It must not exist, be empty, or, with `overwrite`, hold a corpus. */
  readonly out: string;
  readonly overwrite?: boolean;
  /** Side of the square pictures, pixels; 128 unless given. */
  readonly size?: number;
  /** 0 unless given. */
  readonly seed?: number;
  /** All unless given. */
  readonly datasets?: readonly DatasetName[];
  /** Share of the photos that go to the split `val`, by a hash of the photo's id; 0.03 unless given. */
  readonly valShare?: number;
  /** Records in a shard, at most; 2048 unless given. */
  readonly shardRecords?: number;
  readonly policy?: Partial<SamplingPolicy>;
  /** JPEG quality of the photos; 92 unless given. */
  readonly jpegQuality?: number;
  /** Share of template wordings; 0.3 unless given. */
  readonly templateShare?: number;
  /** Use only the first so many photos of a seeded shuffle (to try things out). */
  readonly limit?: number;
}

export interface CorpusProgress {
  readonly phase: "listing" | "building";
  /** Photos listed or built so far. */
  readonly done: number;
  /** Photos in all; unknown while listing. */
  readonly total?: number;
  /** Photos a second since the phase began. */
  readonly perSecond: number;
  /** Records written so far. */
  readonly records: number;
}

/** Photos in work at a time: enough to keep the decoders' threads busy. */
const PARALLEL = 6;

/**
 * Builds the corpus from the train splits. It is written to a temporary folder beside `out` and renamed when complete; after an
 * error or an abort by `signal` nothing is left. Equal options give equal bytes.
 * @throws {InstructCvError} "dataset" for missing or damaged data, "usage" when `out` is in the way.
 */
export async function buildCorpus(
  options: CorpusOptions,
  onProgress: (progress: CorpusProgress) => void = () => {},
  signal?: AbortSignal,
): Promise<Manifest> {
  const out = resolve(options.out);
  await checkOut(out, options.overwrite ?? false);
  await mkdir(dirname(out), { recursive: true });
  const folder = `${out}.tmp-${randomBytes(4).toString("hex")}`;
  await mkdir(folder);
  try {
    const photos = await listPhotos(options, onProgress, signal);
    const manifest = await writeSplits(folder, photos, options, onProgress, signal);
    await writeFile(join(folder, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
    signal?.throwIfAborted();
    await rm(out, { recursive: true, force: true });
    await rename(folder, out);
    return manifest;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Whether the photo is kept out of training to watch it: by its id alone, so that it stays there in every corpus. */
export function isValidationPhoto(photoId: string, valShare: number): boolean {
  return createRng(`val/${photoId}`).next() < valShare;
}

async function checkOut(out: string, overwrite: boolean): Promise<void> {
  let names: string[];
  try {
    names = await readdir(out);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw new InstructCvError("usage", `${out}: is no folder to write a corpus to.`, "Name another one.");
  }
  if (names.length === 0 || (overwrite && names.includes("manifest.json"))) return;
  const cure = names.includes("manifest.json") ? "Name another one or ask to overwrite it." : "Name another one.";
  throw new InstructCvError("usage", `${out}: the folder is not empty.`, cure);
}

async function listPhotos(
  { dataRoot, datasets = datasetNames, seed = 0, limit = Number.POSITIVE_INFINITY }: CorpusOptions,
  onProgress: (progress: CorpusProgress) => void,
  signal: AbortSignal | undefined,
): Promise<LabelledPhoto[]> {
  const photos: LabelledPhoto[] = [];
  const rate = stopwatch();
  for await (const photo of openPool(dataRoot, "train", datasets)) {
    signal?.throwIfAborted();
    photos.push(photo);
    onProgress({ phase: "listing", done: photos.length, perSecond: rate(photos.length), records: 0 });
  }
  return createRng(`order/${seed}`).shuffle(photos).slice(0, limit);
}

async function writeSplits(
  folder: string,
  photos: readonly LabelledPhoto[],
  options: CorpusOptions,
  onProgress: (progress: CorpusProgress) => void,
  signal: AbortSignal | undefined,
): Promise<Manifest> {
  const { size = 128, seed = 0, valShare = 0.03, shardRecords = 2048, jpegQuality = 92, templateShare = 0.3 } = options;
  const policy = { ...defaultPolicy, ...options.policy };
  const frequencies = new Frequencies(photos);
  const splits = {
    train: { writer: new ShardWriter(folder, "train", shardRecords), records: 0, photos: 0 },
    val: { writer: new ShardWriter(folder, "val", shardRecords), records: 0, photos: 0 },
  };
  const counts: Record<string, number> = {};
  const rate = stopwatch();
  let done = 0;
  const encode = async (photo: LabelledPhoto) => {
    signal?.throwIfAborted();
    const encoded = await encodePhoto(photo, frequencies, { seed, size, policy, jpegQuality, templateShare });
    return { photo, encoded };
  };
  try {
    for await (const { photo, encoded } of mapOrdered(photos, PARALLEL, encode)) {
      const split = splits[isValidationPhoto(photo.id, valShare) ? "val" : "train"];
      if (encoded.length > 0) split.photos++;
      for (const { record, members } of encoded) {
        await split.writer.add(record.key, members);
        split.records++;
        const kind = record.task === "depth" ? "" : record.negative ? "/absent" : "/present";
        const name = `${record.dataset}/${record.task}${kind}`;
        counts[name] = (counts[name] ?? 0) + 1;
      }
      done++;
      const records = splits.train.records + splits.val.records;
      onProgress({ phase: "building", done, total: photos.length, perSecond: rate(done), records });
    }
    const close = async ({ writer, records, photos }: (typeof splits)["train"]) => ({
      shards: await writer.close(),
      records,
      photos,
    });
    return {
      format: "instructcv-corpus/1",
      seed,
      size,
      splits: { train: await close(splits.train), val: await close(splits.val) },
      counts: Object.fromEntries(Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1))),
    };
  } catch (error) {
    await Promise.all([splits.train.writer.abandon(), splits.val.writer.abandon()]);
    throw error;
  }
}

/** A function from work done to work done a second since now. */
function stopwatch(): (done: number) => number {
  const start = performance.now();
  return (done) => (done * 1000) / Math.max(1, performance.now() - start);
}
