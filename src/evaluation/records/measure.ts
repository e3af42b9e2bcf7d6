/** From an answer and the truth to the facts that are kept of them. */

import type { TaskName } from "../../tasks/task.js";
import { type DepthOptions, depthSums } from "../metrics/depth.js";
import { paperDepth, paperIou } from "../metrics/paper-style/index.js";
import { maskOverlap } from "../metrics/segmentation.js";
import type { AnswerOf } from "../predictor.js";
import type { Question } from "../questions.js";
import { BINS, type Bin, type Facts } from "./record.js";

const IGNORE = 255;

type Measure<T extends TaskName> = (question: Question<T>, answer: AnswerOf<T>, depth: DepthOptions) => Facts;

/** @throws when answer and truth are of different sizes. */
export function measure<T extends TaskName>(
  question: Question<T>,
  answer: AnswerOf<T>,
  depth: DepthOptions = {},
): Facts {
  return (measures[question.task] as Measure<T>)(question, answer, depth);
}

const measures: { readonly [T in TaskName]: Measure<T> } = {
  segmentation: ({ truth }, { mask, probability }) => ({
    kind: "mask",
    ...maskOverlap(mask, truth.mask),
    paper: paperIou(probability, truth.mask),
    bins: binned(probability, truth.mask),
  }),
  detection: ({ truth }, { boxes }) => ({
    kind: "boxes",
    truths: truth.boxes.map(({ xyxy, ignore, crowd, area }) => ({
      xyxy,
      ...(ignore && { ignore }),
      ...(crowd && { crowd }),
      ...(area !== undefined && { area }),
    })),
    found: boxes.map(({ xyxy, score }) => ({ xyxy, score })),
  }),
  depth: ({ truth, size }, { metres }, options) => {
    const { rmse, delta1 } = paperDepth(metres, truth.metres);
    return { kind: "depth", ...depthSums(metres, truth.metres, options, size), paper: { rmse, delta1 } };
  },
  classification: (_, { present, probability }) => ({ kind: "presence", present, probability }),
};

function binned(probability: Float32Array, truth: Uint8Array): Bin[] {
  const bins = Array.from({ length: BINS }, (): [number, number, number] => [0, 0, 0]);
  for (let i = 0; i < truth.length; i++) {
    if (truth[i] === IGNORE) continue;
    const p = probability[i]!;
    const bin = bins[Math.min(BINS - 1, Math.floor(p * BINS))]!;
    bin[0]++;
    bin[1] += p;
    if (truth[i] === 1) bin[2]++;
  }
  return bins;
}
