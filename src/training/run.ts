/** The training loop: recipe in, model folder out; it can be interrupted at any step and resumed. */
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { stringify } from "yaml";
import { openCorpus } from "../corpus/read.js";
import { InstructCvError } from "../errors.js";
import { writeAtomic } from "../files.js";
import { createLoader } from "./batch.js";
import { readConfig, type TrainConfig } from "./config.js";
import { writeModel } from "./export.js";
import { openRunLog } from "./log.js";
import { learningRate } from "./lr.js";
import { Meter } from "./meter.js";
import { createReporter, type TrainProgress } from "./progress.js";
import { recordStart } from "./run-info.js";
import { createSession, type Session } from "./session.js";
import { listStates, loadState, readProgress, saveState } from "./state.js";
import { loadStore, type Store } from "./store.js";
import { runUpdate } from "./update.js";
import { createValidator } from "./validate.js";
import { countUpdate, measureLimit } from "./work.js";

export interface TrainOptions {
  /** Folder of the run: config.yaml, run.json, metrics.jsonl, tensorboard/, loss.svg, samples/, checkpoints/, model/. */
  readonly out: string;
  /** True continues from the newest checkpoint in `out`; a path, from that checkpoint. @default false */
  readonly resume?: boolean | string;
  /** Stop after this time with a checkpoint to resume from; the learning-rate curve does not change. */
  readonly maxMinutes?: number;
  /** When it aborts, the step in progress is finished, a checkpoint written, and `train` returns. */
  readonly signal?: AbortSignal;
  /** @default one line on stderr */
  readonly onProgress?: (progress: TrainProgress) => void;
}

export interface TrainResult {
  readonly step: number;
  /** Training time, resumed runs included. */
  readonly minutes: number;
  readonly finished: boolean;
  /** The newest checkpoint. */
  readonly checkpoint: string;
  /** The exported model; null unless finished. */
  readonly model: string | null;
}

/**
 * Trains by a recipe (a path or a parsed one). With `duration.steps`, same recipe, corpus, libtorch build and thread count
 * give the same bits, interrupted or not. Throws InstructCvError for a bad recipe, corpus or checkpoint, and when the loss is
 * no number any more.
 */
export async function train(recipe: string | TrainConfig, options: TrainOptions): Promise<TrainResult> {
  const config = typeof recipe === "string" ? await readConfig(recipe) : recipe;
  const { out } = options;
  const report = options.onProgress ?? createReporter(process.stderr);
  await mkdir(join(out, "samples"), { recursive: true });
  const from = await startFrom(options);
  const begun = from ? await readProgress(from) : { step: 0, minutes: 0 };
  const stores = await openStores(config);
  const session = await createSession(config, stores.train, from && join(from, "tokenizer"));
  if (from) await loadState(from, session);
  await writeAtomic(join(out, "config.yaml"), stringify(config));

  const log = await openRunLog(out, config.name, begun.step);
  const loader = createLoader(stores.train, config, session.tokenizer);
  const work = {
    flopsPerUpdate: countUpdate(session, loader),
    limit: measureLimit(session.torch, config.compute.dtype),
  };
  await recordStart(out, session, work, { step: begun.step, from });
  const { log_every: logEvery, sample_every: sampleEvery, checkpoint_minutes: checkpointMinutes } = config.output;
  const validator = sampleEvery === null ? null : createValidator(session, stores.val, config.output.val_records);
  const started = performance.now();
  const minutesNow = () => begun.minutes + (performance.now() - started) / 60_000;
  const fractionAt = (step: number) =>
    "steps" in config.duration ? step / config.duration.steps : Math.min(1, minutesNow() / config.duration.minutes);
  const steps = "steps" in config.duration ? config.duration.steps : null;
  const stopped = () =>
    options.signal?.aborted || minutesNow() - begun.minutes >= (options.maxMinutes ?? Number.POSITIVE_INFINITY);
  const save = (at: number) =>
    saveState(join(out, "checkpoints"), session, stores.train, { step: at, minutes: minutesNow() });

  let step = begun.step;
  let saved = minutesNow();
  const meter = new Meter(fractionAt(step), work);
  while (fractionAt(step) < 1 && !stopped()) {
    const lr = learningRate(config.optimizer, fractionAt(step));
    const outcome = runUpdate(session, loader, step + 1, lr);
    if (!Number.isFinite(outcome.loss)) {
      throw new InstructCvError("engine", `step ${step + 1}: the loss is ${outcome.loss}.`, "Lower optimizer.lr.");
    }
    meter.add(outcome);
    step++;
    const fraction = fractionAt(step);
    const sampling = validator !== null && (fraction >= 1 || step % sampleEvery! === 0);
    if (sampling || fraction >= 1 || step % logEvery === 0) {
      const means = meter.take(config.optimizer.batch * config.optimizer.accumulate, fraction);
      const validated = sampling ? await validator.run() : null;
      const progress: TrainProgress = {
        step,
        steps,
        fraction,
        lr,
        ...means,
        ...(validated && { validation: validated.validation }),
      };
      report(progress);
      await log.add(progress, minutesNow(), validated?.grid);
      meter.restart();
    }
    if (minutesNow() - saved >= checkpointMinutes) {
      await save(step);
      saved = minutesNow();
      meter.restart();
    }
    await setImmediate();
  }
  const checkpoint = await save(step);
  await log.plot();
  const finished = fractionAt(step) >= 1;
  const model = finished ? await exportModel(out, session, stores.train) : null;
  return { step, minutes: minutesNow(), finished, checkpoint, model };
}

async function openStores(config: TrainConfig): Promise<{ train: Store; val: Store }> {
  const corpus = await openCorpus(config.data.corpus);
  const open = async (split: string, cure: string) => {
    const store = await loadStore(corpus.records(split), corpus.manifest.size);
    if (store.samples.length > 0) return store;
    throw new InstructCvError("corpus", `${config.data.corpus}: the split "${split}" has no record.`, cure);
  };
  const { train_split, val_split } = config.data;
  return {
    train: await open(train_split, "Build the corpus with more photos or a smaller val_share."),
    val: await open(val_split, "Build the corpus with a larger val_share: training is watched on it."),
  };
}

async function startFrom({ out, resume = false }: TrainOptions): Promise<string | undefined> {
  if (typeof resume === "string") return resume;
  const newest = (await listStates(join(out, "checkpoints"))).at(-1);
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
  return newest;
}

async function exportModel(out: string, session: Session, store: Store): Promise<string> {
  const model = join(out, "model");
  const temporary = join(out, `.model.${process.pid}.tmp`);
  try {
    await mkdir(temporary, { recursive: true });
    await writeModel(temporary, session, store, session.config.output.weights);
    await rm(model, { recursive: true, force: true });
    await rename(temporary, model);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
  return model;
}
