/** The page about a run: its state in a few numbers, curves, pictures, how it was started and its recipe; one file. */
import { grouped } from "../../corpus/show/bars.js";
import { htmlDocument } from "../../corpus/show/document.js";
import { type Html, html } from "../../corpus/show/html.js";
import { css } from "../../corpus/show/style.js";
import type { Metrics } from "../log.js";
import { duration, withPrefix } from "../progress.js";
import type { RunStart } from "../run-info.js";
import { chart } from "./chart.js";
import { curvesOf } from "./series.js";
import { runCss } from "./style.js";

export interface RunContents {
  readonly name: string;
  /** The resolved recipe as YAML. */
  readonly config: string;
  /** At least one. */
  readonly metrics: readonly Metrics[];
  /** None for runs of versions that wrote no run.json. */
  readonly starts: readonly RunStart[];
  readonly samples: readonly { readonly step: number; readonly url: string }[];
  /** Of the program that makes the page. */
  readonly version: string;
}

export function page({ name, config, metrics, starts, samples, version }: RunContents): string {
  const last = metrics.at(-1)!;
  const resumed = starts.filter(({ step }) => step > 0).map(({ step }) => step);
  const of = last.steps === null ? "" : ` of ${grouped(last.steps)}`;
  const body = html`<header>
<h1>${name}</h1>
<p>Step ${grouped(last.step)}${of} after ${duration(last.minutes * 60)} of training${(last.fraction ?? 0) >= 1 ? ", finished" : ""}.
${resumed.length > 0 ? `Resumed at ${resumed.map(grouped).join(", ")}: dashed lines.` : ""}</p>
</header>
<main>
<div class="tiles">${tiles(metrics)}</div>
<section><h2>Curves by step</h2><div class="charts">${curvesOf(metrics).map((curves) => chart(curves, resumed))}</div></section>
${pictures(samples)}
${started(starts)}
<section><h2>Recipe</h2><details><summary>config.yaml, every value</summary><pre>${config}</pre></details></section>
</main>
<footer>Thick curves are means of neighbouring points, thin ones the points. Made by instructcv ${version}.</footer>`;
  return htmlDocument(`${name}: training`, [css, runCss], body);
}

/** Speeds as medians: a slow minute of the machine does not move them. */
function tiles(metrics: readonly Metrics[]): Html[] {
  const all = (value: (line: Metrics) => number | undefined) => metrics.flatMap((line) => value(line) ?? []);
  const flops = median(all((line) => line.flopsPerSecond));
  const share = median(all((line) => line.limitShare));
  const peaks = all((line) => line.peakRssBytes);
  const shown: [string, string][] = [
    ["last loss", metrics.at(-1)!.loss?.toPrecision(4) ?? "no number"],
    ["samples/s", median(all((line) => line.samplesPerSecond))!.toPrecision(3)],
    ...(flops === undefined ? [] : [["FLOP/s", withPrefix(flops)] as [string, string]]),
    ...(share === undefined
      ? []
      : [["of a matrix product's speed", `${(100 * share).toFixed(0)}%`] as [string, string]]),
    ...(peaks.length === 0 ? [] : [["most memory", `${withPrefix(Math.max(...peaks))}B`] as [string, string]]),
  ];
  return shown.map(([what, value]) => html`<div class="tile"><b>${value}</b><span>${what}</span></div>`);
}

function median(values: readonly number[]): number | undefined {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}

function pictures(samples: RunContents["samples"]): Html {
  if (samples.length === 0) return html``;
  const figures = samples.map(
    ({ step, url }) =>
      html`<figure><img src="${url}" alt="photo, target and answer of validation records at step ${step}"><figcaption>step ${grouped(step)}</figcaption></figure>`,
  );
  return html`<section><h2>Validation records: photo, target, one-step answer</h2><div class="sheets">${figures}</div></section>`;
}

function started(starts: readonly RunStart[]): Html {
  if (starts.length === 0) return html``;
  const rows = starts.map((start) => {
    const { versions, machine, git } = start;
    const facts = [
      ["from", start.resumed_from ?? "the beginning"],
      ["command", start.command.join(" ")],
      ["in", start.working_folder],
      ["code", git ? `${git.commit}${git.dirty ? ", with changes that are not committed" : ""}` : "no git repository"],
      ["versions", `instructcv ${versions.instructcv}, Node ${versions.node}, libtorch ${versions.libtorch}`],
      [
        "machine",
        `${machine.processor}, ${machine.cores} cores, ${withPrefix(machine.memory_bytes)}B, ${machine.platform}`,
      ],
      ["arithmetic", `${machine.precision} on ${machine.device}, ${withPrefix(start.flops_per_update)}FLOP an update`],
      ["limit", `${withPrefix(start.limit_flops_per_second)}FLOP/s, a matrix product timed at the start`],
    ];
    const cells = facts.map(([what, value]) => html`<tr><th scope="row">${what!}</th><td>${value!}</td></tr>`);
    return html`<h3>Step ${grouped(start.step)}, ${start.started}</h3><div class="scroll"><table class="list"><tbody>${cells}</tbody></table></div>`;
  });
  return html`<section class="starts"><h2>Starts</h2>${rows}</section>`;
}
