/** The plots of docs/claims.md, drawn by Vega-Lite to SVG. */
import { parse, View } from "vega";
import { compile } from "vega-lite";

const config = {
  background: "white",
  font: "sans-serif",
  axis: { labelFontSize: 11, titleFontSize: 12, gridColor: "#e4e4e4" },
  header: { labelFontSize: 12, titleFontSize: 12 },
};

/** @param {object} spec of Vega-Lite @returns {Promise<string>} SVG */
export async function svgOf(spec) {
  const view = new View(parse(compile({ config, ...spec }).spec), { renderer: "none" });
  const svg = await view.toSVG();
  view.finalize();
  return `${svg}\n`;
}

/**
 * Differences with their intervals, a line each; the line at 0 is "no difference".
 * @param {{ name: string, series: string, difference: number, low: number, high: number }[]} values
 */
export function differences(values, title) {
  const y = { field: "name", type: "nominal", sort: null, title: null, axis: { labelLimit: 0 } };
  const colour = { field: "series", type: "nominal", title: null, legend: { orient: "bottom" } };
  const offset = { field: "series" };
  return {
    data: { values },
    width: 420,
    height: { step: 11 },
    layer: [
      { mark: { type: "rule", color: "#777" }, encoding: { x: { datum: 0 } } },
      {
        mark: { type: "rule", strokeWidth: 2 },
        encoding: {
          y,
          yOffset: offset,
          color: colour,
          x: { field: "low", type: "quantitative", title },
          x2: { field: "high" },
        },
      },
      {
        mark: { type: "point", filled: true, size: 40 },
        encoding: { y, yOffset: offset, color: colour, x: { field: "difference", type: "quantitative", title } },
      },
    ],
  };
}

/**
 * Values over numbers of steps, a panel for each metric.
 * @param {{ panel: string, series: string, steps: number, value: number, low: number, high: number }[]} values
 */
export function overSteps(values) {
  const x = { field: "steps", type: "quantitative", scale: { type: "log" }, title: "steps" };
  const colour = { field: "series", type: "nominal", title: null, legend: { orient: "bottom" } };
  x.axis = { values: [...new Set(values.map(({ steps }) => steps))], format: "d" };
  const y = { type: "quantitative", title: null, scale: { zero: false } };
  return {
    data: { values },
    facet: { field: "panel", type: "nominal", title: null, sort: null },
    columns: 3,
    resolve: { scale: { y: "independent" } },
    spec: {
      width: 190,
      height: 150,
      layer: [
        {
          mark: { type: "errorband", opacity: 0.15 },
          encoding: { x, color: colour, y: { ...y, field: "low" }, y2: { field: "high" } },
        },
        { mark: { type: "line", point: true }, encoding: { x, color: colour, y: { ...y, field: "value" } } },
      ],
    },
  };
}
