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
import { digestTask, digestWeights, joinTeam, type Team } from "./distributed.js";
import { writeModel } from "./export.js";
import { readLaunch } from "./launch.js";
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
  /** In several processes: how long one waits for the others before it gives up, in seconds. @default 600 */
  readonly rankTimeout?: number;
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
  /** Of several processes, which one this is; 0 wrote the files. */
  readonly rank: number;
}

/**
 * Trains by a recipe (a path or a parsed one). With `duration.steps`, same recipe, corpus, libtorch build and thread count
 * give the same bits, interrupted or not. Under torchrun, srun or with their variables (launch.ts) all processes train one model.
 * Throws InstructCvError for a bad recipe, corpus or checkpoint, when the loss is no number any more, and when another process is gone.
 */
export async function train(recipe: string | TrainConfig, options: TrainOptions): Promise<TrainResult> {
  const config = typeof recipe === "string" ? await readConfig(recipe) : recipe;
  const team = joinTeam(config, readLaunch(process.env), options.rankTimeout ?? 600);
  try {
    return await trainTogether(team, config, options);
  } finally {
    team.leave();
  }
}

async function trainTogether(team: Team, config: TrainConfig, options: TrainOptions): Promise<TrainResult> {
  const { out } = options;
  const report = options.onProgress ?? createReporter(process.stderr);
  const from = (await team.decided("start", () => startFrom(options))) || undefined;
  if (team.leads) await mkdir(join(out, "samples"), { recursive: true });
  const begun = from ? await readProgress(from) : { step: 0, minutes: 0 };
  const stores = await openStores(config);
  const session = await createSession(team.place(config), stores.train, from && join(from, "tokenizer"));
  if (from) await loadState(from, session);

  const loader = createLoader(stores.train, config, session.tokenizer);
  team.agreeOn("the recipe or the data", () => digestTask(config, loader));
  team.agreeOn("the model at the start", () => digestWeights(session));
  if (team.leads) await writeAtomic(join(out, "config.yaml"), stringify(config));
  const log = team.leads ? await openRunLog(out, config.name, begun.step) : null;
  const work = {
    flopsPerUpdate: countUpdate(session, loader) * team.world,
    limit: team.sum([measureLimit(session.torch, config.compute.dtype)])[0]!,
  };
  if (log) await recordStart(out, session, work, { step: begun.step, from });
  const { log_every: logEvery, sample_every: sampleEvery, checkpoint_minutes: checkpointMinutes } = config.output;
  const validator = sampleEvery === null ? null : createValidator(session, stores.val, config.output.val_records);
  const started = performance.now();
  const minutesNow = () => begun.minutes + (performance.now() - started) / 60_000;
  const fractionAt = (step: number) =>
    "steps" in config.duration ? step / config.duration.steps : Math.min(1, minutesNow() / config.duration.minutes);
  const steps = "steps" in config.duration ? config.duration.steps : null;
  const stopped = () =>
    options.signal?.aborted || minutesNow() - begun.minutes >= (options.maxMinutes ?? Number.POSITIVE_INFINITY);
  const save = (at: number): Promise<string> => {
    team.agreeOn(`the model after step ${at}`, () => digestWeights(session));
    const progress = { step: at, minutes: minutesNow() };
    return team.decided(`checkpoint ${at}`, () => saveState(join(out, "checkpoints"), session, stores.train, progress));
  };

  let step = begun.step;
  let saved = minutesNow();
  const meter = new Meter(fractionAt(step), work);
  /** The leader's clock counts; any rank's Ctrl-C stops all. */
  const agree = () => {
    const due = step > begun.step && minutesNow() - saved >= checkpointMinutes;
    const [share, stops, saves] = team.sum([
      team.leads ? fractionAt(step) : 0,
      stopped() ? 1 : 0,
      team.leads && due ? 1 : 0,
    ]);
    return { fraction: share!, stop: stops! > 0, save: saves! > 0 };
  };
  for (;;) {
    const now = agree();
    if (now.fraction >= 1 || now.stop) break;
    if (now.save) {
      await save(step);
      saved = minutesNow();
      meter.restart();
    }
    const lr = learningRate(config.optimizer, now.fraction);
    const outcome = runUpdate(session, loader, step + 1, lr, team);
    if (!Number.isFinite(outcome.loss)) {
      throw new InstructCvError("engine", `step ${step + 1}: the loss is ${outcome.loss}.`, "Lower optimizer.lr.");
    }
    meter.add(outcome);
    step++;
    const fraction = fractionAt(step);
    const sampling = validator !== null && (fraction >= 1 || step % sampleEvery! === 0);
    if (log && (sampling || fraction >= 1 || step % logEvery === 0)) {
      const means = meter.take(config.optimizer.batch * config.optimizer.accumulate * team.world, fraction);
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
    await setImmediate();
  }
  const checkpoint = await save(step);
  await log?.plot();
  const finished = agree().fraction >= 1;
  const model = finished ? await team.decided("model", () => exportModel(out, session, stores.train)) : null;
  return { step, minutes: minutesNow(), finished, checkpoint, model, rank: team.rank };
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

/** The checkpoint to continue from; empty for a fresh start. */
async function startFrom({ out, resume = false }: TrainOptions): Promise<string> {
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
  return newest ?? "";
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
