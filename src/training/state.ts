/** Checkpoints of a run: a model folder with the averaged weights, and beside it what resuming to the bit needs. */
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { TensorData } from "../checkpoints/safetensors.js";
import { readSafetensors, writeSafetensors } from "../checkpoints/safetensors.js";
import { InstructCvError } from "../errors.js";
import { writeModel } from "./export.js";
import { type RunProgress, writeProgress } from "./run-progress.js";
import { flush, sealFolder } from "./seal.js";
import type { Session } from "./session.js";
import type { Store } from "./store.js";

const stateFile = "training_state.safetensors";
/** [2]: scale, updates made since it changed; float32 holds both exactly. */
const lossScaleName = "loss_scale";
const folderName = /^step-(\d{7,})$/;

/**
 * Writes `<folder>/step-0000123` through a temporary folder that is flushed to the disk before it gets its name. All randomness
 * is a function of (seed, step), so no generator state is stored. Afterwards it removes all but the newest `keep` checkpoints:
 * those of later steps belong to a run that was given up, and those of `damaged` hold nothing. Returns the folder written.
 * @throws {InstructCvError} "engine" when a weight or its average is no number: such a state must not displace a good one
 */
export async function saveState(
  folder: string,
  session: Session,
  store: Store,
  progress: RunProgress,
  damaged: readonly string[] = [],
  keep = 2,
): Promise<string> {
  await mkdir(folder, { recursive: true });
  const target = join(folder, `step-${String(progress.step).padStart(7, "0")}`);
  const temporary = join(folder, `.${basename(target)}.${process.pid}.tmp`);
  try {
    await rm(temporary, { recursive: true, force: true });
    await mkdir(temporary);
    const tensors = stateTensors(session, progress.step);
    await writeModel(temporary, session, store, "float32");
    await writeSafetensors(join(temporary, stateFile), tensors);
    await writeProgress(temporary, progress, await sealFolder(temporary));
    await flush(temporary);
    await discard(target);
    await rename(temporary, target);
    await flush(folder);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
  const states = await listStates(folder);
  const kept = states
    .slice(0, states.indexOf(target) + 1)
    .filter((state) => state === target || !damaged.includes(state));
  for (const state of states) if (!kept.slice(-keep).includes(state)) await discard(state);
  return target;
}

/** Removes a checkpoint; one that is half removed has no name any more. */
async function discard(state: string): Promise<void> {
  const temporary = join(dirname(state), `.${basename(state)}.${process.pid}.old.tmp`);
  try {
    await rename(state, temporary);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  await rm(temporary, { recursive: true, force: true });
}

/** Gives a checkpoint a name by which no run finds it: `suspect-step-0000123`. */
export async function setAside(state: string): Promise<void> {
  const aside = join(dirname(state), `suspect-${basename(state)}`);
  await rm(aside, { recursive: true, force: true });
  await rename(state, aside);
}

/** Checkpoints of a run, oldest first. */
export async function listStates(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => [] as string[]);
  return names
    .flatMap((name) => {
      const step = folderName.exec(name)?.[1];
      return step === undefined ? [] : [{ name, step: Number(step) }];
    })
    .sort((a, b) => a.step - b.step)
    .map(({ name }) => join(folder, name));
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
  const { lossScale } = session.optimizer;
  // Absent from a checkpoint of a run in another precision.
  if (lossScale && file.entries.has(lossScaleName)) {
    const [scale, made] = file.read(lossScaleName);
    lossScale.state = { scale: scale!, made: made! };
  }
}

function stateTensors(session: Session, step: number): Map<string, TensorData> {
  const tensors = new Map<string, TensorData>();
  for (const field of ["weight", "first", "second", "average"] as const) {
    for (const slot of session.optimizer.slots) {
      const data = session.torch.read(slot[field]);
      if (!allFinite(data)) {
        throw new InstructCvError(
          "engine",
          `step ${step}: ${slot.name} (${field}) is no number any more: no checkpoint is written.`,
          "Lower optimizer.lr and continue with --resume auto.",
        );
      }
      tensors.set(`${field}/${slot.name}`, { shape: slot.weight.shape, data });
    }
  }
  const scale = session.optimizer.lossScale?.state;
  if (scale) tensors.set(lossScaleName, { shape: [2], data: Float32Array.of(scale.scale, scale.made) });
  return tensors;
}

function allFinite(data: Float32Array): boolean {
  for (let i = 0; i < data.length; i++) if (!Number.isFinite(data[i]!)) return false;
  return true;
}
