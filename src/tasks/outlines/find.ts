/** Finds the rectangles whose outlines explain an outline map, sharp or blurred, several at a time. */
import type { Size } from "../../image/picture.js";
import { type Candidate, candidates, type FoundBox } from "./candidate.js";
import { coarseCandidates } from "./coarse.js";
import { type Edges, edgeMeans, MIN_SIDE, overlap } from "./edges.js";
import { rectangleSums, thicknessOf } from "./strength.js";

const MAX_BOXES = 16;
/** Boxes that much weaker than the best are dropped. */
const MIN_RELATIVE = 0.1;
/** Share of an outline that no chosen box explains yet, to be taken for a box of its own. */
const MIN_NEW = 0.4;
/** Overlap above which a weak box counts as a repetition. */
const SAME = 0.6;
/** From this fit on a drawing is sharp: gaps in an outline then mean that it is no outline. */
const SHARP = 0.8;
const MIN_UNBROKEN = 0.9;

/**
 * Greedy cover: of all rectangles with support on four sides take the one that explains most of what is still unexplained, take
 * its outline away, repeat; then drop boxes whose outline the others explain. Long outlines go first, since the overlap of two boxes
 * is itself a fully outlined rectangle. Sharp drawings are searched again after their complete rectangles are taken away.
 * @param alpha outline strength of each pixel, row-major, as `outlineStrength` gives it
 * @returns best first
 */
export function findBoxes(alpha: Float32Array, size: Size): FoundBox[] {
  if (Math.min(size.width, size.height) < MIN_SIDE) return [];
  const sums = rectangleSums(alpha, size);
  const chosen: Candidate[] = [];
  const residual = alpha.slice();
  let pool = candidates(coarseCandidates(alpha, size), sums);
  if (pool.some(({ fit }) => fit >= SHARP)) {
    const complete = () => pool.filter(({ fit, unbroken }) => fit >= SHARP && unbroken >= MIN_UNBROKEN);
    cover(complete(), chosen, residual, size);
    pool = pool.concat(candidates(coarseCandidates(residual, size, MIN_RELATIVE * SHARP), sums));
    cover(complete(), chosen, residual, size);
  }
  cover(pool, chosen, residual, size);
  const kept = dropExplained(chosen, alpha, size);
  const top = Math.max(...kept.map(({ score }) => score));
  return kept
    .filter(({ score }) => score >= MIN_RELATIVE * top)
    .sort((a, b) => b.score - a.score)
    .map(({ xyxy, score }) => ({ xyxy, score }));
}

/** Chooses boxes from the pool while one explains something new, and takes their outlines from `residual`. */
function cover(pool: readonly Candidate[], chosen: Candidate[], residual: Float32Array, size: Size): void {
  while (chosen.length < MAX_BOXES) {
    const sums = rectangleSums(residual, size);
    let best: Candidate | undefined;
    let bestGain = 0;
    for (const candidate of pool) {
      const left = edgeMeans(sums, candidate.xyxy);
      const fresh = freshness(candidate, left);
      const gain = candidate.merit * fresh;
      if (gain <= bestGain || !isNew(candidate, left, fresh, chosen)) continue;
      best = candidate;
      bestGain = gain;
    }
    if (!best) return;
    chosen.push(best);
    explain(residual, size, best);
  }
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

/** Removes the outline of a box from the map, fading out beside it when it is blurred. */
function explain(residual: Float32Array, size: Size, { xyxy: [x1, y1, x2, y2], reach }: Candidate): void {
  const t = thicknessOf(x2 - x1, y2 - y1);
  const far = Math.ceil(3 * reach);
  for (let y = Math.max(0, y1 - far); y < Math.min(size.height, y2 + far); y++)
    for (let x = Math.max(0, x1 - far); x < Math.min(size.width, x2 + far); x++) {
      const outside = Math.max(x1 - x, x - (x2 - 1), y1 - y, y - (y2 - 1));
      const distance = outside > 0 ? outside : Math.max(0, 1 - outside - t);
      if (distance > far) continue;
      residual[y * size.width + x]! *= distance === 0 ? 0 : 1 - Math.exp(-(distance * distance) / (2 * reach * reach));
    }
}

/** Drops boxes whose outline lies within a pixel of the outlines of the other chosen boxes, least gain first. */
function dropExplained(chosen: readonly Candidate[], alpha: Float32Array, size: Size): Candidate[] {
  let kept = [...chosen];
  for (const candidate of [...chosen].reverse()) {
    const others = kept.filter((other) => other !== candidate);
    if (others.length < 2) continue;
    const rest = alpha.slice();
    for (const other of others) explain(rest, size, other);
    if (freshness(candidate, edgeMeans(rectangleSums(rest, size), candidate.xyxy)) < 0.1) kept = others;
  }
  return kept;
}
