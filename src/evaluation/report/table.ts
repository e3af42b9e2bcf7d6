/** The numbers as a table: a metric a line, wordings side by side, the authors' number for the same answers at the end. */
import { type Html, html } from "../../corpus/show/html.js";
import { groupBy } from "../metrics/statistics.js";
import type { Report, Row } from "../report.js";
import { isPaperStyle } from "../scorers.js";

/** The metric that the authors' number claims to be. */
const BESIDE: Readonly<Record<string, string>> = {
  "RMSE (m)": "paper-style RMSE (m)",
  delta1: "paper-style delta1",
  "mIoU (present classes asked)": "paper-style mIoU",
  "AP@.5 (present classes asked)": "paper-style AP@.5",
  "balanced accuracy": "paper-style accuracy",
};

/** @param anchorOf where the images of a number are */
export function table({ rows }: Report, anchorOf: (row: Row) => string): Html {
  const wordings = [...new Set(rows.map(({ wording }) => wording))];
  const standard = rows.filter((row) => !isPaperStyle(row));
  const lines = groupBy(standard, ({ dataset, task, metric }) => `${dataset}/${task}/${metric}`);
  const cell = (row: Row | undefined, paper = false) => {
    const kind = paper ? "number paper" : "number";
    if (row?.value == null) return html`<td class="${kind}">-</td>`;
    const range =
      row.low == null || row.high == null
        ? html``
        : html`<span class="range">${row.low.toFixed(3)} to ${row.high.toFixed(3)}</span>`;
    return html`<td class="${kind}"><a href="#${anchorOf(row)}">${row.value.toFixed(3)}</a>${range}</td>`;
  };
  const body = [...lines.values()].map((line) => {
    const [first] = line as [Row];
    const paper = rows.find(
      (row) =>
        row.dataset === first.dataset &&
        row.task === first.task &&
        row.wording === first.wording &&
        row.metric === BESIDE[first.metric],
    );
    const values = wordings.map((wording) => cell(line.find((row) => row.wording === wording)));
    return html`<tr><th scope="row">${first.dataset}</th><td>${first.task}</td><td>${first.metric}</td>${values}<td class="number">${first.baseline?.toFixed(3) ?? "-"}</td><td class="number">${first.n}</td>${paper ? cell(paper, true) : html`<td></td>`}</tr>`;
  });
  const heads = wordings.map((wording) => html`<th class="number">${wording}</th>`);
  return html`<div class="scroll"><table class="list"><thead><tr><th>Dataset</th><th>Task</th><th>Metric</th>${heads}<th class="number">baseline</th><th class="number">n</th><th class="number">paper-style</th></tr></thead><tbody>${body}</tbody></table></div>`;
}
