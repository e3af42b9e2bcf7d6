/** One rectangle against an outline map: how well its four edges are supported, and where it fits best. */
import type { Size, Xyxy } from "../../image/picture.js";
import { type RectangleSums, THICKNESS, thicknessOf } from "./strength.js";

/** Boxes with a shorter side cannot be told from a spot. */
export const MIN_SIDE = 6;

/** Left, top, right, bottom. */
export type Edges = readonly [number, number, number, number];

/** Mean strength under each edge of the outline as it would be drawn (inward, `thicknessOf` wide). */
export function edgeMeans(sums: RectangleSums, [x1, y1, x2, y2]: Xyxy): Edges {
  const t = thicknessOf(x2 - x1, y2 - y1);
  return [
    sums.mean(x1, y1, x1 + t, y2),
    sums.mean(x1, y1, x2, y1 + t),
    sums.mean(x2 - t, y1, x2, y2),
    sums.mean(x1, y2 - t, x2, y2),
  ];
}

/** Geometric mean of the four edges, so that one missing edge speaks against the whole rectangle; 0 if any is not positive. */
export function support([left, top, right, bottom]: Edges): number {
  if (left <= 0 || top <= 0 || right <= 0 || bottom <= 0) return 0;
  return (left * top * right * bottom) ** 0.25;
}

/** Width of the strips beside an edge that should be free of outline, and their weight. */
const FLANK = 2;
const FLANK_WEIGHT = 0.3;

/** `support` of the edges less what lies beside them: largest where the box sits on the ridge of its outline. */
function fitOf(sums: RectangleSums, [x1, y1, x2, y2]: Xyxy): number {
  const t = thicknessOf(x2 - x1, y2 - y1);
  const wide = t + 2 * FLANK;
  const contrast = (band: number, both: number) => band - FLANK_WEIGHT * ((both * wide - band * t) / (wide - t));
  return support([
    contrast(sums.mean(x1, y1, x1 + t, y2), sums.mean(x1 - FLANK, y1, x1 + t + FLANK, y2)),
    contrast(sums.mean(x1, y1, x2, y1 + t), sums.mean(x1, y1 - FLANK, x2, y1 + t + FLANK)),
    contrast(sums.mean(x2 - t, y1, x2, y2), sums.mean(x2 - t - FLANK, y1, x2 + FLANK, y2)),
    contrast(sums.mean(x1, y2 - t, x2, y2), sums.mean(x1, y2 - t - FLANK, x2, y2 + FLANK)),
  ]);
}

/**
 * Moves each edge of a rectangle of the coarse grid to where it is strongest among the places that the grid stands for. `fitOf` cannot
 * do that: it is 0, wherever one edge is moved to, as long as another one misses its outline.
 */
export function settle(sums: RectangleSums, [x1, y1, x2, y2]: Xyxy, cell: Size): Xyxy {
  const t = thicknessOf(x2 - x1, y2 - y1);
  const strongest = (start: number, reach: number, limit: number, mean: (from: number) => number) => {
    let best = start;
    let most = mean(start);
    for (let from = Math.max(0, start - reach); from <= Math.min(start + reach, limit - t); from++) {
      const strength = mean(from);
      if (strength <= most + 1e-9) continue;
      most = strength;
      best = from;
    }
    return best;
  };
  const across = (start: number) =>
    strongest(start, (cell.width >> 1) + THICKNESS - t, sums.width, (from) => sums.mean(from, y1, from + t, y2));
  const down = (start: number) =>
    strongest(start, (cell.height >> 1) + THICKNESS - t, sums.height, (from) => sums.mean(x1, from, x2, from + t));
  return [across(x1), down(y1), across(x2 - t) + t, down(y2 - t) + t];
}

/**
 * Moves one coordinate at a time to its best place within a cell, then opposite ones outwards together, until none moves (at most four
 * rounds). Together, since outlines of less than THICKNESS get thicker as a box grows: its outline may lie within the drawn one, where
 * neither edge gains alone. Whole pixels, inside the frame, sides of at least MIN_SIDE.
 */
export function refine(sums: RectangleSums, start: Xyxy, cell: Size): Xyxy {
  let box: [number, number, number, number] = [...start];
  let best = fitOf(sums, box);
  for (let round = 0; round < 4; round++) {
    let moved = false;
    for (let side = 0; side < 4; side++) {
      const from = box[side]!;
      const [limit, reach] = side % 2 === 0 ? [sums.width, cell.width] : [sums.height, cell.height];
      const low = side < 2 ? 0 : box[side - 2]! + MIN_SIDE;
      const high = side < 2 ? box[side + 2]! - MIN_SIDE : limit;
      let place = from;
      for (let at = Math.max(from - reach, low); at <= Math.min(from + reach, high); at++) {
        box[side] = at;
        const value = fitOf(sums, box);
        if (value > best + 1e-9) {
          best = value;
          place = at;
        }
      }
      box[side] = place;
      moved ||= place !== from;
    }
    for (const side of [0, 1]) {
      const grown = box.map((value, i) => (i % 2 === side ? value + (i < 2 ? -1 : 1) : value)) as typeof box;
      const inside = grown[side]! >= 0 && grown[side + 2]! <= (side === 0 ? sums.width : sums.height);
      const value = inside ? fitOf(sums, grown) : 0;
      if (value <= best + 1e-9) continue;
      best = value;
      box = grown;
      moved = true;
    }
    if (!moved) break;
  }
  return box;
}

/** Pixels along an edge that are judged together. */
const SEGMENT = 2;
/** Keeps one missing segment from deciding alone. */
const TOLERANCE = 0.1;

export interface Quality {
  /** Geometric mean of the strengths of the four edges, in [0,1]. */
  readonly strength: number;
  /** In [0,1]: 1 when every stretch of the outline is as strong as the others, low when there are gaps. */
  readonly unbroken: number;
}

/**
 * Judges an outline however blurred it is: the strength of a stretch of an edge is the sum across a window of `slack` pixels either
 * side of the line, per thickness, at most 1, so an outline smeared over the window still counts fully.
 */
export function judge(sums: RectangleSums, [x1, y1, x2, y2]: Xyxy, slack: number): Quality {
  const t = thicknessOf(x2 - x1, y2 - y1);
  const masses: number[] = [];
  const means: [number, number, number, number] = [0, 0, 0, 0];
  for (let side = 0; side < 4; side++) {
    const upright = side % 2 === 0;
    const limit = upright ? sums.width : sums.height;
    const line = [x1, y1, x2 - t, y2 - t][side]!;
    const from = Math.max(0, line - slack);
    const to = Math.min(limit, line + t + slack);
    const [start, end] = upright ? [y1, y2] : [x1, x2];
    let sum = 0;
    let count = 0;
    for (let at = start; at < end; at += SEGMENT) {
      const stop = Math.min(at + SEGMENT, end);
      const mean = upright ? sums.mean(from, at, to, stop) : sums.mean(at, from, stop, to);
      const mass = Math.max(0, Math.min(1, (mean * (to - from)) / t));
      masses.push(mass);
      sum += mass;
      count++;
    }
    means[side] = sum / count;
  }
  const average = masses.reduce((sum, mass) => sum + mass, 0) / masses.length;
  if (average <= 0) return { strength: 0, unbroken: 0 };
  const inverse = masses.reduce((sum, mass) => sum + 1 / (mass / average + TOLERANCE), 0) / masses.length;
  return { strength: support(means), unbroken: Math.min(1, 1 / inverse / (1 + TOLERANCE)) };
}

/** Intersection over union of two boxes. */
export function overlap(a: Xyxy, b: Xyxy): number {
  const width = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
  const height = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  if (width <= 0 || height <= 0) return 0;
  const areas = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]);
  return (width * height) / (areas - width * height);
}
