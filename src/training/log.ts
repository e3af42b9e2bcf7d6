/** What a run writes down while it goes: metrics.jsonl, TensorBoard events, loss.svg and sample pictures. */
import { appendFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeAtomic } from "../files.js";
import { type LossPoint, lossSvg } from "./plot.js";
import type { TrainProgress } from "./progress.js";
import { openBoard } from "./tensorboard.js";

/** A line of metrics.jsonl. `minutes`: training time so far. Runs of earlier versions lack what was added since. */
export type Metrics = Pick<
  TrainProgress,
  "step" | "steps" | "loss" | "losses" | "lr" | "gradNorm" | "samplesPerSecond"
> &
  Partial<TrainProgress> & { readonly minutes: number };

export interface RunLog {
  /** `grid`: PNG of the validation records, when they were drawn. */
  add(progress: TrainProgress, minutes: number, grid?: Buffer): Promise<void>;
  /** loss.svg as of now. */
  plot(): Promise<void>;
}

/** Opens the logs of a run in `out` that has done `step` updates: what they say of later ones is dropped. */
export async function openRunLog(out: string, name: string, step: number): Promise<RunLog> {
  const path = join(out, "metrics.jsonl");
  const kept = step === 0 ? [] : (await readMetrics(out)).filter((line) => line.step <= step);
  await writeAtomic(path, kept.map((line) => `${JSON.stringify(line)}\n`).join(""));
  const board = await openBoard(join(out, "tensorboard"), step);
  const points: LossPoint[] = kept.map(({ step: at, loss, losses }) => ({
    step: at,
    losses: { total: loss, ...losses },
  }));
  const plot = () => writeAtomic(join(out, "loss.svg"), lossSvg(points, name));
  return {
    plot,
    async add(progress, minutes, grid) {
      points.push({ step: progress.step, losses: { total: progress.loss, ...progress.losses } });
      await appendFile(path, `${JSON.stringify({ ...progress, minutes })}\n`, { flush: true });
      await board.add(progress.step, scalarsOf(progress), grid && { samples: grid });
      if (!grid) return;
      await writeAtomic(join(out, "samples", `step-${String(progress.step).padStart(7, "0")}.png`), grid);
      await plot();
    },
  };
}

/** The lines of `<out>/metrics.jsonl` in order, none without the file. A line that a crash has torn is left out. */
export async function readMetrics(out: string): Promise<Metrics[]> {
  const text = await readFile(join(out, "metrics.jsonl"), "utf8").catch(() => "");
  return text.split("\n").flatMap((line): Metrics[] => {
    try {
      return line === "" ? [] : [JSON.parse(line)];
    } catch {
      return [];
    }
  });
}

/** TensorBoard's names of the numbers; it groups them by what stands before the slash. */
export function scalarsOf(progress: TrainProgress): Record<string, number> {
  const { validation } = progress;
  const { losses: validationLosses = {}, ...answers } = validation ?? {};
  return {
    "loss/total": progress.loss,
    ...under("loss", progress.losses),
    ...under("heads", progress.auxiliary ?? {}),
    "optimizer/lr": progress.lr,
    "optimizer/gradient_norm": progress.gradNorm,
    ...under("optimizer", progress.lossScale === undefined ? {} : { loss_scale: progress.lossScale }),
    "speed/samples_per_second": progress.samplesPerSecond,
    "speed/flops_per_second": progress.flopsPerSecond,
    "speed/share_of_limit": progress.limitShare,
    "speed/share_of_loading": progress.loaderShare,
    "memory/rss_bytes": progress.rssBytes,
    "memory/peak_rss_bytes": progress.peakRssBytes,
    ...under("memory", progress.gpuPeakBytes === undefined ? {} : { gpu_peak_bytes: progress.gpuPeakBytes }),
    ...under("validation_loss", validationLosses),
    ...under("validation", answers),
  };
}

function under(group: string, values: object): Record<string, number> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [`${group}/${name}`, value]));
}
