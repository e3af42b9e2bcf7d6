/** What can be asked of an evaluation. */
import type { DatasetName } from "../datasets/pool.js";
import type { LabelledPhoto } from "../datasets/sample.js";
import type { Wording } from "../instructions/render.js";
import type { TaskName } from "../tasks/task.js";
import type { DepthAlignment, DepthCrop } from "./metrics/index.js";
import type { AskOptions, Predictor } from "./predictor.js";
import type { Respondent } from "./respondent.js";
import type { ScoreOptions } from "./scorers.js";
import type { SuiteName } from "./suites/choose.js";

export const ALL_TASKS: readonly TaskName[] = ["depth", "segmentation", "detection", "classification"];
export const ALL_WORDINGS: readonly Wording[] = ["template", "paraphrase", "unseen"];

export interface EvaluateOptions extends Omit<AskOptions, "seed" | "signal">, ScoreOptions {
  /** Folder that holds the datasets. */
  readonly dataRoot: string;
  /** Who answers: a model asked by sentences, or whatever else answers questions. One of the two. */
  readonly predictor?: Predictor;
  readonly respondent?: Respondent;
  /** How the report calls the model. */
  readonly model: string;
  /** @default "pool": the test splits of the small sets */
  readonly suite?: SuiteName;
  /** All unless given. */
  readonly tasks?: readonly TaskName[];
  /** Those found under `dataRoot` unless given (the report names the others); a given one must be there. */
  readonly datasets?: readonly string[];
  /** All unless given. */
  readonly wordings?: readonly Wording[];
  /** Only so many photos of each dataset, drawn by the seed; the report says so. */
  readonly limit?: number;
  /** Decides wordings, colours, limited photos and the model's noise; 0 unless given. */
  readonly seed?: number;
  /** Ask for masks and boxes of what is there only. */
  readonly presentOnly?: boolean;
  /** How depth is made comparable with the truth before it counts; the report says so. @default "none": metres are metres */
  readonly depthAlign?: DepthAlignment;
  /** Part of the frame in which depth counts. @default "none" */
  readonly depthCrop?: DepthCrop;
  /** Assemble the masks of all classes to full label maps too. @default with every suite but "pool" */
  readonly labelMaps?: boolean;
  /** Ask about part i (from 1) of n only; `mergeRuns` puts the parts together. */
  readonly shard?: readonly [i: number, n: number];
  /** What decides the answers beside these options (digest of the model, sampler, guidance): kept with the run. */
  readonly answeredBy?: Readonly<Record<string, unknown>>;
  /** Where the photos come from; the test splits of the suite unless given. */
  readonly photos?: (dataset: DatasetName) => AsyncIterable<LabelledPhoto>;
}
