/** What a run tells while it goes, and a plain reporter: one rewritten line on a terminal, one line a report elsewhere. */
import type { TaskName } from "../tasks/task.js";
import type { HeadLosses } from "./update.js";
import type { Validation } from "./validate.js";

export interface TrainProgress {
  readonly step: number;
  /** Null when the run ends by the clock. */
  readonly steps: number | null;
  /** Elapsed share of the run, 0..1. */
  readonly fraction: number;
  /** Mean of the weighted loss since the last report. */
  readonly loss: number;
  /** Mean unweighted loss of each task since the last report. */
  readonly losses: Readonly<Partial<Record<TaskName, number>>>;
  /** Mean losses of the training-only heads; absent without them. */
  readonly auxiliary?: HeadLosses;
  readonly lr: number;
  readonly gradNorm: number;
  /** What the loss is multiplied by in float16; absent in other precisions. */
  readonly lossScale?: number;
  /** Updates since the last report that were left out of it and of the weights: their loss or gradient was no number. */
  readonly skipped?: number;
  readonly samplesPerSecond: number;
  /** Floating-point operations of forward and backward, counted from the model's shapes (work.ts). */
  readonly flopsPerSecond: number;
  /** Of what a matrix product reaches on this machine, 0..1. */
  readonly limitShare: number;
  /** Memory of the process now, and the most it ever had. A GPU's own memory is not in it. */
  readonly rssBytes: number;
  readonly peakRssBytes: number;
  /** The most that tensors ever held of the leader's GPU; absent on a CPU. */
  readonly gpuPeakBytes?: number;
  /** Share of the time spent waiting for batches. */
  readonly loaderShare: number;
  readonly etaSeconds: number;
  /** Averaged weights on validation records, when this report has it. */
  readonly validation?: Validation;
}

export function progressLine(progress: TrainProgress): string {
  const { step, steps, fraction, loss, losses, auxiliary, lr, gradNorm, samplesPerSecond, etaSeconds } = progress;
  const { flopsPerSecond, limitShare, rssBytes } = progress;
  const tasks = Object.entries(losses).map(([task, value]) => `${task.slice(0, 3)} ${value.toFixed(4)}`);
  return [
    `${(100 * fraction).toFixed(1).padStart(5)}%`,
    `step ${step}${steps === null ? "" : `/${steps}`}`,
    `loss ${loss.toFixed(4)} (${tasks.join(", ")})`,
    ...(auxiliary
      ? [
          `heads ${Object.values(auxiliary)
            .map((value) => value.toFixed(3))
            .join(", ")}`,
        ]
      : []),
    `lr ${lr.toExponential(1)}`,
    `|g| ${gradNorm.toFixed(2)}`,
    `${samplesPerSecond.toFixed(1)} samples/s`,
    `${withPrefix(flopsPerSecond)}FLOP/s (${(100 * limitShare).toFixed(0)}% of the limit)`,
    `${withPrefix(rssBytes)}B`,
    `ETA ${duration(etaSeconds)}`,
  ].join("  ");
}

/** `54_321_000_000` becomes `54.3 G`, to be followed by a unit. */
export function withPrefix(value: number): string {
  const prefixes = ["", "k", "M", "G", "T", "P"];
  const index = Math.max(0, Math.min(prefixes.length - 1, Math.floor(Math.log10(value) / 3)));
  return `${(value / 1000 ** index).toPrecision(3)} ${prefixes[index]}`;
}

export function validationLine(validation: Validation): string {
  const parts = [
    ...Object.entries(validation.losses).map(([task, value]) => `${task.slice(0, 3)} ${value.toFixed(4)}`),
    validation.segmentationIou !== undefined && `mask IoU ${validation.segmentationIou.toFixed(3)}`,
    validation.outlineIou !== undefined && `outline IoU ${validation.outlineIou.toFixed(3)}`,
    validation.depthRmse !== undefined && `depth RMSE ${validation.depthRmse.toFixed(3)} m`,
    validation.classificationAccuracy !== undefined && `present ${validation.classificationAccuracy.toFixed(3)}`,
  ];
  return `validation: ${parts.filter(Boolean).join("  ")}`;
}

/** `90061` becomes `25:01:01`. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return "?";
  const whole = Math.max(0, Math.round(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n: number) => String(n).padStart(2, "0");
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** Writes reports to a stream such as stderr. */
export function createReporter(stream: NodeJS.WriteStream): (progress: TrainProgress) => void {
  return (progress) => {
    const line = progressLine(progress);
    if (stream.isTTY) stream.write(`\r\x1b[2K${line.slice(0, stream.columns - 1)}`);
    else stream.write(`${line}\n`);
    if (progress.validation) stream.write(`${stream.isTTY ? "\n" : ""}${validationLine(progress.validation)}\n`);
    else if (stream.isTTY && progress.fraction >= 1) stream.write("\n");
  };
}
