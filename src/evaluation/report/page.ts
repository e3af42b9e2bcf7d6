/** The page about an evaluation: numbers, curves and pictures, each number linked to its images; one file that loads nothing. */
import { grouped } from "../../corpus/show/bars.js";
import { htmlDocument } from "../../corpus/show/document.js";
import { type Html, html } from "../../corpus/show/html.js";
import { css } from "../../corpus/show/style.js";
import type { TaskName } from "../../tasks/task.js";
import { packageVersion } from "../../version.js";
import { reliability } from "../records/reliability.js";
import type { Run } from "../records/run.js";
import { reportOf, type TableOptions } from "../records/tables.js";
import { type Choice, type ReportPicture, ranked } from "./choose.js";
import { precisionCurves } from "./curves.js";
import { plot } from "./plot.js";
import { evaluationCss } from "./style.js";
import { table } from "./table.js";

/** Photos named in a list; a page of all of a large dataset would not open. */
const MOST_LISTED = 600;

/** Paper-style numbers are always beside the standard ones. */
export type PageOptions = Pick<TableOptions, "bootstrap" | "details">;

export function evaluationPage(
  run: Run,
  pictures: readonly ReportPicture[],
  { bootstrap, details }: PageOptions = {},
): string {
  const report = reportOf(run, { paperStyle: true, details, bootstrap });
  const parts = run.head.datasets.flatMap((dataset) =>
    run.head.tasks
      .filter((task) => report.rows.some((row) => row.dataset === dataset && row.task === task))
      .map((task) => ({ dataset, task })),
  );
  const title = `${report.model}: ${report.suite}`;
  const photos = Object.entries(run.head.photos).map(([name, count]) => `${name} ${grouped(count)}`);
  const body = html`<header>
<h1>${title}</h1>
<p>Photos: ${photos.join(", ")}. ${grouped(run.records.filter(({ wording }) => wording !== null).length)} records of answers.
Standard metrics first; what the authors' evaluators print for the same answers stands beside them. A number leads to its images.</p>
</header>
<main>
<section><h2>Numbers</h2>${table(report, (row) => anchor(row.dataset, row.task as TaskName))}
<p class="facts notes">${report.notes.join("\n")}</p>${bootstrap ? html`<p class="facts">Below a number: 95 % interval from ${grouped(bootstrap)} resamples of the photos (percentile bootstrap).</p>` : html``}</section>
${parts.map(({ dataset, task }) => part(run, pictures, dataset, task))}
</main>
<footer>Made by instructcv ${packageVersion()}.</footer>`;
  return htmlDocument(title, [css, evaluationCss], body);
}

const anchor = (dataset: string, task: TaskName) => `${dataset}-${task}`;

function part(run: Run, pictures: readonly ReportPicture[], dataset: string, task: TaskName): Html {
  const own = pictures.filter((picture) => picture.dataset === dataset && picture.task === task);
  const shown = (choice: Choice, title: string) => {
    const some = own.filter((picture) => picture.choice === choice);
    return some.length === 0 ? html`` : html`<h3>${title}</h3><div class="cards">${some.map(card)}</div>`;
  };
  return html`<section id="${anchor(dataset, task)}"><h2>${dataset}: ${task}</h2>
${curves(run, dataset, task)}
${shown("worst", "Worst")}${shown("best", "Best")}${shown("random", "At random")}
${list(run, dataset, task)}</section>
`;
}

function curves(run: Run, dataset: string, task: TaskName): Html {
  const [wording] = run.head.wordings;
  const records = run.records.filter(
    (record) => record.dataset === dataset && record.task === task && record.wording === wording,
  );
  const precision = precisionCurves(records);
  const trust = reliability(records);
  const unit = task === "segmentation" ? "pixels" : "answers";
  const plots = [
    ...(precision.length === 0
      ? []
      : [plot("Precision and recall at IoU 0.5", { x: "recall", y: "Precision" }, precision)]),
    ...(trust === undefined
      ? []
      : [
          plot(
            `Reliability: ECE ${trust.ece.toFixed(3)} of ${grouped(trust.count)} ${unit}`,
            { x: "probability", y: "Share that is so in truth" },
            [{ name: "reliability", points: trust.points }],
            { diagonal: true, dots: true },
          ),
        ]),
  ];
  return plots.length === 0 ? html`` : html`<div class="charts">${plots}</div>`;
}

function card({ photo, category, instruction, quality, tiles }: ReportPicture): Html {
  const figures = tiles.map(
    ({ caption, url }) =>
      html`<figure><img src="${url}" alt="${caption} of ${photo}" loading="lazy"><figcaption>${caption}</figcaption></figure>`,
  );
  return html`<div class="card" id="${photo}-${category ?? "all"}"><h4>${quality}</h4><div class="row">${figures}</div><p class="facts">${instruction}</p><p class="source">${photo}</p></div>`;
}

/** All that went into the numbers, worst first. */
function list(run: Run, dataset: string, task: TaskName): Html {
  const all = ranked(run, dataset, task).reverse();
  if (all.length === 0) return html``;
  const lines = all
    .slice(0, MOST_LISTED)
    .map(({ record, quality }) => html`<li>${quality.text}: ${record.photo} ${record.category ?? ""}</li>`);
  const some = all.length > MOST_LISTED ? `the worst ${MOST_LISTED} of ${grouped(all.length)}` : grouped(all.length);
  return html`<details><summary>Images behind the numbers, worst first: ${some}</summary><ul class="all">${lines}</ul></details>`;
}
