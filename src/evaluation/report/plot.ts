/** A small square plot of curves over [0, 1] x [0, 1] as SVG; its colours follow the page. */
import { type Html, html } from "../../corpus/show/html.js";
import type { Curve } from "./curves.js";

const SIDE = 300;
const LEFT = 34;
const BOTTOM = 30;
const TOP = 8;
const TICKS = [0, 0.25, 0.5, 0.75, 1];

export function plot(
  title: string,
  axes: { readonly x: string; readonly y: string },
  curves: readonly Curve[],
  options: { readonly diagonal?: boolean; readonly dots?: boolean } = {},
): Html {
  const x = (value: number) => (LEFT + value * (SIDE - LEFT - TOP)).toFixed(1);
  const y = (value: number) => (TOP + (1 - value) * (SIDE - TOP - BOTTOM)).toFixed(1);
  const grid = TICKS.map(
    (tick) =>
      html`<line class="grid" x1="${x(0)}" x2="${x(1)}" y1="${y(tick)}" y2="${y(tick)}"/><text x="${LEFT - 5}" y="${y(tick)}" text-anchor="end" dy=".32em">${tick}</text><text x="${x(tick)}" y="${SIDE - 16}" text-anchor="middle">${tick}</text>`,
  );
  const diagonal = options.diagonal
    ? html`<line class="ideal" x1="${x(0)}" y1="${y(0)}" x2="${x(1)}" y2="${y(1)}"/>`
    : html``;
  const lines = curves.map(({ name, points }, i) => {
    const at = points.map(([px, py]) => `${x(px)},${y(py)}`).join(" ");
    const dots = points.map(
      ([px, py]) =>
        html`<circle cx="${x(px)}" cy="${y(py)}" r="3"><title>${px.toFixed(3)}, ${py.toFixed(3)}</title></circle>`,
    );
    return html`<g class="k${i % 8}"><polyline points="${at}"><title>${name}</title></polyline>${options.dots ? dots : html``}</g>`;
  });
  const key = curves.length > 1 ? curves.map(({ name }, i) => html`<span><i class="k${i % 8}"></i>${name}</span>`) : [];
  return html`<figure class="chart"><h3>${title}</h3>
<svg viewBox="0 0 ${SIDE} ${SIDE}" role="img" aria-label="${title}: ${axes.y} by ${axes.x}">${grid}${diagonal}${lines}<text x="${x(0.5)}" y="${SIDE - 3}" text-anchor="middle">${axes.x}</text></svg>
<figcaption class="key">${axes.y} (upwards). ${key}</figcaption></figure>
`;
}
