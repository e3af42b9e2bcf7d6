/** What is written at the head of a run: its options and the notes that a reader of its numbers needs. */

import type { LabelledPhoto } from "../datasets/sample.js";
import { packageVersion } from "../version.js";
import { ALL_TASKS, ALL_WORDINGS, type EvaluateOptions } from "./options.js";
import type { RunHead, SkippedPhoto } from "./records/run.js";
import type { Respondent } from "./respondent.js";
import { type ChosenSets, suites } from "./suites/choose.js";
import type { EvaluationSet } from "./suites/set.js";

export function headOf(
  options: EvaluateOptions,
  chosen: readonly { readonly set: EvaluationSet; readonly photos: readonly LabelledPhoto[] }[],
  missing: ChosenSets["missing"],
  skipped: readonly SkippedPhoto[],
  respondent: Respondent,
): RunHead {
  const { tasks = ALL_TASKS, wordings = ALL_WORDINGS, suite = "pool", seed = 0, presentOnly } = options;
  const { limit, steps, mirror, restate, depthAlign, depthCrop } = options;
  return {
    format: 1,
    suite: titleOf(options),
    model: options.model,
    options: {
      version: packageVersion(),
      suite,
      seed,
      ...(limit !== undefined && { limit }),
      ...(steps !== undefined && { steps }),
      ...(mirror !== undefined && { mirror }),
      ...(restate !== undefined && { restate }),
      ...(presentOnly && { presentOnly }),
      ...(depthAlign && depthAlign !== "none" && { depthAlign }),
      ...(depthCrop && depthCrop !== "none" && { depthCrop }),
      ...options.answeredBy,
    },
    datasets: chosen.map(({ set }) => set.name),
    exclusive: chosen.filter(({ set }) => set.exclusive && options.suite).map(({ set }) => set.name),
    tasks,
    wordings,
    shard: options.shard ?? [1, 1],
    photos: Object.fromEntries(chosen.map(({ set, photos }) => [set.name, photos.length])),
    skipped,
    notes: [...notesOf(options, missing), ...(respondent.notes?.() ?? [])],
  };
}

function titleOf({ suite = "pool", limit, seed = 0, shard }: EvaluateOptions): string {
  const part = shard && shard[1] > 1 ? `, part ${shard[0]} of ${shard[1]}` : "";
  const drawn = limit === undefined ? "" : `, ${limit} photos a dataset (seed ${seed})`;
  return `${suites[suite].title}${drawn}${part}`;
}

function notesOf(
  { limit, steps, mirror, restate, presentOnly, suite, depthAlign = "none", depthCrop = "none" }: EvaluateOptions,
  missing: ChosenSets["missing"],
): string[] {
  const absent = missing.map(({ name, places }) => (suite ? `${name} (${places.join(" or ")})` : name));
  return [
    ...(absent.length === 0 ? [] : [`Not there, so not measured: ${absent.join(", ")}.`]),
    ...(limit === undefined ? [] : [`Only ${limit} photos of each dataset: not comparable with a full run.`]),
    ...(presentOnly
      ? ["Masks and boxes of present classes only were asked for: nothing drawn for absent ones counts."]
      : []),
    ...(depthAlign === "none"
      ? []
      : [
          `Depth, the baseline's too, was fitted to each photo's truth (${depthAlign}) before it was compared: not comparable with depth in metres.`,
        ]),
    ...(depthCrop === "none" ? [] : [`Depth counts in the crop ${depthCrop} only.`]),
    ...(steps === undefined ? [] : [`${steps} sampling ${steps === 1 ? "step" : "steps"}.`]),
    ...(mirror === undefined ? [] : [mirror ? "Averaged with the mirrored drawing." : "One drawing each."]),
    ...(restate === undefined
      ? []
      : [restate ? "Sentences were restated." : "Sentences reached the network as worded."]),
    "baseline: mean depth map of the train split, all foreground, one centred box of 80 %, question-only prior.",
  ];
}
