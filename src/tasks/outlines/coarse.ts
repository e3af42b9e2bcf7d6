/** Coarse search: all rectangles on a 4-pixel grid whose four edges have support, thinned to local maxima. */
import type { Size } from "../../image/picture.js";
import type { Xyxy } from "../task.js";
import { THICKNESS } from "./strength.js";

const MAX_CANDIDATES = 150;
/** Products of four edge means below this to the fourth power are not worth refining. */
const FLOOR = 0.015;
/** Neither are rectangles whose edges are a tenth as strong as the best one's. */
const RELATIVE_FLOOR = 0.1 ** 4;
/** A neighbour must be that much better to hide a rectangle: parallel outlines may be a cell apart. */
const NEARLY = 1.1;
/** Cells along the longer side; bounds the number of rectangles at about half a million whatever the picture size. */
const MAX_CELLS = 32;

/** The grid step for a picture: the outline thickness, or more for pictures above 128 pixels. */
export function cellOf(size: Size): number {
  return Math.max(THICKNESS, Math.ceil(Math.max(size.width, size.height) / MAX_CELLS));
}

/** At most MAX_CANDIDATES rectangles, each edge within about one cell of the best place, best first. */
export function coarseCandidates(alpha: Float32Array, size: Size): Xyxy[] {
  const cell = cellOf(size);
  const columns = Math.ceil(size.width / cell);
  const rows = Math.ceil(size.height / cell);
  const vertical = bandSums(alpha, cell, { length: size.width, step: 1 }, { length: size.height, step: size.width });
  const horizontal = bandSums(alpha, cell, { length: size.height, step: size.width }, { length: size.width, step: 1 });
  const found = localMaxima(scoreAll(vertical, horizontal, columns, rows), columns, rows);
  found.sort((a, b) => b.rank - a.rank);
  const end = (band: number, side: number) => Math.min(band * cell + THICKNESS, side);
  return found
    .slice(0, MAX_CANDIDATES)
    .map(({ box: [left, top, right, bottom] }) => [
      left * cell,
      top * cell,
      end(right, size.width),
      end(bottom, size.height),
    ]);
}

/** One direction of the picture: its pixels and their distance in memory. */
interface Axis {
  readonly length: number;
  readonly step: number;
}

/**
 * For band k and every pixel along it, the best mean over THICKNESS pixels across it that start within half a cell of k * cell; summed
 * along the band cell by cell: entry [k * (cells + 1) + j] sums the means of the first j cells.
 */
function bandSums(alpha: Float32Array, cell: number, across: Axis, along: Axis): Float64Array {
  const bands = Math.ceil(across.length / cell);
  const cells = Math.ceil(along.length / cell);
  const sums = new Float64Array(bands * (cells + 1));
  const line = new Float64Array(across.length + 1);
  const best = new Float64Array(bands * along.length);
  const thick = Math.min(THICKNESS, across.length);
  for (let a = 0; a < along.length; a++) {
    for (let i = 0; i < across.length; i++) line[i + 1] = line[i]! + alpha[i * across.step + a * along.step]!;
    for (let k = 0; k < bands; k++) {
      const from = Math.min(Math.max(k * cell - (cell >> 1), 0), across.length - thick);
      const to = Math.min(k * cell + (cell >> 1), across.length - thick);
      let top = line[from + thick]! - line[from]!;
      for (let i = from + 1; i <= to; i++) top = Math.max(top, line[i + thick]! - line[i]!);
      best[k * along.length + a] = top / thick;
    }
  }
  for (let k = 0; k < bands; k++)
    for (let j = 0; j < cells; j++) {
      const end = Math.min((j + 1) * cell, along.length);
      let sum = 0;
      for (let a = j * cell; a < end; a++) sum += best[k * along.length + a]!;
      sums[k * (cells + 1) + j + 1] = sums[k * (cells + 1) + j]! + sum / (end - j * cell);
    }
  return sums;
}

interface Scores {
  /** [left][right][top][bottom]: product of the four edge means; 0 where an edge has no support or the box is impossible. */
  readonly values: Float32Array;
  readonly best: number;
}

function scoreAll(vertical: Float64Array, horizontal: Float64Array, columns: number, rows: number): Scores {
  const values = new Float32Array(columns * columns * rows * rows);
  const floor = FLOOR ** 4;
  let best = 0;
  const edge = new Float64Array(rows);
  for (let left = 0; left < columns; left++)
    for (let right = left + 1; right < columns; right++) {
      const width = right - left + 1;
      for (let row = 0; row < rows; row++) {
        const at = row * (columns + 1);
        edge[row] = (horizontal[at + right + 1]! - horizontal[at + left]!) / width;
      }
      const base = (left * columns + right) * rows;
      const leftLine = vertical.subarray(left * (rows + 1), (left + 1) * (rows + 1));
      const rightLine = vertical.subarray(right * (rows + 1), (right + 1) * (rows + 1));
      for (let top = 0; top < rows; top++) {
        const upper = edge[top]!;
        if (upper <= 0) continue;
        const leftTop = leftLine[top]!;
        const rightTop = rightLine[top]!;
        for (let bottom = top + 1; bottom < rows; bottom++) {
          const start = leftLine[bottom + 1]! - leftTop;
          const end = rightLine[bottom + 1]! - rightTop;
          const lower = edge[bottom]!;
          if (start <= 0 || end <= 0 || lower <= 0) continue;
          const height = bottom - top + 1;
          const product = (upper * lower * start * end) / (height * height);
          if (product <= floor) continue;
          values[(base + top) * rows + bottom] = product;
          if (product > best) best = product;
        }
      }
    }
  return { values, best };
}

interface Maximum {
  readonly box: readonly [left: number, top: number, right: number, bottom: number];
  readonly rank: number;
}

/** Rectangles, in cells, not clearly exceeded by a neighbour one cell away along any of the four edges; strong long ones rank first. */
function localMaxima({ values, best }: Scores, columns: number, rows: number): Maximum[] {
  const floor = best * RELATIVE_FLOOR;
  const found: Maximum[] = [];
  // Beyond the last cell a step wraps around to an impossible rectangle, which scores 0, or leaves the array.
  const exceeded = (index: number, step: number, bar: number) =>
    (values[index + step] ?? 0) > bar || (values[index - step] ?? 0) > bar;
  for (let left = 0; left < columns; left++)
    for (let right = left + 1; right < columns; right++)
      for (let top = 0; top < rows; top++) {
        const line = ((left * columns + right) * rows + top) * rows;
        for (let bottom = top + 1; bottom < rows; bottom++) {
          const index = line + bottom;
          const value = values[index]!;
          if (value <= floor) continue;
          const bar = value * NEARLY;
          if (exceeded(index, 1, bar) || exceeded(index, rows, bar)) continue;
          if (exceeded(index, rows * rows, bar) || exceeded(index, columns * rows * rows, bar)) continue;
          const sides = right - left + bottom - top + 2;
          found.push({ box: [left, top, right, bottom], rank: value ** 0.25 * Math.sqrt(sides) });
        }
      }
  return found;
}
