/** What probabilities are worth, from the bins that records keep. */
import { BINS, type Bin, factsOf, type QuestionRecord } from "./record.js";

export interface Reliability {
  /** Mean probability of a bin against the share that was so in truth; bins without answers are left out. */
  readonly points: readonly (readonly [probability: number, share: number])[];
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
