/** Evaluation's public face: run a suite, print its report; the metrics for other uses. */

export { type ComparedRow, type Comparison, compareRuns } from "./compare/compare.js";
export { comparisonToJson, comparisonToMarkdown, comparisonToText } from "./compare/print.js";
export * from "./metrics/index.js";

export { cached } from "./predictions/cache.js";
export { openPredictions } from "./predictions/folder.js";
export { modelDigest } from "./predictions/model-digest.js";
export { saving } from "./predictions/save.js";

export type { Answer, AskOptions, Predictor } from "./predictor.js";
export type { EvaluationProgress } from "./progress.js";
export { mergeRuns } from "./records/merge.js";
export type { QuestionRecord } from "./records/record.js";
export type { Run, RunHead } from "./records/run.js";
export { readRun, writeRun } from "./records/run-file.js";
export { reportOf } from "./records/tables.js";
export { choosePictures, type ReportPicture } from "./report/choose.js";
export { evaluationPage } from "./report/page.js";
export { type Report, type Row, reportToJson, reportToMarkdown, reportToText } from "./report.js";
export { askModel, type Respondent } from "./respondent.js";
export { runEvaluation } from "./run.js";
export { ALL_TASKS, ALL_WORDINGS, type EvaluateOptions, evaluate } from "./suite.js";
