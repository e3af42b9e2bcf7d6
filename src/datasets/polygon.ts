/** Polygons to masks with the pixel rule of the COCO tools (rleFrPoly, maskApi.c, Simplified BSD), so that areas agree. */
import type { Size } from "../image/picture.js";

/** The COCO rule walks the outline on a grid this many times finer than the pixels. */
const UPSAMPLING = 5;

/**
 * Sets `mask` (row-major, `size`) to `value` where the polygon `xy` = [x0, y0, x1, y1, ...] (pixels, closed implicitly,
 * even-odd) covers it. Fewer than three corners cover nothing.
 */
export function fillPolygon(mask: Uint8Array, size: Size, xy: ArrayLike<number>, value: number): void {
  const crossings = columnCrossings(xy, size).sort();
  const { width, height } = size;
  const end = width * height;
  for (let i = 0; i < crossings.length; i += 2) {
    const until = i + 1 < crossings.length ? crossings[i + 1]! : end;
    for (let p = crossings[i]!; p < until; p++) mask[(p % height) * width + Math.floor(p / height)] = value;
  }
}

/** Where the outline crosses pixel columns, as column-major pixel numbers: inside and outside alternate there. */
function columnCrossings(xy: ArrayLike<number>, { width, height }: Size): Int32Array {
  const corners = Math.floor(xy.length / 2);
  if (corners < 3) return new Int32Array(0);
  const found: number[] = [];
  let lastX = Number.NaN;
  let lastY = 0;
  walkOutline(xy, corners, (x, y) => {
    if (x !== lastX && !Number.isNaN(lastX)) {
      const column = (Math.min(x, lastX) + 0.5) / UPSAMPLING - 0.5;
      if (Number.isInteger(column) && column >= 0 && column <= width - 1) {
        const row = (Math.min(y, lastY) + 0.5) / UPSAMPLING - 0.5;
        found.push(column * height + Math.ceil(Math.min(Math.max(row, 0), height)));
      }
    }
    lastX = x;
    lastY = y;
  });
  return Int32Array.from(found);
}

/** Visits the outline densely on the fine grid, edge by edge, both ends of every edge included. */
function walkOutline(xy: ArrayLike<number>, corners: number, visit: (x: number, y: number) => void): void {
  const fine = (i: number) => Math.trunc(UPSAMPLING * xy[i]! + 0.5);
  for (let j = 0; j < corners; j++) {
    const next = (j + 1) % corners;
    const from: [number, number] = [fine(2 * j), fine(2 * j + 1)];
    const to: [number, number] = [fine(2 * next), fine(2 * next + 1)];
    const dx = Math.abs(to[0] - from[0]);
    const dy = Math.abs(to[1] - from[1]);
    const wide = dx >= dy;
    const steps = wide ? dx : dy;
    // The rule always rounds along increasing x (or y), whichever way the edge is walked.
    const flip = wide ? from[0] > to[0] : from[1] > to[1];
    const [low, high] = flip ? [to, from] : [from, to];
    const slope = steps === 0 ? 0 : (wide ? high[1] - low[1] : high[0] - low[0]) / steps;
    for (let d = 0; d <= steps; d++) {
      const t = flip ? steps - d : d;
      if (wide) visit(t + low[0], Math.trunc(low[1] + slope * t + 0.5));
      else visit(Math.trunc(low[0] + slope * t + 0.5), t + low[1]);
    }
  }
}
