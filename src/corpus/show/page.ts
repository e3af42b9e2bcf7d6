/** The page about a corpus: statistics as bars, then samples; one file that asks for nothing from anywhere. */
import { taskNames } from "../../tasks/registry.js";
import type { TaskName } from "../../tasks/task.js";
import type { Manifest } from "../record.js";
import { balanceBars, bars, grouped, legend } from "./bars.js";
import { htmlDocument } from "./document.js";
import { type Html, html } from "./html.js";
import { type Balance, type Statistics, top } from "./statistics.js";
import { css } from "./style.js";

export interface PageContents {
  readonly name: string;
  readonly split: string;
  readonly manifest: Manifest;
  readonly statistics: Statistics;
  /** Cards of the contact sheet. */
  readonly samples: ReadonlyMap<TaskName, readonly Html[]>;
}

const MAX_CATEGORIES = 25;
const MAX_SENTENCES = 15;
const MAX_SKIPPED = 40;

export function page(contents: PageContents): string {
  const { name, split, manifest, statistics: s } = contents;
  const sum = ({ present, absent }: Balance) => present + absent;
  const records = Object.entries(manifest.splits).map(
    ([other, { records, photos }]) => `${other}: ${grouped(records)} records of ${grouped(photos)} photos`,
  );
  const tasks = [...s.tasks].filter(([, balance]) => sum(balance) > 0);
  const photos = top(s.datasets, (dataset) => dataset.photos, 12).map(([name, { photos }]) => [name, photos] as const);
  const categories = top(s.categories, sum, MAX_CATEGORIES);
  const body = html`<header>
<h1>${name}</h1>
<p>${records.join("; ")}. Pictures of ${manifest.size} x ${manifest.size} pixels, seed ${manifest.seed}.
Below: the split <b>${split}</b>.</p>
</header>
<main>
<section><h2>Statistics</h2>
<div class="charts">
<div class="chart">${balanceBars("Records of each task", tasks)}${legend}
${bars("Wording of the sentences", top(s.wordings, Number, 4), s.records)}
${bars("Photos: dataset", photos, s.photoCount)}
${bars("Photos: longer side", nonEmpty(s.sizes), s.photoCount)}
${bars("Photos: shape", nonEmpty(s.shapes), s.photoCount)}</div>
<div class="chart">${balanceBars(atMost("Categories", categories.length, s.categories.size), categories)}${legend}</div>
<div class="chart wide">${bars(
    atMost("Sentences (% category, * yes, # no)", Math.min(MAX_SENTENCES, s.sentences.size), s.sentences.size),
    top(s.sentences, Number, MAX_SENTENCES),
    s.records,
  )}</div>
</div></section>
<section><h2>Sources</h2>${sources(manifest, s)}</section>
${skipped(manifest)}
${taskNames
  .filter((task) => contents.samples.get(task)?.length)
  .map(
    (task) => html`<section><h2>${titles[task]}</h2><div class="cards">${contents.samples.get(task)!}</div></section>`,
  )}
</main>
<footer>Photos and targets are stored as squares and shown in the proportions of the photo. Made by instructcv ${manifest.version}.</footer>`;
  return htmlDocument(`${name}: corpus`, [css], body);
}

const titles: Readonly<Record<TaskName, string>> = {
  segmentation: "Segmentation",
  detection: "Detection",
  depth: "Depth",
  classification: "Classification",
};

function nonEmpty(counts: ReadonlyMap<string, number>): [string, number][] {
  return [...counts].filter(([, count]) => count > 0);
}

function atMost(what: string, shown: number, all: number): string {
  return shown < all ? `${what}: the ${shown} most frequent of ${grouped(all)}` : what;
}

function sources({ datasets }: Manifest, { datasets: counts }: Statistics): Html {
  const rows = datasets.map(({ name, title, licence, split }) => {
    const { photos, records } = counts.get(name) ?? { photos: 0, records: 0 };
    return html`<tr><th scope="row">${name}</th><td>${title}</td><td>${split}</td><td class="number">${grouped(photos)}</td><td class="number">${grouped(records)}</td><td>${licence}</td></tr>`;
  });
  return html`<div class="scroll"><table class="list"><thead><tr><th>Dataset</th><th>Title</th><th>Its split</th><th class="number">Photos</th><th class="number">Records</th><th>Licence</th></tr></thead><tbody>${rows}</tbody></table></div>`;
}

function skipped({ skipped: all }: Manifest): Html {
  if (all.length === 0) return html``;
  const rows = all
    .slice(0, MAX_SKIPPED)
    .map(({ photo, reason }) => html`<tr><th scope="row">${photo}</th><td>${reason}</td></tr>`);
  const more = all.length - MAX_SKIPPED;
  const rest = more > 0 ? html`<p>... and ${grouped(more)} more.</p>` : html``;
  return html`<section><h2>Skipped photos: ${grouped(all.length)}</h2><div class="scroll"><table class="list"><thead><tr><th>Photo</th><th>Reason</th></tr></thead><tbody>${rows}</tbody></table></div>${rest}</section>`;
}
