/** COCO's greedy matching of scored boxes to true boxes within one image and category. */
import type { Xyxy } from "../../tasks/task.js";

export interface TrueBox {
  readonly xyxy: Xyxy;
  /** Neither a hit nor a miss (VOC `difficult`). A crowd is always ignored. */
  readonly ignore?: boolean;
  /** A region of many objects: any number of boxes may match it, by the share of the box that lies in it. */
  readonly crowd?: boolean;
  /** For the size ranges; COCO gives the area of the mask. Default: the area of the box. */
  readonly area?: number;
}

export interface ScoredBox {
  readonly xyxy: Xyxy;
  readonly score: number;
}

export type Verdict = "hit" | "false" | "ignored";

export interface Matching {
  /** Scores of the boxes that count, best first. */
  readonly scores: readonly number[];
  /** By IoU threshold, what each of them is. */
  readonly verdicts: readonly (readonly Verdict[])[];
  /** True boxes to be found. */
  readonly objects: number;
}

export interface MatchOptions {
  readonly ious: readonly number[];
  readonly maxDets: number;
  readonly area: readonly [number, number];
}

const areaOf = ([x1, y1, x2, y2]: Xyxy) => (x2 - x1) * (y2 - y1);

/** Intersection over union of two boxes; against a crowd, over the first box alone. */
export function boxIou(found: Xyxy, truth: Xyxy, crowd = false): number {
  const width = Math.min(found[2], truth[2]) - Math.max(found[0], truth[0]);
  const height = Math.min(found[3], truth[3]) - Math.max(found[1], truth[1]);
  if (width <= 0 || height <= 0) return 0;
  const shared = width * height;
  return shared / (crowd ? areaOf(found) : areaOf(found) + areaOf(truth) - shared);
}

/**
 * Takes the boxes best first and gives each the free true box of highest IoU at or above the threshold, one that counts
 * before one that is ignored. A box on an ignored truth, or an unmatched one outside the size range, is itself ignored.
 */
export function matchBoxes(truths: readonly TrueBox[], found: readonly ScoredBox[], options: MatchOptions): Matching {
  const { ious, maxDets, area } = options;
  const outside = (size: number) => size < area[0] || size > area[1];
  const marked = truths.map((truth) => ({
    ...truth,
    ignored: Boolean(truth.ignore || truth.crowd || outside(truth.area ?? areaOf(truth.xyxy))),
  }));
  const ordered = [...marked.filter(({ ignored }) => !ignored), ...marked.filter(({ ignored }) => ignored)];
  const best = found.toSorted((a, b) => b.score - a.score).slice(0, maxDets);
  const overlaps = best.map((box) => ordered.map((truth) => boxIou(box.xyxy, truth.xyxy, truth.crowd)));

  const verdicts = ious.map((threshold) => {
    const taken = new Set<number>();
    return best.map(({ xyxy }, d): Verdict => {
      let match = -1;
      let highest = Math.min(threshold, 1 - 1e-10);
      for (const [t, truth] of ordered.entries()) {
        if (taken.has(t) && !truth.crowd) continue;
        if (match >= 0 && truth.ignored && !ordered[match]!.ignored) break;
        if (overlaps[d]![t]! < highest) continue;
        highest = overlaps[d]![t]!;
        match = t;
      }
      if (match < 0) return outside(areaOf(xyxy)) ? "ignored" : "false";
      taken.add(match);
      return ordered[match]!.ignored ? "ignored" : "hit";
    });
  });
  return { scores: best.map(({ score }) => score), verdicts, objects: marked.filter(({ ignored }) => !ignored).length };
}
