/** The training loop: recipe in, model folder out; it can be interrupted at any step and resumed. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { stringify } from "yaml";
import { writeAtomic } from "../files.js";
import { createTorch } from "../tensor/torch/index.js";
import { createLoader, type Loader } from "./batch.js";
import { readConfig, type TrainConfig } from "./config.js";
import { prefetchDepth } from "./data-limits.js";
import { digestTask, digestWeights, joinTeam, type Team } from "./distributed.js";
import { createEncodedLoader } from "./encoded/loader.js";
import { type Encoded, openEncoded } from "./encoded/open.js";
import { exportModel } from "./export.js";
import { readLaunch } from "./launch.js";
import { lockRun, type RunLock } from "./lock.js";
import { openRunLog } from "./log.js";
import { learningRate } from "./lr.js";
import { Meter } from "./meter.js";
import { prefetch } from "./prefetch.js";
import { createReporter, type TrainProgress } from "./progress.js";
import { chooseStart, fullDisk, removeLeftovers, type Start } from "./resume.js";
import { recordStart } from "./run-info.js";
import { createSession } from "./session.js";
import { countSkip, tooManySkips } from "./skips.js";
import { pinStart } from "./start-model.js";
import { loadState, saveState } from "./state.js";
import { openStores } from "./store.js";
import { runUpdate } from "./update.js";
import { createValidator } from "./validate.js";
import { countUpdate, measureLimit, precisionAdvice } from "./work.js";

export interface TrainOptions {
  /** Folder of the run: config.yaml, run.json, metrics.jsonl, tensorboard/, loss.svg, samples/, checkpoints/, model/. */
  readonly out: string;
  /**
   * True continues from the newest checkpoint in `out`; a path, from that checkpoint; "auto", from the newest that is whole, and
   * starts if there is none. @default false
   */
  readonly resume?: boolean | string;
  /** Stop after this time with a checkpoint to resume from; the learning-rate curve does not change. */
  readonly maxMinutes?: number;
  /** When it aborts, the step in progress is finished, a checkpoint written, and `train` returns. */
  readonly signal?: AbortSignal;
  /** In several processes: how long one waits for the others before it gives up, in seconds. @default 600 */
  readonly rankTimeout?: number;
  /** @default one line on stderr */
  readonly onProgress?: (progress: TrainProgress) => void;
  /** What happens besides: a checkpoint passed over, an update skipped. @default lines on stderr */
  readonly onNote?: (line: string) => void;
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
 * Throws InstructCvError for a bad recipe, corpus or checkpoint, for a folder that another trainer is writing, on a full disk, when the
 * loss is no number any more (`optimizer.max_skips`), and when another process is gone; checkpoints written before stay as they are.
 */
export async function train(recipe: string | TrainConfig, options: TrainOptions): Promise<TrainResult> {
  const { out, resume = false, onNote: note = noteOnStderr, signal } = options;
  const hub = { onNote: note, ...(signal && { signal }) };
  const config = await pinStart(typeof recipe === "string" ? await readConfig(recipe, hub) : recipe, hub);
  const team = joinTeam(config, readLaunch(process.env), options.rankTimeout ?? 600);
  const held: Held = {};
  try {
    const start = await team.decided("start", async () => {
      await mkdir(join(out, "samples"), { recursive: true });
      held.lock = await lockRun(out, note);
      await removeLeftovers(out);
      return JSON.stringify(await chooseStart(out, resume, note));
    });
    if (config.data.encoded !== null) held.encoded = await openEncoded(config);
    return await trainTogether(team, config, options, JSON.parse(start) as Start, held);
  } catch (error) {
    throw (await fullDisk(error, out)) ?? error;
  } finally {
    await held.loader?.close();
    await held.encoded?.close();
    await held.lock?.release();
    team.leave();
  }
}

/** What a run has to give back when it ends. */
interface Held {
  /** The leader's. */
  lock?: RunLock;
  /** Where batches come from, for a recipe that says so. */
  encoded?: Encoded;
  loader?: Loader;
}

async function trainTogether(
  team: Team,
  config: TrainConfig,
  options: TrainOptions,
  { from, progress: begun, damaged }: Start,
  held: Held,
): Promise<TrainResult> {
  const { out, onNote: note = noteOnStderr } = options;
  const report = options.onProgress ?? createReporter(process.stderr);
  const placed = team.place(config);
  const stores = await openStores(placed, note);
  const session = await createSession(placed, stores.train, from && join(from, "tokenizer"));
  if (from) await loadState(from, session);

  const loader: Loader = held.encoded
    ? createEncodedLoader(stores.train, config, held.encoded)
    : createLoader(stores.train, placed, session.tokenizer);
  held.loader = loader;
  await team.agreeOn("the recipe or the data", () => digestTask(config, loader));
  await team.agreeOn("the model at the start", () => digestWeights(session));
  if (team.leads) await writeAtomic(join(out, "config.yaml"), stringify(config));
  const log = team.leads ? await openRunLog(out, config.name, begun.step) : null;
  const { dtype, device } = placed.compute;
  const limit = measureLimit(session.torch, dtype);
  // Operations of the run's own engine are all in its precision.
  const advice =
    dtype === "float32" ? undefined : precisionAdvice(dtype, limit, measureLimit(createTorch({ device }), "float32"));
  if (advice && team.leads) note(advice);
  const work = {
    flopsPerUpdate: (await countUpdate(session, loader)) * team.world,
    limit: team.sum([limit])[0]!,
  };
  if (log) await recordStart(out, session, work, { step: begun.step, from });
  const { log_every: logEvery, sample_every: sampleEvery } = config.output;
  const validator = sampleEvery === null ? null : await createValidator(session, stores.val, config.output.val_records);
  const started = performance.now();
  const minutesNow = () => begun.minutes + (performance.now() - started) / 60_000;
  const fractionAt = (step: number) =>
    "steps" in config.duration ? step / config.duration.steps : Math.min(1, minutesNow() / config.duration.minutes);
  const steps = "steps" in config.duration ? config.duration.steps : null;
  const stopped = () =>
    options.signal?.aborted || minutesNow() - begun.minutes >= (options.maxMinutes ?? Number.POSITIVE_INFINITY);
  const coming = prefetch(loader, config, team, begun.step + 1, prefetchDepth(placed));
  const checkpoints = join(out, "checkpoints");
  let step = begun.step;
  let skips = begun.skips;
  let saved = { step, minutes: minutesNow(), checkpoint: from };
  const meter = new Meter(fractionAt(step), work, begun.pending);
  const save = async () => {
    if (saved.checkpoint !== undefined && saved.step === step) return saved.checkpoint;
    await team.agreeOn(`the model after step ${step}`, () => digestWeights(session));
    const progress = { step, minutes: minutesNow(), skips, pending: meter.pending };
    const checkpoint = await team.decided(`checkpoint ${step}`, async () => {
      await held.lock!.check();
      return saveState(checkpoints, session, stores.train, progress, damaged);
    });
    saved = { step, minutes: progress.minutes, checkpoint };
    meter.restart();
    return checkpoint;
  };
  /** The leader's clock counts; any rank's Ctrl-C stops all. */
  const agree = () => {
    // Not among skipped updates: what made them fail may be in the weights, and older checkpoints would go.
    const due = step > begun.step && skips.row === 0 && isDue(config.output, step, minutesNow() - saved.minutes);
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
    if (now.save) await save();
    const lr = learningRate(config.optimizer, now.fraction);
    const outcome = await runUpdate(session, coming, step + 1, lr, team);
    if (log) meter.add(outcome);
    step++;
    if (!outcome.overflow) skips = countSkip(skips, outcome.skipped);
    const { skipped } = outcome;
    if (skipped !== null) {
      const suspect = saved.checkpoint !== from && saved.step === step - skips.row ? saved.checkpoint : undefined;
      await team.decided(`step ${step} without a number`, async () => {
        if (skips.row > config.optimizer.max_skips)
          throw await tooManySkips(step, skipped, skips, checkpoints, suspect);
        note(`step ${step}: ${skipped}: the update is skipped`);
        return "";
      });
    }
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
        ...gpuPeak(session.torch.peakBytes()),
        ...(session.optimizer.lossScale && { lossScale: session.optimizer.lossScale.state.scale }),
        ...(validated && { validation: validated.validation }),
      };
      report(progress);
      await log.add(progress, minutesNow(), validated?.grid);
      meter.restart();
    }
    await setImmediate();
  }
  const checkpoint = await save();
  await log?.plot();
  const finished = agree().fraction >= 1;
  const model = finished ? await team.decided("model", () => exportModel(out, session, stores.train)) : null;
  return { step, minutes: minutesNow(), finished, checkpoint, model, rank: team.rank };
}

const gpuPeak = (bytes: number | null) => (bytes === null ? {} : { gpuPeakBytes: bytes });

function noteOnStderr(line: string): void {
  process.stderr.write(`${line}\n`);
}

function isDue(output: TrainConfig["output"], step: number, minutes: number): boolean {
  const { checkpoint_minutes: everyMinutes, checkpoint_steps: everySteps } = output;
  return (everyMinutes !== null && minutes >= everyMinutes) || (everySteps !== null && step % everySteps === 0);
}
