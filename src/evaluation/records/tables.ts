/** From the records of a run to the report: nothing else is looked at, so that a stored run can be tabulated again. */
import type { TaskName } from "../../tasks/task.js";
import type { Report, Row } from "../report.js";
import { needsAbsent, type Score, type ScoreOptions, scoresOf } from "../scorers.js";
import { intervalsOf } from "./intervals.js";
import type { QuestionRecord } from "./record.js";
import type { Run, RunHead } from "./run.js";
import { topOne } from "./top-one.js";

export interface TableOptions extends ScoreOptions {
  /** Add 95 % intervals from so many resamples of the photos. */
  readonly bootstrap?: number;
}

export function reportOf(
  { head, records }: Run,
  { paperStyle = false, details = false, bootstrap }: TableOptions = {},
): Report {
  const rows: Row[] = [];
  for (const dataset of head.datasets) {
    for (const task of head.tasks) {
      const own = records.filter((record) => record.dataset === dataset && record.task === task);
      if (own.length === 0) continue;
      const scores = (some: readonly QuestionRecord[], paper = paperStyle) =>
        scoresIn(head, dataset, task, some, { details, paperStyle: paper });
      const trivial = new Map(
        scores(own.filter(({ wording }) => wording === null)).map(({ metric, value }) => [metric, value]),
      );
      for (const wording of head.wordings) {
        const worded = own.filter((record) => record.wording === wording);
        const ranges = bootstrap ? intervalsOf(worded, (some) => scores(some, false), bootstrap) : undefined;
        for (const { metric, value, n } of scores(worded)) {
          const [low, high] = ranges?.get(metric) ?? [null, null];
          const numbers = { value: finite(value), baseline: finite(trivial.get(metric)), n };
          rows.push({ dataset, task, metric, wording, ...numbers, ...(bootstrap && { low, high }) });
        }
      }
    }
  }
  return {
    suite: head.suite,
    model: head.model,
    rows,
    notes: notesOf({ head, records }),
    ...coverageOf({ head, records }),
  };
}

/** The scores of one dataset and task of a run: only those that what was asked has an answer to. @param records of one wording */
export function scoresIn(
  head: RunHead,
  dataset: string,
  task: TaskName,
  records: readonly QuestionRecord[],
  options: ScoreOptions,
): Score[] {
  const scores = scoresOf(task, records, options);
  if (task === "classification") return head.exclusive.includes(dataset) ? [...scores, ...topOne(records)] : scores;
  return head.options.presentOnly ? scores.filter((score) => !needsAbsent(score)) : scores;
}

const finite = (value: number | undefined) => (Number.isFinite(value) ? value! : null);

/** It is put together from answers, not asked for. */
export const isLabelMap = ({ task, category }: QuestionRecord) => task === "segmentation" && category === null;

const NAMED = 5;

function coverageOf({ head, records }: Run): Pick<Report, "coverage"> {
  const asked = records.filter((record) => record.wording !== null && !isLabelMap(record));
  const faults = asked.flatMap(({ photo, task, category, facts, fault = "" }) =>
    facts === null ? [{ photo, task, category, fault }] : [],
  );
  if (faults.length === 0 && head.skipped.length === 0) return {};
  return { coverage: { asked: asked.length, scored: asked.length - faults.length, faults, skipped: head.skipped } };
}

/** The notes of the run, and what its records say about answers that are not what was asked for. */
function notesOf({ head, records }: Run): string[] {
  const asked = records.filter((record) => record.wording !== null && !isLabelMap(record));
  const misread = asked.filter((record) => record.misread).length;
  const faults = asked.filter(({ facts }) => facts === null);
  const named = (lines: readonly string[]) => [
    ...lines.slice(0, NAMED).map((line) => `  ${line}`),
    ...(lines.length > NAMED ? [`  ... and ${lines.length - NAMED} more.`] : []),
  ];
  return [
    ...head.notes,
    ...(misread === 0
      ? []
      : [`${misread} of ${asked.length} instructions were taken for another task: scored as empty.`]),
    ...(faults.length === 0
      ? []
      : [
          `${asked.length - faults.length} of ${asked.length} questions were scored; the others have no answer that could be:`,
          ...named(
            faults.map(
              ({ photo, task, category, fault }) => `${[photo, task, category].filter(Boolean).join(", ")}: ${fault}.`,
            ),
          ),
        ]),
    ...(head.skipped.length === 0
      ? []
      : [
          `${head.skipped.length} ${head.skipped.length === 1 ? "photo" : "photos"} could not be used, so nothing was asked about them:`,
          ...named(head.skipped.map(({ photo, reason }) => `${photo}: ${reason}`)),
        ]),
  ];
}
