/** Running means between two reports of a run, its speed and its memory. */
import type { TaskName } from "../tasks/task.js";
import type { TrainProgress } from "./progress.js";
import type { UpdateOutcome } from "./update.js";
import type { Work } from "./work.js";

type Means = Pick<
  TrainProgress,
  | "loss"
  | "losses"
  | "auxiliary"
  | "gradNorm"
  | "skipped"
  | "samplesPerSecond"
  | "flopsPerSecond"
  | "limitShare"
  | "rssBytes"
  | "peakRssBytes"
  | "loaderShare"
  | "etaSeconds"
>;

/** What a meter has gathered since the last take; a checkpoint holds it, so that a resumed run reports the same means. */
export interface Pending {
  readonly outcomes: readonly (UpdateOutcome & { readonly skipped: null })[];
  readonly skipped: number;
  readonly ms: number;
}

export class Meter {
  #outcomes: Pending["outcomes"][number][];
  #skipped: number;
  #ms: number;
  #since = performance.now();
  readonly #began = performance.now();
  readonly #startFraction: number;
  readonly #work: Work;

  /** `startFraction`: elapsed share of the run when this process took it up. */
  constructor(
    startFraction: number,
    work: Work,
    { outcomes, skipped, ms }: Pending = { outcomes: [], skipped: 0, ms: 0 },
  ) {
    this.#startFraction = startFraction;
    this.#work = work;
    this.#outcomes = [...outcomes];
    this.#skipped = skipped;
    this.#ms = ms;
  }

  get pending(): Pending {
    return { outcomes: [...this.#outcomes], skipped: this.#skipped, ms: this.#ms };
  }

  /** After a pause (validation, a checkpoint) that does not count as training time. */
  restart(): void {
    this.#since = performance.now();
  }

  /** An update that has just ended. */
  add(outcome: UpdateOutcome): void {
    const now = performance.now();
    this.#ms += now - this.#since;
    this.#since = now;
    if (outcome.skipped === null) this.#outcomes.push({ ...outcome, skipped: null });
    else this.#skipped++;
  }

  /** Means since the last take, of the updates that were made. `samples` are those of one update; `fraction` is the elapsed share of the run. */
  take(samples: number, fraction: number): Means {
    const { outcomes, skipped, ms } = this.pending;
    this.#outcomes = [];
    this.#skipped = 0;
    this.#ms = 0;
    const byTask = new Map<TaskName, number[]>();
    for (const { task, loss } of outcomes.flatMap((outcome) => outcome.tasks)) {
      const list = byTask.get(task);
      if (list) list.push(loss);
      else byTask.set(task, [loss]);
    }
    const heads = outcomes.flatMap(({ auxiliary }) => auxiliary ?? []);
    const flopsPerSecond = (outcomes.length * this.#work.flopsPerUpdate * 1000) / ms;
    const secondsPerRun = (performance.now() - this.#began) / 1000 / (fraction - this.#startFraction);
    return {
      loss: average(outcomes.map(({ loss }) => loss)),
      losses: Object.fromEntries([...byTask].map(([task, losses]) => [task, average(losses)])),
      ...(heads.length > 0 && {
        auxiliary: {
          sentence: average(heads.map(({ sentence }) => sentence)),
          presence: average(heads.map(({ presence }) => presence)),
          extent: average(heads.map(({ extent }) => extent)),
          asked: average(heads.map(({ asked }) => asked)),
        },
      }),
      gradNorm: average(outcomes.map(({ gradNorm }) => gradNorm)),
      ...(skipped > 0 && { skipped }),
      samplesPerSecond: (outcomes.length * samples * 1000) / ms,
      flopsPerSecond,
      limitShare: flopsPerSecond / this.#work.limit,
      rssBytes: process.memoryUsage.rss(),
      peakRssBytes: process.resourceUsage().maxRSS * 1024,
      loaderShare: outcomes.reduce((sum, { loaderMs }) => sum + loaderMs, 0) / ms,
      etaSeconds: (1 - fraction) * secondsPerRun,
    };
  }
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
