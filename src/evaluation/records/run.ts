/** A run of an evaluation: what was asked of whom, and the facts of every answer. It is all that reports are made of. */
import type { Wording } from "../../instructions/render.js";
import type { TaskName } from "../../tasks/task.js";
import type { EvaluateOptions } from "../options.js";
import type { QuestionRecord } from "./record.js";

/** A photo that could not be used: nothing was asked about it. */
export interface SkippedPhoto {
  readonly dataset: string;
  readonly photo: string;
  readonly reason: string;
}

/** Those of a run's options that reports look at. */
export type MeasuredBy = Pick<EvaluateOptions, "suite" | "seed" | "presentOnly" | "depthAlign" | "depthCrop">;

export interface RunHead {
  /** Of these files. */
  readonly format: 1;
  readonly suite: string;
  readonly model: string;
  /** Everything that decides the answers and how they are measured; runs are put together only when it is equal. */
  readonly options: MeasuredBy & Readonly<Record<string, unknown>>;
  readonly datasets: readonly string[];
  /** Those whose photos show exactly one of the categories asked. */
  readonly exclusive: readonly string[];
  readonly tasks: readonly TaskName[];
  readonly wordings: readonly Wording[];
  /** Which part of the photos: i of n, or all. */
  readonly shard: readonly [i: number, n: number];
  /** Photos of each dataset that are to be asked about, of all parts together. */
  readonly photos: Readonly<Record<string, number>>;
  readonly skipped: readonly SkippedPhoto[];
  /** What a reader must know beside the numbers, a sentence each. */
  readonly notes: readonly string[];
}

export interface Run {
  readonly head: RunHead;
  /** By dataset, photo, question and wording, in the order they were asked. */
  readonly records: readonly QuestionRecord[];
}
