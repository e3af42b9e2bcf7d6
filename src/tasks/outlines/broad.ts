/** Finds the boxes of broad outlines (a share of the box wide), sharp or blurred: a least-squares fit, one box after the other. */
import type { Size } from "../../image/picture.js";
import type { Xyxy } from "../task.js";
import type { FoundBox } from "./candidate.js";
import { MIN_SIDE, overlap } from "./edges.js";
import { forOutline, type RectangleSums, rectangleSums, thicknessOf } from "./strength.js";

const MAX_BOXES = 8;
/** Cells of the coarse grid along the longer side: about 90,000 rectangles. */
const MAX_CELLS = 24;
/** A box must explain that share of what the first one did or, beside a much larger one, be drawn that surely, */
const MIN_GAIN = 0.05;
const SURE = 0.8;
/** be drawn at least that strongly on average, */
const MIN_SCORE = 0.02;
/** and overlap the boxes found before it by no more than this. */
const MAX_OVERLAP = 0.5;

/**
 * A drawing with an outline map alpha is explained by s * R(box), R = 1 on the outline and 0 elsewhere, up to a squared error that is
 * smallest for s = mean of alpha on R and the box with the largest `gain` = (sum of alpha on R)^2 / (pixels of R). The best box is
 * taken, s * R subtracted, and so on. For a blurred outline that puts the edges where alpha falls to about a half of its mean:
 * the median of where the network believes them to be. Boxes a few pixels apart may come out too large: each is fitted among the
 * others, not all at once.
 * @param alpha outline strength of each pixel, row-major, as `outlineStrength` gives it
 * @param share outline width of a box as a share of its shorter side
 * @returns best first; a score is the mean strength of the outline, P(outline) for a one-step sampler
 */
export function findBroadBoxes(alpha: Float32Array, size: Size, share: number): FoundBox[] {
  if (Math.min(size.width, size.height) < MIN_SIDE) return [];
  const residual = alpha.slice();
  const found: Fit[] = [];
  while (found.length < MAX_BOXES) {
    const sums = rectangleSums(residual, size);
    const best = climb(coarseBest(sums, share, found), sums, share, found);
    if (!best || best.mean < MIN_SCORE) break;
    if (best.gain < MIN_GAIN * (found[0]?.gain ?? 0) && best.mean < SURE) break;
    found.push(best);
    add(residual, size, best, share, -1);
    if (found.length > 1) refit(residual, size, found, share);
  }
  return found.map(({ xyxy, mean }) => ({ xyxy, score: Math.min(1, mean) })).sort((a, b) => b.score - a.score);
}

/** Lets each box find its place anew among the others. */
function refit(residual: Float32Array, size: Size, found: Fit[], share: number): void {
  for (const [i, fit] of found.entries()) {
    add(residual, size, fit, share, 1);
    const others = found.filter((other) => other !== fit);
    const sums = rectangleSums(residual, size);
    found[i] = climb(fitOf(sums, fit.xyxy, share), sums, share, others)!;
    add(residual, size, found[i]!, share, -1);
  }
}

interface Fit {
  readonly xyxy: Xyxy;
  /** Squared error it explains. */
  readonly gain: number;
  /** Mean strength of its outline. */
  readonly mean: number;
}

function fitOf(sums: RectangleSums, xyxy: Xyxy, share: number): Fit {
  const [x1, y1, x2, y2] = xyxy;
  const [width, height] = [x2 - x1, y2 - y1];
  const t = thicknessOf(width, height, share);
  const inner = Math.max(0, width - 2 * t) * Math.max(0, height - 2 * t);
  const area = width * height - inner;
  const sum = sums.mean(x1, y1, x2, y2) * width * height - sums.mean(x1 + t, y1 + t, x2 - t, y2 - t) * inner;
  return { xyxy, gain: sum <= 0 ? 0 : (sum * sum) / area, mean: sum / area };
}

const cellOf = ({ width, height }: Size) => Math.max(2, Math.ceil(Math.max(width, height) / MAX_CELLS));

const isNew = (box: Xyxy, others: readonly Fit[]) => others.every(({ xyxy }) => overlap(xyxy, box) <= MAX_OVERLAP);

/** The best box with its corners on a grid. */
function coarseBest(sums: RectangleSums, share: number, others: readonly Fit[]): Fit | undefined {
  const columns = grid(sums.width, cellOf(sums));
  const rows = grid(sums.height, cellOf(sums));
  let best: Fit | undefined;
  for (const [i, x1] of columns.entries())
    for (const x2 of columns.slice(i + 1))
      for (const [j, y1] of rows.entries())
        for (const y2 of rows.slice(j + 1)) {
          if (Math.min(x2 - x1, y2 - y1) < MIN_SIDE) continue;
          const fit = fitOf(sums, [x1, y1, x2, y2], share);
          if (fit.gain > (best?.gain ?? 0) && isNew(fit.xyxy, others)) best = fit;
        }
  return best;
}

/** Moves edges, alone or in pairs, while that explains more: first by about a grid cell, then by less and less. */
function climb(start: Fit | undefined, sums: RectangleSums, share: number, others: readonly Fit[]): Fit | undefined {
  let best = start;
  for (let step = cellOf(sums); best && step >= 1; ) {
    const from: Fit = best;
    for (const box of neighbours(from.xyxy, step, sums)) {
      const fit = fitOf(sums, box, share);
      if (fit.gain > best.gain + 1e-9 && isNew(box, others)) best = fit;
    }
    if (best === from) step--;
  }
  return best;
}

/** 0, cell, 2 cell, ... and the far end. */
function grid(length: number, cell: number): number[] {
  const places = Array.from({ length: Math.ceil(length / cell) }, (_, i) => i * cell);
  return [...places, length];
}

/** The box with one edge, or two opposite ones, moved by `step` pixels. */
function neighbours(box: Xyxy, step: number, { width, height }: Size): Xyxy[] {
  const found: Xyxy[] = [];
  for (const by of [-step, step]) {
    for (const edges of [[0], [1], [2], [3], [0, 2], [1, 3]]) {
      const [x1, y1, x2, y2] = box.map((value, i) => (edges.includes(i) ? value + by : value)) as unknown as Xyxy;
      const inside = x1 >= 0 && y1 >= 0 && x2 <= width && y2 <= height;
      if (inside && x2 - x1 >= MIN_SIDE && y2 - y1 >= MIN_SIDE) found.push([x1, y1, x2, y2]);
    }
  }
  return found;
}

/** Adds `sign` times what a box explains. */
function add(map: Float32Array, { width }: Size, { xyxy, mean }: Fit, share: number, sign: number): void {
  forOutline(xyxy, share, width, (pixel) => {
    map[pixel]! += sign * mean;
  });
}
