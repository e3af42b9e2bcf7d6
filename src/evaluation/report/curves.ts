/** The curves behind the numbers. */
import { scoreMatchings } from "../metrics/detection.js";
import { matchingOf } from "../records/matchings.js";
import { factsOf, type QuestionRecord } from "../records/record.js";

export interface Curve {
  readonly name: string;
  /** Both 0..1. */
  readonly points: readonly (readonly [x: number, y: number])[];
}

/** At IoU 0.5, mean over categories first, then each category. */
export function precisionCurves(records: readonly QuestionRecord[]): Curve[] {
  const { categories } = scoreMatchings(factsOf(records, "boxes").map((one) => matchingOf(one)));
  const own = categories.map(({ category, precision }) => ({ name: category, precision: precision[0]! }));
  if (own.length === 0) return [];
  const length = own[0]!.precision.length;
  const mean = Array.from({ length }, (_, i) => own.reduce((sum, one) => sum + one.precision[i]!, 0) / own.length);
  return [{ name: "mean", precision: mean }, ...own].map(({ name, precision }) => ({
    name,
    points: precision.map((value, i) => [i / (length - 1), value] as const),
  }));
}
