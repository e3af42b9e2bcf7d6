/** Running means between two reports of a run, and its speed. */
import type { TaskName } from "../tasks/task.js";
import type { TrainProgress } from "./progress.js";
import type { UpdateOutcome } from "./update.js";

type Means = Pick<TrainProgress, "loss" | "losses" | "gradNorm" | "samplesPerSecond" | "loaderShare" | "etaSeconds">;

export class Meter {
  #outcomes: UpdateOutcome[] = [];
  #since = performance.now();
  readonly #began = performance.now();
  readonly #startFraction: number;

  /** `startFraction`: elapsed share of the run when this process took it up. */
  constructor(startFraction: number) {
    this.#startFraction = startFraction;
  }

  /** After a pause (validation, a checkpoint) that must not count as training time. */
  skip(ms: number): void {
    this.#since += ms;
  }

  add(outcome: UpdateOutcome): void {
    this.#outcomes.push(outcome);
  }

  /** Means since the last take. `samples` are those of one update; `fraction` is the elapsed share of the run. */
  take(samples: number, fraction: number): Means {
    const outcomes = this.#outcomes;
    const now = performance.now();
    const ms = now - this.#since;
    this.#outcomes = [];
    this.#since = now;
    const byTask = new Map<TaskName, number[]>();
    for (const { task, loss } of outcomes.flatMap((outcome) => outcome.tasks)) {
      const list = byTask.get(task);
      if (list) list.push(loss);
      else byTask.set(task, [loss]);
    }
    const perFraction = (now - this.#began) / 1000 / (fraction - this.#startFraction);
    return {
      loss: average(outcomes.map(({ loss }) => loss)),
      losses: Object.fromEntries([...byTask].map(([task, losses]) => [task, average(losses)])),
      gradNorm: average(outcomes.map(({ gradNorm }) => gradNorm)),
      samplesPerSecond: (outcomes.length * samples * 1000) / ms,
      loaderShare: outcomes.reduce((sum, { loaderMs }) => sum + loaderMs, 0) / ms,
      etaSeconds: (1 - fraction) * perFraction,
    };
  }
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
