/** Finds the rectangles whose outlines explain an outline map, sharp or blurred, several at a time. */
import type { Size } from "../../image/picture.js";
import type { Xyxy } from "../task.js";
import { cellOf, coarseCandidates } from "./candidates.js";
import { type Edges, edgeMasses, edgeMeans, MIN_SIDE, overlap, refine, support } from "./edges.js";
import { rectangleSums, thicknessOf } from "./strength.js";

export interface FoundBox {
  /** Whole pixels of the outline map. */
  readonly xyxy: Xyxy;
  /** Geometric mean of the strengths of the four edges, in [0,1]. */
  readonly score: number;
}

const MAX_CANDIDATES = 200;
const MAX_BOXES = 16;
/** Weaker rectangles are noise. */
const MIN_SCORE = 0.02;
/** Boxes that much weaker than the best are dropped. */
const MIN_RELATIVE = 0.1;
/** Share of an outline that no chosen box explains yet, to be taken for a box of its own. */
const MIN_NEW = 0.4;
/** Overlap above which a weak box counts as a repetition. */
const SAME = 0.6;
/** Gaussian width, pixels, of what a chosen box explains beside its outline. */
const REACH = 3;

interface Candidate extends FoundBox {
  readonly edges: Edges;
  readonly perimeter: number;
}

/**
 * Greedy cover: of all rectangles with support on four sides take the one that explains most of what is still unexplained, take
 * its outline away, repeat; then drop boxes whose outline the others explain. Long outlines go first, since the overlap of two boxes
 * is itself a fully outlined rectangle.
 * @param alpha outline strength of each pixel, row-major, as `outlineStrength` gives it
 * @returns best first
 */
export function findBoxes(alpha: Float32Array, size: Size): FoundBox[] {
  if (Math.min(size.width, size.height) < MIN_SIDE) return [];
  const pool = refinedCandidates(alpha, size);
  const chosen: Candidate[] = [];
  const residual = alpha.slice();
  while (chosen.length < MAX_BOXES) {
    const sums = rectangleSums(residual, size);
    let best: Candidate | undefined;
    let bestGain = 0;
    for (const candidate of pool) {
      const left = edgeMeans(sums, candidate.xyxy);
      const fresh = freshness(candidate, left);
      const gain = candidate.score * fresh * Math.sqrt(candidate.perimeter);
      if (gain <= bestGain || !isNew(candidate, left, fresh, chosen)) continue;
      best = candidate;
      bestGain = gain;
    }
    if (!best) break;
    chosen.push(best);
    explain(residual, size, best.xyxy);
  }
  const kept = dropExplained(chosen, alpha, size);
  const top = Math.max(...kept.map(({ score }) => score));
  return kept
    .filter(({ score }) => score >= MIN_RELATIVE * top)
    .sort((a, b) => b.score - a.score)
    .map(({ xyxy, score }) => ({ xyxy, score }));
}

function refinedCandidates(alpha: Float32Array, size: Size): Candidate[] {
  const sums = rectangleSums(alpha, size);
  const found = new Map<string, Candidate>();
  for (const start of coarseCandidates(alpha, size, MAX_CANDIDATES)) {
    const xyxy = refine(sums, start, cellOf(size));
    const key = xyxy.join();
    if (found.has(key)) continue;
    const [width, height] = [xyxy[2] - xyxy[0], xyxy[3] - xyxy[1]];
    const slack = Math.max(2, Math.round(0.06 * Math.min(width, height)));
    const score = support(edgeMasses(sums, xyxy, slack));
    if (score >= MIN_SCORE) found.set(key, { xyxy, score, edges: edgeMeans(sums, xyxy), perimeter: width + height });
  }
  return [...found.values()];
}

/** Share of a candidate's outline that is still there, edges weighted by their length. */
function freshness({ xyxy, edges }: Candidate, left: Edges): number {
  const [width, height] = [xyxy[2] - xyxy[0], xyxy[3] - xyxy[1]];
  const weigh = (e: Edges) => height * (e[0] + e[2]) + width * (e[1] + e[3]);
  return Math.min(1, Math.max(0, weigh(left) / weigh(edges)));
}

/** A box of its own: most of the outline is new, or one edge is, as strong as the shared ones (boxes side by side). */
function isNew({ xyxy, score, edges }: Candidate, left: Edges, fresh: number, chosen: readonly Candidate[]): boolean {
  if (score < 0.5 && chosen.some((other) => overlap(xyxy, other.xyxy) > SAME)) return false;
  if (fresh >= MIN_NEW) return true;
  const strongest = Math.max(...edges);
  return edges.some((edge, i) => edge >= 0.6 * strongest && edge >= 0.5 && left[i]! >= 0.7 * edge);
}

/** Removes the outline of a box from the map, fading out beside it. */
function explain(residual: Float32Array, size: Size, [x1, y1, x2, y2]: Xyxy): void {
  const t = thicknessOf(x2 - x1, y2 - y1);
  const far = 3 * REACH;
  for (let y = Math.max(0, y1 - far); y < Math.min(size.height, y2 + far); y++)
    for (let x = Math.max(0, x1 - far); x < Math.min(size.width, x2 + far); x++) {
      const outside = Math.max(x1 - x, x - (x2 - 1), y1 - y, y - (y2 - 1));
      const distance = outside > 0 ? outside : Math.max(0, 1 - outside - t);
      if (distance < far) residual[y * size.width + x]! *= 1 - Math.exp(-(distance * distance) / (2 * REACH * REACH));
    }
}

/** Drops boxes whose outline lies within a pixel of the outlines of the other chosen boxes, least gain first. */
function dropExplained(chosen: readonly Candidate[], alpha: Float32Array, size: Size): Candidate[] {
  let kept = [...chosen];
  for (const candidate of [...chosen].sort((a, b) => b.perimeter - a.perimeter)) {
    const others = kept.filter((other) => other !== candidate);
    if (others.length < 2) continue;
    const rest = alpha.slice();
    for (const { xyxy } of others) explain(rest, size, xyxy);
    if (freshness(candidate, edgeMeans(rectangleSums(rest, size), candidate.xyxy)) < 0.1) kept = others;
  }
  return kept;
}
