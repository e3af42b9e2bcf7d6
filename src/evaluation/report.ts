/** The outcome of an evaluation as data, and as a table for a terminal or a README. */
import type { Wording } from "../instructions/render.js";
import { markdownReport, textReport } from "./text-table.js";

/** One number; exactly these keys are what `instructcv eval --json` prints. */
export interface Row {
  readonly dataset: string;
  readonly task: string;
  readonly metric: string;
  readonly wording: Wording;
  /** Null when there was nothing to measure. */
  readonly value: number | null;
  /** The same metric of an answer that never looks at the photo, on the same queries. */
  readonly baseline: number | null;
  /** Queries behind the value. */
  readonly n: number;
  /** A 95 % interval of the value, where one was asked for. */
  readonly low?: number | null;
  readonly high?: number | null;
}

export interface Report {
  /** What was measured; says so when it was only a part of the photos. */
  readonly suite: string;
  readonly model: string;
  readonly rows: readonly Row[];
  /** What a reader must know beside the numbers, a sentence each. */
  readonly notes: readonly string[];
  /** Only when something could not be asked or scored. */
  readonly coverage?: Coverage;
}

export interface Coverage {
  /** Questions, of all wordings. */
  readonly asked: number;
  readonly scored: number;
  readonly faults: readonly {
    readonly photo: string;
    readonly task: string;
    readonly category: string | null;
    readonly fault: string;
  }[];
  /** Photos about which nothing could be asked. */
  readonly skipped: readonly { readonly dataset: string; readonly photo: string; readonly reason: string }[];
}

/** The stable JSON form: suite, model, rows; and coverage when not everything could be measured. */
export function reportToJson({ suite, model, rows, coverage }: Report): string {
  return JSON.stringify({ suite, model, rows, coverage });
}

const WORDINGS: readonly Wording[] = ["template", "paraphrase", "unseen"];

/** One line a metric, wordings side by side: header first, all cells text. */
function tabulate({ rows }: Report): string[][] {
  const wordings = WORDINGS.filter((wording) => rows.some((row) => row.wording === wording));
  const lines = new Map<string, Row[]>();
  for (const row of rows) {
    const key = `${row.dataset}/${row.task}/${row.metric}`;
    lines.set(key, [...(lines.get(key) ?? []), row]);
  }
  const number = (value: number | null | undefined) => (value == null ? "-" : value.toFixed(3));
  const withRange = (row: Row | undefined) =>
    row?.low == null ? number(row?.value) : `${number(row.value)} (${number(row.low)} to ${number(row.high)})`;
  const body = [...lines.values()].map((line) => {
    const { dataset, task, metric, baseline, n } = line[0]!;
    const values = wordings.map((wording) => withRange(line.find((row) => row.wording === wording)));
    return [dataset, task, metric, ...values, number(baseline), String(n)];
  });
  return [["dataset", "task", "metric", ...wordings, "baseline", "n"], ...body];
}

/** A table with aligned columns; a repeated dataset or task is left blank. */
export function reportToText(report: Report): string {
  return textReport(`${report.suite}, model ${report.model}`, tabulate(report), report.notes);
}

/** The same as a GitHub table. */
export function reportToMarkdown(report: Report): string {
  return markdownReport(tabulate(report), report.notes);
}
