/** How far an evaluation is, how fast it goes and when it will end. */
import type { TaskName } from "../tasks/task.js";

export interface EvaluationProgress {
  readonly dataset: string;
  /** The task of the query just answered. */
  readonly task: TaskName;
  /** Queries answered so far, of `total` over all datasets. */
  readonly done: number;
  readonly total: number;
  readonly perSecond: number;
  readonly etaSeconds: number;
}

/** Counts queries from now on. */
export function createProgress(total: number, report: (progress: EvaluationProgress) => void) {
  const start = performance.now();
  let done = 0;
  return (dataset: string, task: TaskName): void => {
    done++;
    const perSecond = (done * 1000) / Math.max(1, performance.now() - start);
    report({ dataset, task, done, total, perSecond, etaSeconds: (total - done) / perSecond });
  };
}
