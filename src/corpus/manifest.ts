/** The manifest of a corpus: made of the notes of its shards, checked when read. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { getReader } from "../datasets/registry.js";
import { InstructCvError } from "../errors.js";
import { taskNames } from "../tasks/registry.js";
import type { TaskName } from "../tasks/task.js";
import type { CorpusConfig } from "./config.js";
import { type SplitName, splitNames, type Unit } from "./plan.js";
import type { Pool } from "./pool.js";
import type { Manifest } from "./record.js";
import { shardSchema, skippedSchema, type UnitNote } from "./unit.js";

const splitSchema = z.object({ shards: z.array(shardSchema), records: z.int().min(0), photos: z.int().min(0) });

const manifestSchema = z.object({
  format: z.literal("instructcv-corpus/2"),
  version: z.string(),
  config: z.record(z.string(), z.unknown()),
  seed: z.int(),
  size: z.int().positive(),
  box_outline: z.number().nullable(),
  datasets: z.array(
    z.object({ name: z.string(), title: z.string(), licence: z.string(), split: z.string(), photos: z.int() }),
  ),
  splits: z.record(z.string(), splitSchema),
  counts: z.record(z.string(), z.int()),
  weights: z.partialRecord(z.enum(taskNames as [TaskName, ...TaskName[]]), z.number()),
  skipped: z.array(skippedSchema),
});

/** The manifest of a finished build; equal builds give equal manifests. `notes` are those of `units`, in their order. */
export function makeManifest(
  config: CorpusConfig,
  version: string,
  pool: Pool,
  units: readonly Unit[],
  notes: readonly UnitNote[],
): Manifest {
  const splits: Record<string, z.output<typeof splitSchema>> = {};
  for (const split of splitNames) splits[split] = { shards: [], records: 0, photos: 0 };
  const counts: Record<string, number> = {};
  const trained: Partial<Record<TaskName, number>> = {};
  const skipped = pool.skipped.map(({ photo, reason }) => ({ photo, reason }));
  for (const [i, note] of notes.entries()) {
    const name: SplitName = units[i]!.split;
    const split = splits[name]!;
    split.shards.push(...note.shards);
    split.photos += note.photos;
    split.records += note.shards.reduce((sum, shard) => sum + shard.records, 0);
    for (const [kind, count] of Object.entries(note.counts)) {
      counts[kind] = (counts[kind] ?? 0) + count;
      const task = kind.split("/")[1] as TaskName;
      if (name === "train") trained[task] = (trained[task] ?? 0) + count;
    }
    skipped.push(...note.skipped);
  }
  return {
    format: "instructcv-corpus/2",
    version,
    config,
    seed: config.seed,
    size: config.size,
    box_outline: config.box_outline,
    datasets: pool.sources.map(({ reader, place }, source) => ({
      name: place.name,
      ...getReader(reader).about,
      split: place.split,
      photos: pool.entries.filter((entry) => entry.source === source).length,
    })),
    splits,
    counts: Object.fromEntries(Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1))),
    weights: balancedWeights(trained),
    skipped,
  };
}

/** Weights under which every task is drawn equally often: all records over (tasks x records of the task). */
export function balancedWeights(records: Partial<Record<TaskName, number>>): Manifest["weights"] {
  const counted = taskNames.flatMap((task) => (records[task] ? [[task, records[task]] as const] : []));
  const all = counted.reduce((sum, [, count]) => sum + count, 0);
  return Object.fromEntries(counted.map(([task, count]) => [task, all / (counted.length * count)]));
}

/** @throws {InstructCvError} "corpus" when `folder` holds no manifest of this format. */
export async function readManifest(folder: string): Promise<Manifest> {
  const path = join(folder, "manifest.json");
  const cure = 'Build one with "instructcv data build".';
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch {
    throw new InstructCvError("corpus", `${path}: expected the manifest of a corpus, found nothing readable.`, cure);
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new InstructCvError("corpus", `${path}: is no JSON.`, cure);
  }
  const result = manifestSchema.safeParse(json);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new InstructCvError("corpus", `${path}: ${issue?.path.join(".")}: ${issue?.message}.`, cure);
}
