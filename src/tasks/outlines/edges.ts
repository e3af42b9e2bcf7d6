/** One rectangle against an outline map: how well its four edges are supported, and where it fits best. */
import type { Xyxy } from "../task.js";
import { type RectangleSums, thicknessOf } from "./strength.js";

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

/**
 * Moves one coordinate at a time to its best place within `reach` pixels, until none moves (at most four rounds).
 * Whole pixels, inside the frame, sides of at least MIN_SIDE.
 */
export function refine(sums: RectangleSums, start: Xyxy, reach: number): Xyxy {
  const box: [number, number, number, number] = [...start];
  let best = support(edgeMeans(sums, box));
  for (let round = 0; round < 4; round++) {
    let moved = false;
    for (let side = 0; side < 4; side++) {
      const from = box[side]!;
      const limit = side % 2 === 0 ? sums.width : sums.height;
      const low = side < 2 ? 0 : box[side - 2]! + MIN_SIDE;
      const high = side < 2 ? box[side + 2]! - MIN_SIDE : limit;
      let place = from;
      for (let at = Math.max(from - reach, low); at <= Math.min(from + reach, high); at++) {
        box[side] = at;
        const value = support(edgeMeans(sums, box));
        if (value > best + 1e-9) {
          best = value;
          place = at;
        }
      }
      box[side] = place;
      moved ||= place !== from;
    }
    if (!moved) break;
  }
  return box;
}

/**
 * Strength of each edge however blurred it is: the sum across a window of `slack` pixels either side of the outline, per thickness, at
 * most 1. An outline of full strength smeared over the window still counts fully.
 */
export function edgeMasses(sums: RectangleSums, [x1, y1, x2, y2]: Xyxy, slack: number): Edges {
  const t = thicknessOf(x2 - x1, y2 - y1);
  const mass = (a1: number, b1: number, a2: number, b2: number, across: number) =>
    Math.min(1, (sums.mean(a1, b1, a2, b2) * across) / t);
  const span = (start: number, end: number, limit: number) => Math.min(end, limit) - Math.max(start, 0);
  const { width, height } = sums;
  return [
    mass(x1 - slack, y1, x1 + t + slack, y2, span(x1 - slack, x1 + t + slack, width)),
    mass(x1, y1 - slack, x2, y1 + t + slack, span(y1 - slack, y1 + t + slack, height)),
    mass(x2 - t - slack, y1, x2 + slack, y2, span(x2 - t - slack, x2 + slack, width)),
    mass(x1, y2 - t - slack, x2, y2 + slack, span(y2 - t - slack, y2 + slack, height)),
  ];
}

/** Intersection over union of two boxes. */
export function overlap(a: Xyxy, b: Xyxy): number {
  const width = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
  const height = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  if (width <= 0 || height <= 0) return 0;
  const areas = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]);
  return (width * height) / (areas - width * height);
}
