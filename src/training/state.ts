/** Checkpoints of a run: a model folder with the averaged weights, and beside it what resuming to the bit needs. */
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import type { TensorData } from "../checkpoints/safetensors.js";
import { readSafetensors, writeSafetensors } from "../checkpoints/safetensors.js";
import { InstructCvError } from "../errors.js";
import { writeModel } from "./export.js";
import type { Session } from "./session.js";
import type { Store } from "./store.js";

const progressSchema = z.strictObject({
  format: z.literal("instructcv-training/1"),
  /** Optimizer updates done. */
  step: z.int().min(0),
  /** Training time spent, all runs together. */
  minutes: z.number().min(0),
});
export type RunProgress = Omit<z.infer<typeof progressSchema>, "format">;

const stateFile = "training_state.safetensors";
const progressFile = "training.json";
const folderName = /^step-\d{7}$/;

/**
 * Writes `<folder>/step-0000123` through a temporary folder and removes all but the newest `keep`. All randomness is a
 * function of (seed, step), so no generator state is stored. Returns the folder written.
 */
export async function saveState(
  folder: string,
  session: Session,
  store: Store,
  progress: RunProgress,
  keep = 2,
): Promise<string> {
  await mkdir(folder, { recursive: true });
  const target = join(folder, `step-${String(progress.step).padStart(7, "0")}`);
  const temporary = join(folder, `.${basename(target)}.${process.pid}.tmp`);
  try {
    await rm(temporary, { recursive: true, force: true });
    await mkdir(temporary);
    await writeModel(temporary, session, store, "float32");
    await writeSafetensors(join(temporary, stateFile), stateTensors(session));
    await writeFile(
      join(temporary, progressFile),
      `${JSON.stringify({ format: "instructcv-training/1", ...progress })}\n`,
    );
    await rm(target, { recursive: true, force: true });
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
  for (const old of (await listStates(folder)).slice(0, -keep)) await rm(old, { recursive: true, force: true });
  return target;
}

/** Checkpoints of a run, oldest first. */
export async function listStates(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => [] as string[]);
  return names
    .filter((name) => folderName.test(name))
    .sort()
    .map((name) => join(folder, name));
}

/** Where training stood; throws InstructCvError("checkpoint") for a folder that is no training checkpoint. */
export async function readProgress(folder: string): Promise<RunProgress> {
  const path = join(folder, progressFile);
  const text = await readFile(path, "utf8").catch(() => {
    throw new InstructCvError(
      "checkpoint",
      `${path}: no such file.`,
      `Give a folder such as ${dirname(folder)}/step-….`,
    );
  });
  try {
    const { step, minutes } = progressSchema.parse(JSON.parse(text));
    return { step, minutes };
  } catch {
    throw new InstructCvError("checkpoint", `${path}: damaged.`, "Resume from an older checkpoint.");
  }
}

/** Puts weights, moments and averages of a checkpoint into a session of the same recipe. */
export async function loadState(folder: string, session: Session): Promise<void> {
  const file = await readSafetensors(join(folder, stateFile));
  for (const slot of session.optimizer.slots) {
    for (const field of ["weight", "first", "second", "average"] as const) {
      const name = `${field}/${slot.name}`;
      const shape = file.entries.get(name)?.shape;
      if (!shape || shape.join() !== slot.weight.shape.join()) {
        const found = shape ? `shape [${shape}]` : "nothing";
        throw new InstructCvError(
          "checkpoint",
          `${file.path}: ${name}: expected shape [${slot.weight.shape}], found ${found}.`,
          "Resume with the config.yaml of the run.",
        );
      }
      session.torch.write(slot[field], file.read(name));
    }
  }
}

function stateTensors(session: Session): Map<string, TensorData> {
  const tensors = new Map<string, TensorData>();
  for (const field of ["weight", "first", "second", "average"] as const) {
    for (const slot of session.optimizer.slots) {
      tensors.set(`${field}/${slot.name}`, { shape: slot.weight.shape, data: session.torch.read(slot[field]) });
    }
  }
  return tensors;
}
