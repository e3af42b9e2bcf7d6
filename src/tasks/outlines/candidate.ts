/** A rectangle moved to its best place and judged: what the greedy cover chooses from. */
import type { Xyxy } from "../task.js";
import type { Start } from "./coarse.js";
import { type Edges, edgeMeans, judge, MIN_SIDE, refine, settle, support } from "./edges.js";
import { type RectangleSums, thicknessOf } from "./strength.js";

export interface FoundBox {
  /** Whole pixels of the outline map. */
  readonly xyxy: Xyxy;
  /** Geometric mean of the strengths of the four edges, in [0,1]. */
  readonly score: number;
}

export interface Candidate extends FoundBox {
  readonly edges: Edges;
  /** Geometric mean of the edge means; below the score when the outline is blurred. */
  readonly fit: number;
  readonly unbroken: number;
  /** Fit, lowered for gaps and a filled inside, raised for size. */
  readonly merit: number;
  /** Gaussian width, pixels, of the blur beside the outline; 0 when it is sharp. */
  readonly reach: number;
}

/** Weaker rectangles are noise. */
const MIN_SCORE = 0.02;
const MAX_REACH = 3;
/** Different places where starts are refined. */
const MAX_PLACES = 100;

/** The different places where `starts`, best first, come to rest on an outline map, judged there. */
export function candidates(starts: readonly Start[], sums: RectangleSums): Candidate[] {
  const found = new Map<string, Candidate | undefined>();
  const settled = new Set<string>();
  for (const { xyxy: start, cell } of starts) {
    const place = settle(sums, start, cell);
    const onOneLine = place[2] - place[0] < MIN_SIDE || place[3] - place[1] < MIN_SIDE;
    if (onOneLine || settled.has(place.join())) continue;
    if (settled.size === MAX_PLACES) break;
    settled.add(place.join());
    const xyxy = refine(sums, place, cell);
    const key = xyxy.join();
    if (!found.has(key)) found.set(key, judged(sums, xyxy));
  }
  return [...found.values()].filter((candidate) => candidate !== undefined);
}

function judged(sums: RectangleSums, xyxy: Xyxy): Candidate | undefined {
  const [width, height] = [xyxy[2] - xyxy[0], xyxy[3] - xyxy[1]];
  const edges = edgeMeans(sums, xyxy);
  const fit = support(edges);
  const hollow = Math.min(1, 2 * hollowness(sums, xyxy, fit));
  const { strength, unbroken } = judge(sums, xyxy, Math.max(2, Math.round(0.06 * Math.min(width, height))));
  const score = strength * hollow;
  if (score < MIN_SCORE) return undefined;
  const share = (width + height) / (sums.width + sums.height);
  // Sharp outlines (fit near 1) are ordered by length, blurred ones by strength.
  const sharpness = Math.min(1, Math.max(0, 2.5 * fit - 1.25));
  const merit = fit * hollow * unbroken ** 4 * share ** 0.25 * (1 + 20 * sharpness * share);
  const reach = Math.min(MAX_REACH, 2 * MAX_REACH * Math.max(0, 1 - fit / strength));
  return { xyxy, score, edges, fit, unbroken, merit, reach };
}

/** 1 when the inside of a box is free of outlines, 0 when it is as strong as its edges (a spot, or a piece of a thick line). */
function hollowness(sums: RectangleSums, [x1, y1, x2, y2]: Xyxy, edge: number): number {
  const t = thicknessOf(x2 - x1, y2 - y1);
  return Math.min(1, Math.max(0, 1 - sums.mean(x1 + t, y1 + t, x2 - t, y2 - t) / edge));
}
