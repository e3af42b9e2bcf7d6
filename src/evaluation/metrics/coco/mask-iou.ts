/** Overlap of masks straight from their run lengths, as pycocotools (rleIou and rleToBbox in maskApi.c) counts it. */
import type { Box } from "./fields.js";

/** Column-major runs, zeros first, of one frame. */
export interface RunMask {
  readonly runs: readonly number[];
  /** Pixels inside. */
  readonly area: number;
  readonly box: Box;
}

/** @param height rows of the frame */
export function runMask(runs: readonly number[], height: number): RunMask {
  let area = 0;
  for (let i = 1; i < runs.length; i += 2) area += runs[i]!;
  return { runs, area, box: boundingBox(runs, height) };
}

/** Intersection over union; against a crowd, over the found mask alone. Both of one frame. */
export function maskIou(found: RunMask, truth: RunMask, crowd: boolean): number {
  if (!touch(found.box, truth.box)) return 0;
  const shared = intersection(found.runs, truth.runs);
  return shared === 0 ? 0 : shared / (crowd ? found.area : found.area + truth.area - shared);
}

function touch([ax, ay, aw, ah]: Box, [bx, by, bw, bh]: Box): boolean {
  return ax < bx + bw && bx < ax + aw && ay < by + bh && by < ay + ah;
}

function intersection(a: readonly number[], b: readonly number[]): number {
  let shared = 0;
  let [i, j] = [0, 0];
  let [leftA, leftB] = [a[0] ?? 0, b[0] ?? 0];
  while (i < a.length && j < b.length) {
    const step = Math.min(leftA, leftB);
    if (i % 2 === 1 && j % 2 === 1) shared += step;
    leftA -= step;
    leftB -= step;
    if (leftA === 0) leftA = a[++i] ?? 0;
    if (leftB === 0) leftB = b[++j] ?? 0;
  }
  return shared;
}

function boundingBox(runs: readonly number[], height: number): Box {
  let [left, top, right, bottom] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, -1, -1];
  let at = 0;
  runs.forEach((run, i) => {
    if (i % 2 === 1 && run > 0) {
      const last = at + run - 1;
      const [x1, x2] = [Math.floor(at / height), Math.floor(last / height)];
      left = Math.min(left, x1);
      right = Math.max(right, x2);
      top = Math.min(top, x1 === x2 ? at % height : 0);
      bottom = Math.max(bottom, x1 === x2 ? last % height : height - 1);
    }
    at += run;
  });
  return right < 0 ? [0, 0, 0, 0] : [left, top, right - left + 1, bottom - top + 1];
}
