/** Asks about the photos of a suite, in several wordings, and reports the scores next to those of trivial baselines. */
import type { EvaluateOptions } from "./options.js";
import type { EvaluationProgress } from "./progress.js";
import { reportOf } from "./records/tables.js";
import type { Report } from "./report.js";
import { runEvaluation } from "./run.js";

export { ALL_TASKS, ALL_WORDINGS, type EvaluateOptions } from "./options.js";

/**
 * Asks about every photo and scores the answers; equal options and an equal model give an equal report. An instruction that the
 * model does not understand, or takes for another task, is scored as an empty answer and counted in the report's notes; so are photos
 * that cannot be used, about which nothing is asked.
 * @throws {InstructCvError} "dataset" for missing data, "usage" when nothing is left to ask; the signal's reason on abort.
 */
export async function evaluate(
  options: EvaluateOptions,
  onProgress: (progress: EvaluationProgress) => void = () => {},
  signal?: AbortSignal,
): Promise<Report> {
  return reportOf(await runEvaluation(options, onProgress, signal), options);
}
