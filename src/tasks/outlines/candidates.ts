/** Coarse search: all rectangles on a 4-pixel grid whose four edges have support, thinned to local maxima. */
import type { Size } from "../../image/picture.js";
import type { Xyxy } from "../task.js";
import { THICKNESS } from "./strength.js";

/** Products of four edge means below this to the fourth power are not worth refining. */
const FLOOR = 0.015;
/** Cells along the longer side; bounds the number of rectangles at about half a million whatever the picture size. */
const MAX_CELLS = 32;

/** The grid step for a picture: the outline thickness, or more for pictures above 128 pixels. */
export function cellOf(size: Size): number {
  return Math.max(THICKNESS, Math.ceil(Math.max(size.width, size.height) / MAX_CELLS));
}

/** At most `limit` rectangles, each edge within about one cell of the best place, best first. */
export function coarseCandidates(alpha: Float32Array, size: Size, limit: number): Xyxy[] {
  const cell = cellOf(size);
  const columns = Math.ceil(size.width / cell);
  const rows = Math.ceil(size.height / cell);
  const vertical = bandSums(alpha, cell, { length: size.width, step: 1 }, { length: size.height, step: size.width });
  const horizontal = bandSums(alpha, cell, { length: size.height, step: size.width }, { length: size.width, step: 1 });
  const scores = scoreAll(vertical, horizontal, columns, rows);
  const found = localMaxima(scores, columns, rows);
  found.sort((a, b) => b.value - a.value || a.index - b.index);
  return found.slice(0, limit).map(({ index }) => {
    const bottom = index % rows;
    const top = Math.floor(index / rows) % rows;
    const right = Math.floor(index / (rows * rows)) % columns;
    const left = Math.floor(index / (rows * rows * columns));
    const end = (band: number, side: number) => Math.min(band * cell + THICKNESS, side);
    return [left * cell, top * cell, end(right, size.width), end(bottom, size.height)];
  });
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

/** Product of the four edge means for every (left, right, top, bottom) cell; 0 where an edge has no support. */
function scoreAll(vertical: Float64Array, horizontal: Float64Array, columns: number, rows: number): Float32Array {
  const scores = new Float32Array(columns * columns * rows * rows);
  const floor = FLOOR ** 4;
  const edge = new Float64Array(rows);
  for (let left = 0; left < columns; left++)
    for (let right = left + 1; right < columns; right++) {
      const width = right - left + 1;
      for (let row = 0; row < rows; row++) {
        const at = row * (columns + 1);
        edge[row] = (horizontal[at + right + 1]! - horizontal[at + left]!) / width;
      }
      const base = (left * columns + right) * rows;
      const leftAt = left * (rows + 1);
      const rightAt = right * (rows + 1);
      for (let top = 0; top < rows; top++) {
        const upper = edge[top]!;
        if (upper <= 0) continue;
        for (let bottom = top + 1; bottom < rows; bottom++) {
          const lower = edge[bottom]!;
          if (lower <= 0) continue;
          const start = vertical[leftAt + bottom + 1]! - vertical[leftAt + top]!;
          const end = vertical[rightAt + bottom + 1]! - vertical[rightAt + top]!;
          if (start <= 0 || end <= 0) continue;
          const height = bottom - top + 1;
          const product = (upper * lower * start * end) / (height * height);
          if (product > floor) scores[(base + top) * rows + bottom] = product;
        }
      }
    }
  return scores;
}

/** Entries not exceeded by a neighbour one cell away along any of the four edges. */
function localMaxima(scores: Float32Array, columns: number, rows: number): { index: number; value: number }[] {
  const steps = [columns * rows * rows, rows * rows, rows, 1];
  const found: { index: number; value: number }[] = [];
  for (let index = 0; index < scores.length; index++) {
    const value = scores[index]!;
    if (value === 0) continue;
    let top = true;
    for (let s = 0; s < 4 && top; s++) {
      const step = steps[s]!;
      // Neighbours before the start of the array are undefined; a wrapped neighbour is an impossible box and scores 0.
      top = value >= (scores[index + step] ?? 0) && value >= (scores[index - step] ?? 0);
    }
    if (top) found.push({ index, value });
  }
  return found;
}
