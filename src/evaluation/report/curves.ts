/** The curves behind the numbers: precision against recall, and what probabilities are worth. */
import { scoreMatchings } from "../metrics/detection.js";
import { BINS, type Bin, factsOf, type QuestionRecord } from "../records/record.js";
import { matchingOf } from "../scorers.js";

export interface Curve {
  readonly name: string;
  /** Both 0..1. */
  readonly points: readonly (readonly [x: number, y: number])[];
}

/** At IoU 0.5, mean over categories first, then each category. */
export function precisionCurves(records: readonly QuestionRecord[]): Curve[] {
  const { categories } = scoreMatchings(factsOf(records, "boxes").map(matchingOf));
  const own = categories.map(({ category, precision }) => ({ name: category, precision: precision[0]! }));
  if (own.length === 0) return [];
  const length = own[0]!.precision.length;
  const mean = Array.from({ length }, (_, i) => own.reduce((sum, one) => sum + one.precision[i]!, 0) / own.length);
  return [{ name: "mean", precision: mean }, ...own].map(({ name, precision }) => ({
    name,
    points: precision.map((value, i) => [i / (length - 1), value] as const),
  }));
}

export interface Reliability {
  /** Mean probability of a bin against the share that was so in truth; bins without answers are left out. */
  readonly points: Curve["points"];
  /** Mean over answers of |probability - share| of their bin: 0 is best. */
  readonly ece: number;
  readonly count: number;
}

/** Of the pixels of all masks, or of all yes/no answers. */
export function reliability(records: readonly QuestionRecord[]): Reliability | undefined {
  const total = Array.from({ length: BINS }, (): [number, number, number] => [0, 0, 0]);
  const add = (at: number, bin: Bin) => {
    for (const k of [0, 1, 2] as const) total[at]![k] += bin[k];
  };
  for (const { facts } of factsOf(records, "mask")) for (const [at, bin] of facts.bins.entries()) add(at, bin);
  for (const { record, facts } of factsOf(records, "presence"))
    add(Math.min(BINS - 1, Math.floor(facts.probability * BINS)), [1, facts.probability, record.present ? 1 : 0]);
  const count = total.reduce((sum, [n]) => sum + n, 0);
  if (count === 0) return undefined;
  const filled = total.filter(([n]) => n > 0);
  return {
    points: filled.map(([n, p, positives]) => [p / n, positives / n] as const),
    ece: filled.reduce((sum, [, p, positives]) => sum + Math.abs(p - positives), 0) / count,
    count,
  };
}
