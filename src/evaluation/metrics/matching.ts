/** COCO's greedy matching of scored answers to true objects within one image and category, whatever their shapes are. */

export interface TrueObject {
  /** Neither a hit nor a miss (VOC `difficult`). A crowd is always ignored. */
  readonly ignore?: boolean;
  /** A region of many objects: any number of answers may match it. */
  readonly crowd?: boolean;
  /** Square pixels, for the size ranges. */
  readonly area: number;
  /** Takes an answer without making it a hit: what pycocotools does to an annotation whose id is 0. */
  readonly zeroId?: boolean;
}

export interface ScoredObject {
  readonly score: number;
  /** Square pixels, for the size ranges. */
  readonly area: number;
}

/** All that the matching needs to know of one category in one image. */
export interface Candidates {
  readonly category: string;
  readonly truths: readonly TrueObject[];
  /** Best first. */
  readonly found: readonly ScoredObject[];
  /** `overlaps[f][t]`: how well answer f covers object t, 0..1. */
  readonly overlaps: readonly (readonly number[])[];
}

export type Verdict = "hit" | "false" | "ignored";

/** What became of the answers about one category in one image: enough to compute every score, so enough to resample. */
export interface Matching {
  readonly category: string;
  /** Scores of the answers that count, best first. */
  readonly scores: readonly number[];
  /** By IoU threshold, what each of them is. */
  readonly verdicts: readonly (readonly Verdict[])[];
  /** True objects to be found. */
  readonly objects: number;
}

export interface MatchOptions {
  readonly ious: readonly number[];
  readonly maxDets: number;
  /** Square pixels, both ends included; objects outside are ignored. */
  readonly area: readonly [number, number];
}

/** COCO never looks at more answers about one category in one image. */
export const MOST_DETECTIONS = 100;

/** The best `limit` answers, equal scores in the order given. */
export function bestFirst<T extends { readonly score: number }>(found: readonly T[], limit = MOST_DETECTIONS): T[] {
  return found.toSorted((a, b) => b.score - a.score).slice(0, limit);
}

/**
 * Takes the answers best first and gives each the free object of highest overlap at or above the threshold, one that counts before one
 * that is ignored. An answer on an ignored object, or an unmatched one outside the size range, is itself ignored.
 */
export function matchCandidates(candidates: Candidates, { ious, maxDets, area }: MatchOptions): Matching {
  const outside = (object: { readonly area: number }) => object.area < area[0] || object.area > area[1];
  const marked = candidates.truths.map((truth, column) => ({
    column,
    crowd: truth.crowd === true,
    zeroId: truth.zeroId === true,
    ignored: Boolean(truth.ignore || truth.crowd || outside(truth)),
  }));
  const counted = marked.filter(({ ignored }) => !ignored);
  const ordered = [...counted, ...marked.filter(({ ignored }) => ignored)];
  const found = candidates.found.slice(0, maxDets);

  const verdicts = ious.map((threshold) => {
    const taken = new Set<number>();
    return found.map((answer, row): Verdict => {
      const overlaps = candidates.overlaps[row]!;
      let match = -1;
      let highest = Math.min(threshold, 1 - 1e-10);
      for (const [t, truth] of ordered.entries()) {
        if (taken.has(t) && !truth.crowd) continue;
        if (match >= 0 && truth.ignored && !ordered[match]!.ignored) break;
        if (overlaps[truth.column]! < highest) continue;
        highest = overlaps[truth.column]!;
        match = t;
      }
      const truth = ordered[match];
      if (truth) taken.add(match);
      if (truth?.ignored) return "ignored";
      if (truth && !truth.zeroId) return "hit";
      return outside(answer) ? "ignored" : "false";
    });
  });
  return {
    category: candidates.category,
    scores: found.map(({ score }) => score),
    verdicts,
    objects: counted.length,
  };
}
