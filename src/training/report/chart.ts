/** A chart of curves over the steps as SVG inside the page: its colours follow the page, light or dark. */
import { type Html, html } from "../../corpus/show/html.js";
import { type Curves, type Point, type Series, smoothed, thinned } from "./series.js";

const width = 560;
const height = 230;
const margin = { left: 58, right: 12, top: 10, bottom: 24 };

/** `resumed`: steps at which the run was taken up again, marked by upright lines. */
export function chart({ title, scale, smooth, series }: Curves, resumed: readonly number[]): Html {
  const points = series.flatMap((one) => one.points);
  const last = Math.max(1, ...points.map(([step]) => step));
  const axis = (scale === "log" ? logAxis : linearAxis)(points.map(([, value]) => value));
  const x = (step: number) => margin.left + (step / last) * (width - margin.left - margin.right);
  const y = (value: number) => margin.top + (1 - axis.place(value)) * (height - margin.top - margin.bottom);
  const path = (some: readonly Point[]) =>
    thinned(some)
      .map(([step, value]) => `${x(step).toFixed(1)},${y(value).toFixed(1)}`)
      .join(" ");
  const rows = axis.ticks.map(
    (tick) =>
      html`<line class="grid" x1="${margin.left}" x2="${width - margin.right}" y1="${y(tick).toFixed(1)}" y2="${y(tick).toFixed(1)}"/><text x="${margin.left - 7}" y="${y(tick).toFixed(1)}" text-anchor="end" dy=".32em">${short(tick)}</text>`,
  );
  const columns = linearAxis([0, last]).ticks.map(
    (tick) => html`<text x="${x(tick).toFixed(1)}" y="${height - 6}" text-anchor="middle">${short(tick)}</text>`,
  );
  const marks = resumed.map(
    (step) =>
      html`<line class="resumed" x1="${x(step).toFixed(1)}" x2="${x(step).toFixed(1)}" y1="${margin.top}" y2="${height - margin.bottom}"><title>resumed at step ${step}</title></line>`,
  );
  const lines = series.map((one) => {
    const line = (kind: string, some: readonly Point[]) =>
      html`<polyline class="${kind} ${colourOf(one)}" points="${path(some)}"/>`;
    if (smooth) return html`${line("raw", one.points)}${line("curve", smoothed(one.points))}`;
    // A curve of few points shows where they are.
    const dots = one.points.map(
      ([step, value]) =>
        html`<circle class="${colourOf(one)}" cx="${x(step).toFixed(1)}" cy="${y(value).toFixed(1)}" r="2.2"><title>step ${step}: ${short(value)}</title></circle>`,
    );
    return html`${line("curve", one.points)}${one.points.length <= 40 ? dots : html``}`;
  });
  const legend = series.map(
    (one) =>
      html`<span><i class="${colourOf(one)}"></i>${one.name} <b>${short(smoothed(one.points).at(-1)![1])}</b></span>`,
  );
  return html`<figure class="chart"><h3>${title}</h3>
<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${title} by step, ${scale} scale">${rows}${columns}${marks}${lines}</svg>
<figcaption class="key">${legend}</figcaption></figure>
`;
}

function colourOf({ colour }: Series): string {
  return `c-${colour}`;
}

interface Axis {
  readonly ticks: readonly number[];
  /** 0 at the bottom to 1 at the top. */
  place(value: number): number;
}

/** Round numbers, about four steps; from 0 unless the values lie in a narrow band far from it. */
export function linearAxis(values: readonly number[]): Axis {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const from = least >= 0 && least < most / 2 ? 0 : least;
  const spread = most - from || Math.abs(most) || 1;
  const power = 10 ** Math.floor(Math.log10(spread / 4));
  const step = [1, 2, 2.5, 5, 10].map((n) => n * power).find((n) => spread / n <= 5)!;
  const low = Math.floor(from / step + 1e-9) * step;
  const count = Math.max(1, Math.ceil((most - low) / step - 1e-9));
  const high = low + count * step;
  return {
    ticks: Array.from({ length: count + 1 }, (_, i) => low + i * step),
    place: (value) => (value - low) / (high - low),
  };
}

/** Powers of ten, and 2 and 5 times them where there are few. */
export function logAxis(values: readonly number[]): Axis {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const decades = Math.log10(most) - Math.log10(least);
  const digits = decades > 3 ? [1] : decades > 1.5 ? [1, 3] : [1, 2, 5];
  const first = Math.floor(Math.log10(least));
  const all = Array.from({ length: Math.ceil(decades) + 3 }, (_, i) => first + i).flatMap((decade) =>
    digits.map((digit) => digit * 10 ** decade),
  );
  const low = all.filter((tick) => tick <= least * (1 + 1e-9)).at(-1)!;
  const high = all.find((tick) => tick >= most && tick > low)!;
  return {
    ticks: all.filter((tick) => tick >= low && tick <= high),
    place: (value) => Math.log(value / low) / Math.log(high / low),
  };
}

/** Three digits: `0.000123` as `1.23e-4`, `12345` as `12.3k`. */
export function short(value: number): string {
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size >= 1e4 && size < 1e6) return `${Number((value / 1000).toPrecision(3))}k`;
  if (size >= 1e6 || size < 1e-3) return value.toExponential(2).replace(/\.?0*e\+?/, "e");
  return String(Number(value.toPrecision(size >= 1000 ? 4 : 3)));
}
