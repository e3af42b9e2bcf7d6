/** Found boxes against true ones, once for each question: resampling asks for the same ones a thousand times. */
import { matchBoxes } from "../metrics/box-matching.js";
import { type AreaName, COCO_AREAS } from "../metrics/coco/index.js";
import { COCO_IOUS } from "../metrics/detection.js";
import { type Matching, MOST_DETECTIONS } from "../metrics/matching.js";
import type { FactsOf, QuestionRecord } from "./record.js";

export interface BoxRecord {
  readonly record: QuestionRecord;
  readonly facts: FactsOf<"boxes">;
}

const matched = new WeakMap<FactsOf<"boxes">, Map<string, Matching>>();

/** @param maxDets the best so many boxes count */
export function matchingOf(
  { record, facts }: BoxRecord,
  area: AreaName = "all",
  maxDets: number = MOST_DETECTIONS,
): Matching {
  const own = matched.get(facts) ?? new Map<string, Matching>();
  matched.set(facts, own);
  const key = `${area}/${maxDets}`;
  const known =
    own.get(key) ??
    matchBoxes({ category: record.category!, ...facts }, { ious: COCO_IOUS, maxDets, area: COCO_AREAS[area] });
  own.set(key, known);
  return known;
}
