/** The parts of a divided evaluation put together: equal to the undivided one. */
import { isDeepStrictEqual } from "node:util";
import { InstructCvError } from "../../errors.js";
import type { Run, RunHead, SkippedPhoto } from "./run.js";

/**
 * @param parts one for each shard, in any order; a single undivided run is returned as it is
 * @throws {InstructCvError} "usage" when they are of different evaluations, or one is missing or there twice
 */
export function mergeRuns(parts: readonly Run[]): Run {
  const [first] = parts;
  if (!first) throw new InstructCvError("usage", "No run to read.");
  const [, n] = first.head.shard;
  for (const { head } of parts.slice(1)) {
    const differs = (Object.keys(common(head)) as (keyof RunHead)[]).find(
      (key) => !isDeepStrictEqual(common(head)[key], common(first.head)[key]),
    );
    if (differs)
      throw new InstructCvError(
        "usage",
        `Runs of different evaluations: ${differs} is ${JSON.stringify(first.head[differs])} and ${JSON.stringify(head[differs])}.`,
        "Put together only the parts of one evaluation.",
      );
  }
  const numbers = parts.map(({ head }) => head.shard[0]);
  for (let i = 1; i <= n; i++) {
    const count = numbers.filter((number) => number === i).length;
    if (count !== 1)
      throw new InstructCvError(
        "usage",
        `Part ${i} of ${n}: expected one run, found ${count}.`,
        `Give the runs of all ${n} parts, each once.`,
      );
  }
  const { datasets } = first.head;
  const records = parts
    .toSorted((a, b) => a.head.shard[0] - b.head.shard[0])
    .flatMap((part) => part.records)
    .sort((a, b) => datasets.indexOf(a.dataset) - datasets.indexOf(b.dataset) || a.at - b.at);
  return { head: { ...first.head, suite: titleOf(first.head), shard: [1, 1], skipped: skippedIn(parts) }, records };
}

/** What the parts share. */
function common({ suite: _, shard, skipped: __, ...rest }: RunHead) {
  return { ...rest, parts: shard[1] } as Partial<RunHead>;
}

const titleOf = ({ suite, shard: [i, n] }: RunHead) => suite.replace(`, part ${i} of ${n}`, "");

/** What could not even be listed is told by every part. */
function skippedIn(parts: readonly Run[]): SkippedPhoto[] {
  const all = new Map(parts.flatMap(({ head }) => head.skipped).map((one) => [JSON.stringify(one), one]));
  return [...all.values()];
}
