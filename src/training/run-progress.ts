/** training.json of a checkpoint: where training stood, and the checksums that tell whether the checkpoint is whole. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import { InstructCvError } from "../errors.js";
import { writeAtomic } from "../files.js";
import { taskNames } from "../tasks/registry.js";
import type { TaskName } from "../tasks/task.js";
import { brokenSeal, type Seal } from "./seal.js";

const progressFile = "training.json";
const number = z.number();
const count = z.int().min(0);
const outcomeSchema = z.strictObject({
  loss: number,
  tasks: z.array(z.strictObject({ task: z.enum(taskNames as [TaskName, ...TaskName[]]), loss: number })).readonly(),
  auxiliary: z.strictObject({ sentence: number, presence: number, extent: number, asked: number }).nullable(),
  gradNorm: number,
  loaderMs: number,
  skipped: z.null(),
});
const progressSchema = z.strictObject({
  format: z.literal("instructcv-training/2"),
  /** Optimizer updates done, those that were skipped included. */
  step: count,
  /** Training time spent, all runs together. */
  minutes: number.min(0),
  /** Updates left out because of a loss or gradient that is no number: the last ones in a row, and all. */
  skips: z.strictObject({ row: count, total: count }),
  /** What the next line of metrics.jsonl will average besides the updates to come. */
  pending: z.strictObject({ outcomes: z.array(outcomeSchema).readonly(), skipped: count, ms: number }),
  /** SHA-256 of every other file of the folder. */
  files: z.record(z.string(), z.string()),
});
export type RunProgress = Omit<z.infer<typeof progressSchema>, "format" | "files">;

export const freshProgress: RunProgress = {
  step: 0,
  minutes: 0,
  skips: { row: 0, total: 0 },
  pending: { outcomes: [], skipped: 0, ms: 0 },
};

/** Writes it last into a checkpoint's folder; `files` are the checksums of all others. */
export async function writeProgress(folder: string, progress: RunProgress, files: Seal): Promise<void> {
  const body = { format: "instructcv-training/2", ...progress, files };
  const text = JSON.stringify({ ...body, sha256: digest(JSON.stringify(body)) });
  await writeAtomic(join(folder, progressFile), `${text}\n`);
}

/**
 * Where training stood. Reads all of the checkpoint: every file must have the checksum it was written with. Throws
 * InstructCvError("checkpoint") for a damaged one and for a folder that is no training checkpoint.
 */
export async function readProgress(folder: string): Promise<RunProgress> {
  const path = join(folder, progressFile);
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
    throw new InstructCvError(
      "checkpoint",
      `${path}: no such file.`,
      `Give a folder such as ${dirname(folder)}/step-….`,
    );
  });
  const { files, format: _, ...progress } = parseProgress(path, text);
  const broken = await brokenSeal(folder, files);
  if (broken !== null) throw damage(folder, broken);
  return progress;
}

function parseProgress(path: string, text: string): z.infer<typeof progressSchema> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw damage(path, "is no JSON");
  }
  const { sha256, ...body } = value as Record<string, unknown>;
  const parsed = progressSchema.safeParse(body);
  if (!parsed.success) throw damage(path, "is not of this version's format, instructcv-training/2");
  if (sha256 !== digest(JSON.stringify(body))) throw damage(path, "is not what was written: its checksum differs");
  return parsed.data;
}

const digest = (text: string) => createHash("sha256").update(text).digest("hex");

function damage(path: string, problem: string): InstructCvError {
  return new InstructCvError(
    "checkpoint",
    `${path}: damaged: ${problem}.`,
    "Resume from an older checkpoint: --resume auto takes the newest that is whole.",
  );
}
