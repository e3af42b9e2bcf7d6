/** Two runs of the same questions side by side: what one is better by, and whether that is more than the luck of the photos. */
import { InstructCvError } from "../../errors.js";
import type { Wording } from "../../instructions/render.js";
import { pairedIntervalsOf } from "../records/intervals.js";
import type { QuestionRecord } from "../records/record.js";
import type { Run } from "../records/run.js";
import { isLabelMap, scoresIn } from "../records/tables.js";
import type { ScoreOptions } from "../scorers.js";

/** One number of both. */
export interface ComparedRow {
  readonly dataset: string;
  readonly task: string;
  readonly metric: string;
  readonly wording: Wording;
  /** Of the run; null when there was nothing to measure. */
  readonly value: number | null;
  /** Of the run it is compared with, on the same questions. */
  readonly against: number | null;
  /** value - against. */
  readonly difference: number | null;
  /** 95 % interval of the difference; without 0 in it, the difference is more than the luck of the photos. */
  readonly low: number | null;
  readonly high: number | null;
  /** Questions behind both. */
  readonly n: number;
}

export interface Comparison {
  readonly suite: string;
  readonly model: string;
  readonly against: string;
  readonly rows: readonly ComparedRow[];
  readonly notes: readonly string[];
}

export interface CompareOptions extends ScoreOptions {
  /** Photos are resampled so often; paper-style numbers get no intervals. @default 1000 */
  readonly bootstrap?: number;
}

/**
 * Only questions that both runs answered count, and the note says how many did not.
 * @throws {InstructCvError} "usage" when they share no question
 */
export function compareRuns(
  run: Run,
  against: Run,
  { bootstrap = 1000, paperStyle = false, details = false }: CompareOptions = {},
): Comparison {
  const [ours, theirs, leftOut] = shared(run, against);
  if (ours.length === 0)
    throw new InstructCvError(
      "usage",
      `${run.head.model} and ${against.head.model} have no answered question in common.`,
      "Compare runs of the same datasets, tasks and wordings.",
    );
  const { presentOnly = against.head.options.presentOnly } = run.head.options;
  const head = { ...run.head, options: { presentOnly } };
  const rows: ComparedRow[] = [];
  for (const dataset of run.head.datasets)
    for (const task of run.head.tasks)
      for (const wording of run.head.wordings) {
        const own = (records: readonly QuestionRecord[]) =>
          records.filter((record) => record.dataset === dataset && record.task === task && record.wording === wording);
        const [a, b] = [own(ours), own(theirs)];
        if (a.length === 0) continue;
        const scores = (records: readonly QuestionRecord[], paper: boolean) =>
          scoresIn(head, dataset, task, records, { details, paperStyle: paper });
        const ranges = pairedIntervalsOf(a, b, (sample) => scores(sample, false), bootstrap);
        const others = new Map(scores(b, paperStyle).map(({ metric, value }) => [metric, value]));
        for (const { metric, value, n } of scores(a, paperStyle)) {
          const other = others.get(metric) ?? Number.NaN;
          const [low, high] = ranges.get(metric) ?? [null, null];
          const numbers = { value: finite(value), against: finite(other), difference: finite(value - other) };
          rows.push({ dataset, task, metric, wording, ...numbers, low, high, n });
        }
      }
  const depthOf = ({ options: { depthAlign = "none", depthCrop = "none" } }: Run["head"]) =>
    `aligned by ${depthAlign}, in the crop ${depthCrop}`;
  const [ownDepth, theirDepth] = [depthOf(run.head), depthOf(against.head)];
  const notes = [
    ...(rows.some(({ task }) => task === "depth") && ownDepth !== theirDepth
      ? [`Depth was not measured alike: the first is ${ownDepth}, the second ${theirDepth}.`]
      : []),
    `difference: first minus second; its 95 % interval is from ${bootstrap} resamples of the photos, the same for both. Photos only: other training seeds would move it too.`,
    ...(leftOut === 0 ? [] : [`${leftOut} questions have a scored answer in one of the runs only: left out of both.`]),
  ];
  return { suite: run.head.suite, model: run.head.model, against: against.head.model, rows, notes };
}

const finite = (value: number) => (Number.isFinite(value) ? value : null);

const questionOf = ({ photo, task, category, wording }: QuestionRecord) =>
  JSON.stringify([photo, task, category, wording]);

/** The answered questions that are in both, in the order of the first, and how many are in one only. */
function shared(run: Run, against: Run): [ours: QuestionRecord[], theirs: QuestionRecord[], leftOut: number] {
  const answered = ({ records }: Run) =>
    new Map(
      records
        .filter(({ wording, facts }) => wording !== null && facts !== null)
        .map((record) => [questionOf(record), record] as const),
    );
  const [a, b] = [answered(run), answered(against)];
  const both = [...a.keys()].filter((question) => b.has(question));
  const alone = (own: ReadonlyMap<string, QuestionRecord>, other: ReadonlyMap<string, QuestionRecord>) =>
    [...own].filter(([question, record]) => !other.has(question) && !isLabelMap(record)).length;
  return [
    both.map((question) => a.get(question)!),
    both.map((question) => b.get(question)!),
    alone(a, b) + alone(b, a),
  ];
}
