/** Coarse search: all rectangles on a few grids whose four edges have support, thinned to local maxima. */
import type { Size } from "../../image/picture.js";
import type { Xyxy } from "../task.js";
import { THICKNESS } from "./strength.js";

/** Edges weaker than this (geometric mean of the four) are not worth refining, */
const FLOOR = 0.015;
/** nor are those of a small rectangle below this, which noise reaches too easily, */
const SMALL_FLOOR = 0.15;
/** nor those a tenth as strong as the best one's. */
const RELATIVE_FLOOR = 0.1;
/** A neighbour must be that much better to hide a rectangle: parallel outlines may be a cell apart. */
const NEARLY = 1.1;
/** Cells along the longer side on the coarsest grid, which bounds its rectangles at a quarter of a million whatever the picture size. */
const MAX_CELLS = 32;
/** A side on a finer grid spans fewer cells than this: one of two cells or more of the next coarser grid is found there. */
const MAX_SMALL = 5;

/** A rectangle on the grid; its edges start within half a cell, across and down, of the best place. */
export interface Start {
  readonly xyxy: Xyxy;
  readonly cell: Size;
}

/**
 * Grid steps for a picture, coarsest first: the outline thickness, or above 128 pixels what MAX_CELLS allows and then halves of it. A box
 * less than two cells wide is lost on a grid: both its edges may fall into one cell.
 */
function stepsOf(size: Size): number[] {
  const steps = [Math.max(THICKNESS, Math.ceil(Math.max(size.width, size.height) / MAX_CELLS))];
  for (let step = steps[0]!; step > THICKNESS; steps.push(step)) step = Math.max(THICKNESS, Math.ceil(step / 2));
  return steps;
}

/**
 * Rectangles, best first. A long thin box needs a fine grid one way only, so every pair of steps, across and down, is searched.
 * @param least edges weaker than this are of no interest
 */
export function coarseCandidates(alpha: Float32Array, size: Size, least = FLOOR): Start[] {
  const steps = stepsOf(size);
  const across = bandsOf(alpha, size.width, steps);
  const down = bandsOf(transposed(alpha, size), size.height, steps);
  const grids = across.flatMap((vertical) =>
    down.map((horizontal) => scoreAll(vertical, horizontal, steps[0]!, least)),
  );
  const floor = RELATIVE_FLOOR ** 4 * Math.max(...grids.map(({ best }) => best));
  const found = grids.flatMap((grid) => localMaxima(grid, floor, size));
  found.sort((a, b) => b.rank - a.rank);
  return found;
}

function transposed(alpha: Float32Array, { width, height }: Size): Float32Array {
  const turned = new Float32Array(alpha.length);
  for (let x = 0, to = 0; x < width; x++) for (let y = 0; y < height; y++) turned[to++] = alpha[y * width + x]!;
  return turned;
}

interface Bands {
  readonly cell: number;
  /** First and last place where the outline of each band may start. */
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  /** Pixels along a band. */
  readonly length: number;
  /** [pixel along the bands][band]: the best mean over THICKNESS pixels across it that start within half a cell of band * cell. */
  readonly best: Float32Array;
}

/** One band for each cell, and one more where the last would end before an outline along the border of the picture begins. */
function bandCount(length: number, cell: number): number {
  const last = length - THICKNESS;
  return Math.max(Math.ceil(length / cell), Math.ceil((last - (cell >> 1)) / cell) + 1);
}

/** Bands for each step, across lines of `across` pixels that follow one another in memory. */
function bandsOf(lines: Float32Array, across: number, steps: readonly number[]): Bands[] {
  const length = lines.length / across;
  const thick = Math.min(THICKNESS, across);
  const bands = steps.map((cell): Bands => {
    const place = (start: number) => Math.min(Math.max(start, 0), across - thick);
    const starts = Int32Array.from({ length: bandCount(across, cell) }, (_, k) => place(k * cell - (cell >> 1)));
    const ends = starts.map((_, k) => place(k * cell + (cell >> 1)));
    return { cell, length, starts, ends, best: new Float32Array(starts.length * length) };
  });
  const sums = new Float64Array(across + 1);
  const means = new Float64Array(across - thick + 1);
  for (let a = 0; a < length; a++) {
    for (let i = 0; i < across; i++) sums[i + 1] = sums[i]! + lines[a * across + i]!;
    for (let i = 0; i < means.length; i++) means[i] = (sums[i + thick]! - sums[i]!) / thick;
    for (const { starts, ends, best } of bands)
      for (let k = 0; k < starts.length; k++) {
        const last = ends[k]!;
        let top = means[starts[k]!]!;
        for (let i = starts[k]! + 1; i <= last; i++) if (means[i]! > top) top = means[i]!;
        best[a * starts.length + k] = top;
      }
  }
  return bands;
}

/** Sums of band means cell by cell (0 in a cell beyond the picture): entry [band * (cells + 1) + j] sums the means of the first j cells along it. */
function cellSums({ starts: { length: count }, length, best }: Bands, cell: number): Float64Array {
  const cells = bandCount(length, cell);
  const sums = new Float64Array(count * (cells + 1));
  const mean = new Float64Array(count);
  for (let j = 0; j < cells; j++) {
    const end = Math.min((j + 1) * cell, length);
    const pixels = Math.max(1, end - j * cell);
    mean.fill(0);
    for (let a = j * cell; a < end; a++) for (let k = 0; k < count; k++) mean[k]! += best[a * count + k]!;
    for (let k = 0, at = j; k < count; k++, at += cells + 1) sums[at + 1] = sums[at]! + mean[k]! / pixels;
  }
  return sums;
}

function strongestCell(sums: Float64Array, band: number, cells: number): number {
  let most = 0;
  for (let i = band * (cells + 1); i < band * (cells + 1) + cells; i++) most = Math.max(most, sums[i + 1]! - sums[i]!);
  return most;
}

interface Grid {
  readonly cell: Size;
  /** Bands down. */
  readonly rows: number;
  /** Right - left and bottom - top stay below these. */
  readonly across: number;
  readonly down: number;
  /** [left][right - left][top][bottom - top]: product of the four edge means; 0 where an edge has no support or the box is impossible. */
  readonly values: Float32Array;
  /** Where in `values` each pair of left and right that has any begins. */
  readonly live: readonly number[];
  readonly best: number;
}

function scoreAll(verticalBands: Bands, horizontalBands: Bands, largest: number, least: number): Grid {
  const [columns, rows] = [verticalBands.starts.length, horizontalBands.starts.length];
  const cell = { width: verticalBands.cell, height: horizontalBands.cell };
  const vertical = cellSums(verticalBands, cell.height);
  const horizontal = cellSums(horizontalBands, cell.width);
  const across = cell.width === largest ? columns : Math.min(columns, MAX_SMALL);
  const down = cell.height === largest ? rows : Math.min(rows, MAX_SMALL);
  const values = new Float32Array(columns * across * rows * down);
  const small = across < columns || down < rows;
  const floor = Math.max(least, small ? SMALL_FLOOR : 0) ** 4;
  const live: number[] = [];
  let best = 0;
  const peaks = Array.from({ length: columns }, (_, band) => strongestCell(vertical, band, rows));
  const edge = new Float64Array(rows);
  for (let left = 0; left < columns; left++)
    for (let right = left + 1; right < Math.min(columns, left + across); right++) {
      if (peaks[left]! * peaks[right]! <= floor) continue;
      const width = right - left + 1;
      for (let row = 0; row < rows; row++) {
        const at = row * (columns + 1);
        edge[row] = (horizontal[at + right + 1]! - horizontal[at + left]!) / width;
      }
      const base = (left * across + right - left) * rows * down;
      let any = false;
      const leftLine = vertical.subarray(left * (rows + 1), (left + 1) * (rows + 1));
      const rightLine = vertical.subarray(right * (rows + 1), (right + 1) * (rows + 1));
      for (let top = 0; top < rows; top++) {
        const upper = edge[top]!;
        if (upper <= 0) continue;
        const leftTop = leftLine[top]!;
        const rightTop = rightLine[top]!;
        const last = Math.min(rows, top + down);
        for (let bottom = top + 1; bottom < last; bottom++) {
          const start = leftLine[bottom + 1]! - leftTop;
          const end = rightLine[bottom + 1]! - rightTop;
          const lower = edge[bottom]!;
          if (start <= 0 || end <= 0 || lower <= 0) continue;
          const height = bottom - top + 1;
          const product = (upper * lower * start * end) / (height * height);
          if (product <= floor) continue;
          values[base + top * down + bottom - top] = product;
          any = true;
          if (product > best) best = product;
        }
      }
      if (any) live.push(base);
    }
  return { cell, rows, across, down, values, live, best };
}

interface Maximum extends Start {
  readonly rank: number;
}

/** Rectangles not clearly exceeded by a neighbour one cell away along any of the four edges; strong long ones rank first. */
function localMaxima({ cell, rows, across, down, values, live }: Grid, floor: number, size: Size): Maximum[] {
  const found: Maximum[] = [];
  // Beyond the last cell a step wraps around to an impossible rectangle, which scores 0, or leaves the array.
  const exceeded = (index: number, step: number, bar: number) =>
    (values[index + step] ?? 0) > bar || (values[index - step] ?? 0) > bar;
  const wider = rows * down;
  for (const base of live) {
    const column = base / wider;
    const x1 = Math.floor(column / across) * cell.width;
    const x2 = Math.min(x1 + (column % across) * cell.width + THICKNESS, size.width);
    for (let top = 0; top < rows; top++)
      for (let high = 1; high < Math.min(down, rows - top); high++) {
        const index = base + top * down + high;
        const value = values[index]!;
        if (value <= floor) continue;
        const bar = value * NEARLY;
        if (exceeded(index, 1, bar) || exceeded(index, down - 1, bar)) continue;
        if (exceeded(index, wider, bar) || exceeded(index, (across - 1) * wider, bar)) continue;
        const y1 = top * cell.height;
        const y2 = Math.min(y1 + high * cell.height + THICKNESS, size.height);
        found.push({ xyxy: [x1, y1, x2, y2], cell, rank: value ** 0.25 * Math.sqrt(x2 - x1 + y2 - y1) });
      }
  }
  return found;
}
