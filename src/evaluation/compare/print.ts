/** A comparison as data and as a table: a line for each metric and wording. */
import { markdownReport, textReport } from "../text-table.js";
import type { Comparison } from "./compare.js";

/** The stable JSON form: suite, model, against, rows. */
export function comparisonToJson({ suite, model, against, rows }: Comparison): string {
  return JSON.stringify({ suite, model, against, rows });
}

export function comparisonToText(comparison: Comparison): string {
  const { suite, model, against, notes } = comparison;
  return textReport(`${suite}, ${model} against ${against}`, tabulate(comparison), notes);
}

/** The same as a GitHub table. */
export function comparisonToMarkdown(comparison: Comparison): string {
  return markdownReport(tabulate(comparison), comparison.notes);
}

function tabulate({ model, against, rows }: Comparison): string[][] {
  const number = (value: number | null) => value?.toFixed(3) ?? "-";
  const signed = (value: number | null) => (value !== null && value >= 0 ? `+${number(value)}` : number(value));
  const body = rows.map(({ dataset, task, metric, wording, value, against: other, difference, low, high, n }) => {
    const range = low === null || high === null ? "-" : `${signed(low)} to ${signed(high)}`;
    return [dataset, task, metric, wording, number(value), number(other), signed(difference), range, String(n)];
  });
  return [["dataset", "task", "metric", "wording", model, against, "difference", "95 % interval", "n"], ...body];
}
