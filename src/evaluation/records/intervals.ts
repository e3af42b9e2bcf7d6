/** How far the numbers of a table would move had other photos been drawn: all metrics of a task from the same resamples. */
import { draws, quantile } from "../metrics/bootstrap.js";
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
  return rangesOf(mapped(samplesOf(records, resamples, seed), scores));
}

/**
 * Intervals of a - b for two systems that were asked the same questions: each resample draws the same photos for both, so that what makes a
 * photo hard for both cancels out. An interval without 0 is a difference that is more than the luck of the photos.
 * @throws {RangeError} when they are not of the same photos in the same order
 */
export function pairedIntervalsOf(
  a: readonly QuestionRecord[],
  b: readonly QuestionRecord[],
  scores: (sample: readonly QuestionRecord[]) => readonly Score[],
  resamples: number,
  seed = 0,
): ReadonlyMap<string, Range> {
  const photosOf = (records: readonly QuestionRecord[]) => [...new Set(records.map(({ photo }) => photo))].join("\n");
  if (photosOf(a) !== photosOf(b)) throw new RangeError("expected answers about the same photos in the same order");
  const others = samplesOf(b, resamples, seed);
  const differences = mapped(samplesOf(a, resamples, seed), (sample) => {
    const other = new Map(scores(others.next().value!).map(({ metric, value }) => [metric, value]));
    return scores(sample).map(({ metric, value }) => ({ metric, value: value - (other.get(metric) ?? Number.NaN) }));
  });
  return rangesOf(differences);
}

function* samplesOf(
  records: readonly QuestionRecord[],
  resamples: number,
  seed: number,
): Generator<readonly QuestionRecord[], undefined> {
  const photos = [...groupBy(records, ({ photo }) => photo).values()];
  for (const drawn of draws(photos.length, resamples, seed))
    yield drawn.flatMap((at, i) => photos[at]!.map((record) => ({ ...record, photo: `${record.photo}#${i}` })));
  return undefined;
}

function* mapped<A, B>(items: Iterable<A>, map: (item: A) => B): Generator<B> {
  for (const item of items) yield map(item);
}

function rangesOf(resampled: Iterable<readonly Pick<Score, "metric" | "value">[]>): ReadonlyMap<string, Range> {
  const values = new Map<string, number[]>();
  for (const scores of resampled) {
    for (const { metric, value } of scores) {
      const all = values.get(metric) ?? [];
      values.set(metric, all);
      if (Number.isFinite(value)) all.push(value);
    }
  }
  return new Map(
    [...values].flatMap(([metric, all]) => {
      if (all.length === 0) return [];
      all.sort((x, y) => x - y);
      return [[metric, [quantile(all, TAIL), quantile(all, 1 - TAIL)] as const] as const];
    }),
  );
}
