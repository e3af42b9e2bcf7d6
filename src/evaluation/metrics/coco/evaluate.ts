/** COCOeval: the twelve numbers of COCO's detection task, a table by class and the curves behind them. */
import { COCO_IOUS, type DetectionScore, scoreMatchings } from "../detection.js";
import { type Candidates, matchCandidates } from "../matching.js";
import { mean } from "../statistics.js";
import { cocoCandidates, type IouType } from "./candidates.js";
import type { CocoResult } from "./results.js";
import type { CocoTruth } from "./truth.js";

/** Square pixels of the object, both ends included. */
export const COCO_AREAS = {
  all: [0, 1e10],
  small: [0, 32 ** 2],
  medium: [32 ** 2, 96 ** 2],
  large: [96 ** 2, 1e10],
} as const satisfies Record<string, readonly [number, number]>;
export type AreaName = keyof typeof COCO_AREAS;
export const COCO_MAX_DETS = [1, 10, 100] as const;

/** The names and the order of pycocotools' `stats`; 0..1, higher is better, NaN where there is no object. */
export interface CocoSummary {
  readonly AP: number;
  readonly AP50: number;
  readonly AP75: number;
  readonly APsmall: number;
  readonly APmedium: number;
  readonly APlarge: number;
  readonly AR1: number;
  readonly AR10: number;
  readonly AR100: number;
  readonly ARsmall: number;
  readonly ARmedium: number;
  readonly ARlarge: number;
}

export interface CocoClass {
  readonly category: string;
  /** That count, of any size. */
  readonly objects: number;
  readonly boxes: number;
  readonly AP: number;
  readonly AP50: number;
  readonly AP75: number;
  readonly APsmall: number;
  readonly APmedium: number;
  readonly APlarge: number;
  readonly AR100: number;
}

export interface CocoEvaluation {
  readonly summary: CocoSummary;
  /** Classes that have an object, in order of name. */
  readonly classes: readonly CocoClass[];
  /** One cell of COCOeval's arrays, with the precision and score at each recall; categories as in `classes`. */
  score(area: AreaName, maxDets: (typeof COCO_MAX_DETS)[number]): DetectionScore;
}

export interface EvaluateCocoOptions {
  /** Default boxes. Masks need a truth that was read with them. */
  readonly iouType?: IouType;
  /**
   * pycocotools marks a match by the id of the annotation, so to find the one whose id is 0 counts as a false positive. Here it is
   * a hit, unless this is set to get pycocotools' own number.
   */
  readonly zeroIdIsNoMatch?: boolean;
}

/** Equal to pycocotools' COCOeval to 1e-9 (`npm run parity:coco`). The file's own `ignore` has no say, as there. */
export function evaluateCoco(
  truth: CocoTruth,
  results: readonly CocoResult[],
  { iouType = "bbox", zeroIdIsNoMatch = false }: EvaluateCocoOptions = {},
): CocoEvaluation {
  const named = cocoCandidates(truth, results, { iouType, zeroIdIsNoMatch });
  return evaluateCandidates(named, (id) => truth.categories.get(Number(id))!);
}

/**
 * The same for candidates from elsewhere, in the order that decides between equal scores.
 * @param nameOf what the table calls a category
 */
export function evaluateCandidates(
  candidates: readonly Candidates[],
  nameOf: (category: string) => string = (category) => category,
): CocoEvaluation {
  const scored = new Map<string, DetectionScore>();
  const score = (area: AreaName, maxDets: number) => {
    const key = `${area}/${maxDets}`;
    const options = { ious: COCO_IOUS, area: COCO_AREAS[area], maxDets };
    const known = scored.get(key) ?? scoreMatchings(candidates.map((one) => matchCandidates(one, options)));
    scored.set(key, known);
    return known;
  };
  const whole = score("all", 100);
  const sized = { small: score("small", 100), medium: score("medium", 100), large: score("large", 100) };
  const apIn = (area: keyof typeof sized, category: string) =>
    mean(sized[area].categories.find((one) => one.category === category)?.ap ?? []);
  return {
    summary: {
      AP: whole.ap,
      AP50: whole.apAt(0.5),
      AP75: whole.apAt(0.75),
      APsmall: sized.small.ap,
      APmedium: sized.medium.ap,
      APlarge: sized.large.ap,
      AR1: score("all", 1).ar,
      AR10: score("all", 10).ar,
      AR100: whole.ar,
      ARsmall: sized.small.ar,
      ARmedium: sized.medium.ar,
      ARlarge: sized.large.ar,
    },
    classes: whole.categories.map(({ category, objects, boxes, ap, recall }) => ({
      category: nameOf(category),
      objects,
      boxes,
      AP: mean(ap),
      AP50: ap[0]!,
      AP75: ap[5]!,
      APsmall: apIn("small", category),
      APmedium: apIn("medium", category),
      APlarge: apIn("large", category),
      AR100: mean(recall),
    })),
    score,
  };
}
