/** Evaluation's public face: run a suite, print its report; the metrics for other uses. */
export * from "./metrics/index.js";
export type { Answer, AskOptions, Predictor } from "./predictor.js";
export type { EvaluationProgress } from "./progress.js";
export type { QuestionRecord } from "./records/record.js";
export type { Run, RunHead } from "./records/run.js";
export { reportOf } from "./records/tables.js";
export { type Report, type Row, reportToJson, reportToMarkdown, reportToText } from "./report.js";
export { runEvaluation } from "./run.js";
export { ALL_TASKS, ALL_WORDINGS, type EvaluateOptions, evaluate } from "./suite.js";
