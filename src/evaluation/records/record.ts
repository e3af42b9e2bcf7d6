/** What is kept of every question: small sufficient facts, from which all tables, intervals and links are computed. */
import type { Wording } from "../../instructions/render.js";
import type { TaskName } from "../../tasks/task.js";
import type { ScoredBox, TrueBox } from "../metrics/box-matching.js";
import type { DepthSums } from "../metrics/depth.js";
import type { Overlap } from "../metrics/segmentation.js";

/** Answers of one kind of confidence: how many, the sum of their probabilities, how many were so in truth. */
export type Bin = readonly [count: number, probability: number, positives: number];

/** Ten bins of equal width over [0, 1]; 1 belongs to the last. */
export const BINS = 10;

export interface MaskFacts extends Readonly<Overlap> {
  readonly kind: "mask";
  /** IoU as the authors' evaluator counts it. */
  readonly paper: number;
  /** Over the pixels that count. */
  readonly bins: readonly Bin[];
}
/** A full label map of a photo, assembled from the answers to all classes of its dataset. */
export interface MapFacts {
  readonly kind: "map";
  /** Pixels of each pair that occurs; null is the background. Pixels that do not count are left out. */
  readonly confusion: readonly (readonly [truth: string | null, found: string | null, pixels: number])[];
}
export interface BoxFacts {
  readonly kind: "boxes";
  readonly truths: readonly TrueBox[];
  readonly found: readonly ScoredBox[];
}
export interface DepthFacts extends DepthSums {
  readonly kind: "depth";
  /** RMSE and delta1 of this map as the authors' evaluator has them. */
  readonly paper: { readonly rmse: number; readonly delta1: number };
}
export interface PresenceFacts {
  readonly kind: "presence";
  readonly present: boolean;
  readonly probability: number;
}
export type Facts = MaskFacts | MapFacts | BoxFacts | DepthFacts | PresenceFacts;
export type FactsOf<K extends Facts["kind"]> = Extract<Facts, { kind: K }>;

export interface QuestionRecord {
  /** `voc2012/2008_007430`. */
  readonly photo: string;
  /** Number of the photo in its dataset as it was asked, from 0: records of several processes are put in this order. */
  readonly at: number;
  readonly dataset: string;
  readonly task: TaskName;
  /** Null for depth and for a full label map. */
  readonly category: string | null;
  /** Null: the answer of the baseline, which reads no sentence. */
  readonly wording: Wording | null;
  /** Whether the category is in the photo. */
  readonly present: boolean;
  /** Null when there is no answer that could be scored: `fault` says why. */
  readonly facts: Facts | null;
  readonly fault?: string;
  /** The sentence was taken for another task and scored as an empty answer. */
  readonly misread?: true;
}

/** The facts of the records that have some of one kind. */
export function factsOf<K extends Facts["kind"]>(
  records: readonly QuestionRecord[],
  kind: K,
): { readonly record: QuestionRecord; readonly facts: FactsOf<K> }[] {
  return records.flatMap((record) =>
    record.facts?.kind === kind ? [{ record, facts: record.facts as FactsOf<K> }] : [],
  );
}
