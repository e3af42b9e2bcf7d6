/** Makes one shard: all records of its photos, and a note of what it holds. */
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { InstructCvError } from "../errors.js";
import { writeAtomic } from "../files.js";
import type { Bank } from "../instructions/bank.js";
import { mapOrdered } from "./concurrent.js";
import type { CorpusConfig } from "./config.js";
import { type EncodedPhoto, encodePhoto } from "./encode.js";
import type { Unit } from "./plan.js";
import { openPhoto, type Source } from "./pool.js";
import type { CorpusRecord } from "./record.js";
import type { Frequencies } from "./sampling.js";
import { cannotWrite, isTemporaryShard, ShardWriter } from "./shards.js";

/** Photos in work at a time: enough to keep the decoders' threads busy. */
const PARALLEL = 6;

export const shardSchema = z.object({
  file: z.string().regex(/^[\w-]+\.tar$/),
  records: z.int().min(0),
  bytes: z.int().min(0),
  sha256: z.string().length(64),
});
export const skippedSchema = z.object({ photo: z.string(), reason: z.string() });

/** `parts/<name>.json`: written last, so that where it is the shard is complete. */
export const unitNoteSchema = z.object({
  /** Of the build it belongs to. */
  build: z.string(),
  shards: z.array(shardSchema),
  /** Photos with at least one record. */
  photos: z.int().min(0),
  /** Records by `dataset/task/present` and `dataset/task/absent` (depth: `dataset/task`). */
  counts: z.record(z.string(), z.int()),
  skipped: z.array(skippedSchema),
});
export type UnitNote = z.output<typeof unitNoteSchema>;

export const notesFolder = "parts";

export interface UnitContext {
  /** Folder of the corpus. */
  readonly folder: string;
  /** Of the build. */
  readonly build: string;
  readonly config: CorpusConfig;
  readonly sources: readonly Source[];
  readonly frequencies: Frequencies;
  readonly bank: Bank;
}

/**
 * Writes the shard of a unit, then its note. A photo, or a question about it, that cannot be used is left out and noted with the reason.
 * @param onPhoto called after each photo with its number of records
 * @throws {InstructCvError} "corpus" when the disk is full; nothing half-written stays
 */
export async function buildUnit(
  unit: Unit,
  context: UnitContext,
  onPhoto: (records: number) => void,
  signal?: AbortSignal,
): Promise<UnitNote> {
  const { folder, config, sources } = context;
  await removeLeftovers(folder, unit.name);
  const writer = new ShardWriter(folder, unit.name, config.shards.megabytes * 2 ** 20);
  const note = { build: context.build, photos: 0, counts: {} as Record<string, number>, skipped: [] as Skip[] };
  const encode = async (entry: Unit["photos"][number]): Promise<EncodedPhoto["records"]> => {
    signal?.throwIfAborted();
    const photo = openPhoto(sources, entry);
    try {
      const { tasks } = sources[entry.source]!;
      const { records, refused } = await encodePhoto(photo, tasks, context.frequencies, config, context.bank);
      note.skipped.push(...refused.map((reason) => ({ photo: photo.id, reason })));
      return records;
    } catch (error) {
      if (!isUnusable(error)) throw error;
      note.skipped.push({ photo: photo.id, reason: error.message });
      return [];
    }
  };
  try {
    for await (const records of mapOrdered(unit.photos, PARALLEL, encode)) {
      for (const { record, members } of records) {
        await writer.add(record.key, members);
        const kind = kindOf(record);
        note.counts[kind] = (note.counts[kind] ?? 0) + 1;
      }
      if (records.length > 0) note.photos++;
      onPhoto(records.length);
    }
    const shards = await writer.close();
    // Photos are worked on side by side: their failures may come in any order.
    note.skipped.sort((a, b) => (`${a.photo} ${a.reason}` < `${b.photo} ${b.reason}` ? -1 : 1));
    const complete: UnitNote = { ...note, shards: [...shards] };
    await writeNote(folder, unit.name, complete);
    return complete;
  } catch (error) {
    await writer.abandon();
    throw error;
  }
}

type Skip = z.output<typeof skippedSchema>;

/** Trouble with one photo or its labels, as against a full disk or a mistake of ours. */
function isUnusable(error: unknown): error is InstructCvError {
  return error instanceof InstructCvError && (error.code === "image" || error.code === "dataset");
}

function kindOf({ dataset, task, negative }: CorpusRecord): string {
  return `${dataset}/${task}${task === "depth" ? "" : negative ? "/absent" : "/present"}`;
}

async function writeNote(folder: string, name: string, note: UnitNote): Promise<void> {
  const path = join(folder, notesFolder, `${name}.json`);
  try {
    await writeAtomic(path, `${JSON.stringify(note)}\n`);
  } catch (error) {
    throw cannotWrite(path, error);
  }
}

/** What a killed build left of this shard. */
async function removeLeftovers(folder: string, name: string): Promise<void> {
  const files = (await readdir(folder)).filter((file) => isTemporaryShard(file, name));
  await Promise.all(files.map((file) => rm(join(folder, file), { force: true })));
}
