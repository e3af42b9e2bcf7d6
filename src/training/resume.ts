/** Where a run begins: at a checkpoint of its folder, the newest that is whole, or at nothing; and what killed writes left there. */
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { InstructCvError } from "../errors.js";
import { freshProgress, type RunProgress, readProgress } from "./run-progress.js";
import { listStates } from "./state.js";

export interface Start {
  /** The checkpoint's folder; undefined for a fresh run. */
  readonly from: string | undefined;
  readonly progress: RunProgress;
  /** Checkpoints of the run that were found damaged on the way. */
  readonly damaged: readonly string[];
}

/**
 * `resume` as in TrainOptions.
 * @throws {InstructCvError} "usage" when the folder and `resume` do not go together, "checkpoint" for a damaged checkpoint that
 * must be used
 */
export async function chooseStart(out: string, resume: boolean | string, note: (line: string) => void): Promise<Start> {
  const states = await listStates(join(out, "checkpoints"));
  const newest = states.at(-1);
  if (resume === "auto") return newestIntact(states, note);
  if (typeof resume === "string") return { from: resume, progress: await readProgress(resume), damaged: [] };
  if (resume && newest === undefined) {
    throw new InstructCvError("usage", `${out}: no checkpoint to resume from.`, "Start without resume.");
  }
  if (!resume && newest !== undefined) {
    throw new InstructCvError(
      "usage",
      `${out}: holds a run already (${newest}).`,
      "Resume it or choose another folder.",
    );
  }
  return { from: newest, progress: newest ? await readProgress(newest) : freshProgress, damaged: [] };
}

async function newestIntact(states: readonly string[], note: (line: string) => void): Promise<Start> {
  const damaged: string[] = [];
  for (const state of states.toReversed()) {
    try {
      const start = { from: state, progress: await readProgress(state), damaged };
      note(`resuming at step ${start.progress.step} from ${state}`);
      return start;
    } catch (error) {
      if (!(error instanceof InstructCvError)) throw error;
      damaged.push(state);
      note(`passed over: ${error.message.slice(0, -(error.cure ?? "").length).trim()}`);
    }
  }
  if (damaged.length > 0) note("no checkpoint is whole: the run starts again");
  return { from: undefined, progress: freshProgress, damaged };
}

/** Removes the temporary files and folders of a run that was killed while it wrote. Only for who holds the run's lock. */
export async function removeLeftovers(out: string): Promise<void> {
  for (const folder of [out, join(out, "checkpoints"), join(out, "samples")]) {
    for (const name of await readdir(folder).catch(() => [] as string[])) {
      if (/^\..+\.tmp$/.test(name)) await rm(join(folder, name), { recursive: true, force: true });
    }
  }
}

/** What a run says that could not write for want of room; null for any other error. */
export async function fullDisk(error: unknown, out: string): Promise<InstructCvError | null> {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  if (code !== "ENOSPC" && code !== "EFBIG" && code !== "EDQUOT") return null;
  const last = (await listStates(join(out, "checkpoints"))).at(-1);
  return new InstructCvError(
    "checkpoint",
    `${out}: cannot be written, the disk is full (${code}).`,
    `Make room (a checkpoint is written before the oldest goes), then use --resume auto: ${
      last ? `the last good checkpoint is ${last}` : "no checkpoint was written yet"
    }.`,
  );
}
