/** Curves of a run from its metrics: which numbers are drawn together, made smooth and few enough to draw. */
import { taskNames } from "../../tasks/registry.js";
import type { Metrics } from "../log.js";

/** [step, value]. */
export type Point = readonly [number, number];

export interface Series {
  readonly name: string;
  /** One of the page's colours, or the ink for what sums up the others. */
  readonly colour: number | "ink";
  readonly points: readonly Point[];
}

export interface Curves {
  readonly title: string;
  readonly scale: "linear" | "log";
  /** Behind a smooth curve the raw one is drawn thin; without, points are marked. */
  readonly smooth: boolean;
  readonly series: readonly Series[];
}

/** Most points of a curve: more than pixels say nothing. */
const MAX_POINTS = 800;

/** All charts of the page that have something to show, in its order. */
export function curvesOf(lines: readonly Metrics[]): Curves[] {
  const one = (
    name: string,
    value: (line: Metrics) => number | null | undefined,
    colour: Series["colour"] = "ink",
  ) => ({
    name,
    colour,
    points: pointsOf(lines, value),
  });
  const each = (names: readonly string[], values: (line: Metrics) => object | undefined): Series[] =>
    names.map((name, i) => one(name, (line) => (values(line) as Record<string, number> | undefined)?.[name], i));
  const charts: Curves[] = [
    chart("Loss", "log", true, [one("total", (line) => line.loss)]),
    chart(
      "Loss of each task",
      "log",
      true,
      each(taskNames, (line) => line.losses),
    ),
    chart(
      "Validation loss of each task (averaged weights)",
      "log",
      false,
      each(taskNames, (line) => line.validation?.losses),
    ),
    chart("Validation answers: overlap and accuracy", "linear", false, [
      one("mask IoU", (line) => line.validation?.segmentationIou, 0),
      one("outline IoU", (line) => line.validation?.outlineIou, 1),
      one("right yes or no", (line) => line.validation?.classificationAccuracy, 3),
    ]),
    chart("Validation answers: depth RMSE, metres", "linear", false, [
      one("depth RMSE", (line) => line.validation?.depthRmse, 2),
    ]),
    chart(
      "Losses of the training-only heads",
      "log",
      true,
      each(["sentence", "presence", "extent", "asked"], (line) => line.auxiliary),
    ),
    chart("Learning rate", "linear", false, [one("lr", (line) => line.lr)]),
    chart("Gradient norm", "log", true, [one("norm", (line) => line.gradNorm)]),
    chart("Samples a second", "linear", true, [one("samples/s", (line) => line.samplesPerSecond)]),
    chart("Share of time and of the machine's limit, %", "linear", true, [
      one("of a matrix product's speed", (line) => percent(line.limitShare), 0),
      one("of the time waiting for batches", (line) => percent(line.loaderShare), 1),
    ]),
    chart("Memory of the process, GB", "linear", false, [
      one("now", (line) => gigabytes(line.rssBytes), 0),
      one("most so far", (line) => gigabytes(line.peakRssBytes), 1),
    ]),
  ];
  return charts.filter(({ series }) => series.length > 0);
}

/** Series without a point are left out; a logarithm has no place for what is not positive. */
function chart(title: string, scale: Curves["scale"], smooth: boolean, series: readonly Series[]): Curves {
  const drawn = series.map((one) => ({
    ...one,
    points: scale === "log" ? one.points.filter(([, value]) => value > 0) : one.points,
  }));
  return { title, scale, smooth, series: drawn.filter(({ points }) => points.length > 0) };
}

function percent(share: number | undefined): number | undefined {
  return share === undefined ? undefined : 100 * share;
}

function gigabytes(bytes: number | undefined): number | undefined {
  return bytes === undefined ? undefined : bytes / 1e9;
}

/** A number that JSON could not hold (NaN) was written as null. */
function pointsOf(lines: readonly Metrics[], value: (line: Metrics) => number | null | undefined): Point[] {
  return lines.flatMap((line): Point[] => {
    const found = value(line);
    return typeof found === "number" ? [[line.step, found]] : [];
  });
}

/** Each point as the mean of its neighbours, an eightieth of the curve to each side, fewer at its ends. */
export function smoothed(points: readonly Point[]): Point[] {
  const reach = points.length < 8 ? 0 : Math.ceil(points.length / 80);
  return points.map(([step], i) => {
    const near = Math.min(reach, i, points.length - 1 - i);
    const some = points.slice(i - near, i + near + 1);
    return [step, some.reduce((sum, [, value]) => sum + value, 0) / some.length];
  });
}

/** Of neighbours too many to draw, the lowest and the highest in their order: no spike gets lost. */
export function thinned(points: readonly Point[], most = MAX_POINTS): readonly Point[] {
  if (points.length <= most) return points;
  const stride = Math.ceil((2 * points.length) / most);
  const kept: Point[] = [];
  for (let start = 0; start < points.length; start += stride) {
    const some = points.slice(start, start + stride);
    const byValue = [...some].sort(([, a], [, b]) => a - b);
    const ends = new Set([byValue[0]!, byValue.at(-1)!]);
    kept.push(...some.filter((point) => ends.has(point)));
  }
  return kept;
}
