/** Checks a corpus: every byte against the manifest, every record against its task, and on a sample what the codecs lose. */
import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { InstructCvError } from "../errors.js";
import type { TaskName } from "../tasks/task.js";
import { type CodecLoss, Tally } from "./check/tally.js";
import { openCorpus } from "./read.js";
import type { Shard } from "./record.js";
import { type RecordFiles, walkShard } from "./shard-walk.js";

export interface CheckOptions {
  /** Records of each task whose drawing is decoded and compared, at most; 200 unless given. */
  readonly samples?: number;
  /** Decides which; 0 unless given. */
  readonly seed?: number;
}

export interface CheckReport {
  /** Empty when the corpus is sound; one line each. */
  readonly problems: readonly string[];
  /** Looked at. */
  readonly records: number;
  /** A task without records is absent. */
  readonly codec: Readonly<Partial<Record<TaskName, CodecLoss>>>;
}

/** Records decoded side by side: enough to keep the decoders' threads busy. */
const BATCH = 16;

/**
 * Reads the whole corpus once, without keeping it: memory does not grow but for 16 to 32 bytes a record. Every damaged shard is
 * reported, not only the first.
 * @param onProgress called with the number of records looked at so far and the number that the manifest promises
 * @throws {InstructCvError} "corpus" when `dir` holds no manifest
 */
export async function checkCorpus(
  dir: string,
  { samples = 200, seed = 0 }: CheckOptions = {},
  onProgress: (done: number, total: number) => void = () => {},
  signal?: AbortSignal,
): Promise<CheckReport> {
  const { manifest } = await openCorpus(dir);
  const tally = new Tally(manifest, samples, seed);
  const total = Object.values(manifest.splits).reduce((sum, { records }) => sum + records, 0);
  for (const [name, split] of Object.entries(manifest.splits)) {
    const promised = split.shards.reduce((sum, shard) => sum + shard.records, 0);
    if (promised !== split.records)
      tally.report(`manifest.json: split ${name}: ${split.records} records, its shards have ${promised}`);
    let whole = true;
    for (const shard of split.shards) {
      const damage = await readThrough(dir, shard, async (batch) => {
        signal?.throwIfAborted();
        await tally.add(batch, name, shard.file);
        onProgress(tally.records, total);
      });
      for (const problem of damage) tally.report(`${shard.file}: ${problem}`);
      whole &&= damage.length === 0;
    }
    const photos = tally.photosOf(name);
    if (whole && photos !== split.photos)
      tally.report(`manifest.json: split ${name}: ${split.photos} photos, its records show ${photos}`);
  }
  return { problems: tally.problems(), records: tally.records, codec: tally.losses() };
}

/** Hands on the records of a shard in batches; what is wrong with the file as a whole. */
async function readThrough(
  dir: string,
  { file, bytes, sha256, records }: Shard,
  use: (batch: readonly RecordFiles[]) => Promise<void>,
): Promise<string[]> {
  const path = join(dir, file);
  const size = await stat(path).then(
    (found) => found.size,
    () => null,
  );
  if (size === null) return ["missing"];
  const problems = size === bytes ? [] : [`${size} bytes, the manifest says ${bytes}`];
  const hash = createHash("sha256");
  let batch: RecordFiles[] = [];
  let read = 0;
  try {
    for await (const files of walkShard(path, hash, (why) => new InstructCvError("corpus", `damaged: ${why}`))) {
      read++;
      if (batch.push(files) < BATCH) continue;
      await use(batch);
      batch = [];
    }
    if (hash.digest("hex") !== sha256) problems.push("its checksum is not the manifest's");
  } catch (error) {
    if (!(error instanceof InstructCvError)) throw error;
    problems.push(error.message);
  }
  if (batch.length > 0) await use(batch);
  return read === records ? problems : [...problems, `${read} records, the manifest says ${records}`];
}
