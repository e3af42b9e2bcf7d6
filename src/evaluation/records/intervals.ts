/** How far the numbers of a table would move had other photos been drawn: all metrics of a task from the same resamples. */
import { createRng } from "../../random.js";
import { quantile } from "../metrics/bootstrap.js";
import { groupBy } from "../metrics/statistics.js";
import type { Score } from "../scorers.js";
import type { QuestionRecord } from "./record.js";

export type Range = readonly [low: number, high: number];

/** Of a 95 % interval. */
const TAIL = 0.025;

/**
 * Percentile bootstrap (Efron 1979): as many photos as there are, drawn with replacement, each with all its questions. Resamples in which a
 * metric has no value are left out of its interval. Photos are drawn by the seed alone, so equal photos give two models equal draws.
 * @param scores of a sample, in which a photo may be several times, under different names
 */
export function intervalsOf(
  records: readonly QuestionRecord[],
  scores: (sample: readonly QuestionRecord[]) => readonly Score[],
  resamples: number,
  seed = 0,
): ReadonlyMap<string, Range> {
  const photos = [...groupBy(records, ({ photo }) => photo).values()];
  const rng = createRng(`bootstrap/${seed}`);
  const values = new Map<string, number[]>();
  for (let k = 0; k < resamples; k++) {
    const sample = photos.flatMap((_, i) => {
      const drawn = photos[rng.int(photos.length)]!;
      return drawn.map((record) => ({ ...record, photo: `${record.photo}#${i}` }));
    });
    for (const { metric, value } of scores(sample)) {
      const all = values.get(metric) ?? [];
      values.set(metric, all);
      if (Number.isFinite(value)) all.push(value);
    }
  }
  return new Map(
    [...values].flatMap(([metric, all]) => {
      if (all.length === 0) return [];
      all.sort((a, b) => a - b);
      return [[metric, [quantile(all, TAIL), quantile(all, 1 - TAIL)] as const] as const];
    }),
  );
}
