/** What every metric here has in common: it is fed answers one by one and then says its numbers. */

export interface Metric {
  /** As the report prints it, e.g. `RMSE (m)`. */
  readonly name: string;
  /** NaN when nothing was measured. */
  readonly value: number;
}

/** `Truth` is the ground truth of one query, `Answer` what the model said. */
export interface Meter<Truth, Answer> {
  add(truth: Truth, answer: Answer): void;
  metrics(): Metric[];
}

/** Sum over count that forgives an empty count with NaN. */
export function mean(values: Iterable<number>): number {
  let sum = 0;
  let count = 0;
  for (const value of values) {
    sum += value;
    count++;
  }
  return sum / count;
}
