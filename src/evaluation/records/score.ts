/** A number of a report. */
export interface Score {
  readonly metric: string;
  /** NaN when there was nothing to measure. */
  readonly value: number;
  /** Queries behind the value. */
  readonly n: number;
}

/** Ends of names: which queries are behind a number. */
export const PRESENT = "(present classes asked)";
export const ALL = "(all classes asked)";
