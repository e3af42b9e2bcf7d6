/** Evaluation's public face: run a suite, print its report; the metrics for other uses. */
export { boxIou, type ScoredBox, type TrueBox } from "./metrics/box-matching.js";
export { PresenceMeter } from "./metrics/classification.js";
export { type DepthErrors, DepthMeter } from "./metrics/depth.js";
export { type DetectionScore, type ImageBoxes, scoreDetections } from "./metrics/detection.js";
export { IouMeter } from "./metrics/segmentation.js";
export type { Answer, AskOptions, Predictor } from "./predictor.js";
export type { EvaluationProgress } from "./progress.js";
export type { QuestionRecord } from "./records/record.js";
export type { Run, RunHead } from "./records/run.js";
export { reportOf } from "./records/tables.js";
export { type Report, type Row, reportToJson, reportToMarkdown, reportToText } from "./report.js";
export { runEvaluation } from "./run.js";
export { ALL_TASKS, ALL_WORDINGS, type EvaluateOptions, evaluate } from "./suite.js";
