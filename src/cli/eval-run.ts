/** Who answers, with which cache, and what is kept of the answers: one evaluation, or one part of it. */
import { isDeepStrictEqual } from "node:util";
import type { EvaluateOptions, ReportPicture, Respondent, Run } from "../evaluation/index.js";
import type { EvalOptions } from "./eval-help.js";
import { usageError } from "./exit.js";
import { loadModel, samplingOptions } from "./model-options.js";
import { type Progress, startProgress } from "./progress.js";
import type { Terminal } from "./terminal.js";

interface Answering {
  readonly respondent: Respondent;
  readonly name: string;
  /** Beside the options of every evaluation. */
  readonly decidedBy: Readonly<Record<string, unknown>>;
  close(): Promise<void>;
}

export async function evaluatePart(
  options: EvalOptions,
  terminal: Terminal,
): Promise<{ readonly run: Run; readonly pictures: readonly ReportPicture[] }> {
  const { cached, choosePictures, runEvaluation, saving } = await import("../evaluation/index.js");
  const { respondent: asked, name, decidedBy, close } = await open(options, terminal);
  let progress: Progress | undefined;
  try {
    const kept = options.cache ? cached(asked, options.cache, decidedBy) : asked;
    const saved = options.savePredictions ? saving(kept, options.savePredictions, name) : undefined;
    const { data, task, dataset, wording, limit, seed, steps, mirror, restate, suite, presentOnly, shard } = options;
    const { depthAlign, depthCrop } = options;
    const evaluation: EvaluateOptions = {
      dataRoot: data!,
      respondent: saved ?? kept,
      model: name,
      tasks: task,
      datasets: dataset,
      // Predictions of others answer no sentences.
      wordings: options.predictions ? ["template"] : wording,
      ...{ limit, steps, seed, mirror, restate, suite, presentOnly, shard, depthAlign, depthCrop },
      answeredBy: decidedBy,
    };
    const run = await runEvaluation(
      evaluation,
      (state) => {
        progress ??= startProgress(terminal, state.total, "queries");
        progress.update(state.done, `(${state.dataset}, ${state.task})`);
      },
      terminal.signal,
    );
    progress?.stop();
    await saved?.finish();
    const pictures = options.report
      ? await choosePictures(run, { dataRoot: data!, respondent: kept }, terminal.signal)
      : [];
    return { run, pictures };
  } finally {
    progress?.stop();
    await close();
  }
}

/** Pictures for a stored run, from whoever answered it. @throws {InstructCvError} "usage" when that was another model, or other options. */
export async function picturesOf(
  run: Run,
  options: EvalOptions,
  terminal: Terminal,
): Promise<readonly ReportPicture[]> {
  const { cached, choosePictures } = await import("../evaluation/index.js");
  const { depthAlign, seed } = run.head.options;
  const { respondent, name, decidedBy, close } = await open({ ...options, depthAlign, seed: seed! }, terminal);
  try {
    const stored: Readonly<Record<string, unknown>> = { ...run.head.options, name: run.head.model };
    const given = options.predictions ? { name } : decidedBy;
    const other = Object.keys(given).find((key) => !isDeepStrictEqual(given[key], stored[key]));
    if (other !== undefined)
      throw usageError(
        `The pictures would not be those of the run: its ${other} is ${JSON.stringify(stored[other])}, here it is ${JSON.stringify(given[other])}.`,
        "Repeat the options of the run, or leave out --data for a page without pictures.",
      );
    const kept = options.cache ? cached(respondent, options.cache, decidedBy) : respondent;
    return await choosePictures(run, { dataRoot: options.data!, respondent: kept }, terminal.signal);
  } finally {
    await close();
  }
}

async function open(options: EvalOptions, terminal: Terminal): Promise<Answering> {
  const { askModel, modelDigest, openPredictions } = await import("../evaluation/index.js");
  if (options.predictions) {
    const { depthAlign = "none" } = options;
    const relativeDepth = depthAlign !== "none" && depthAlign !== "median";
    const respondent = await openPredictions(options.predictions, { relativeDepth });
    return { respondent, name: respondent.name, decidedBy: {}, close: async () => {} };
  }
  const { model, name } = await loadModel(options, terminal);
  const { steps, seed, mirror, restate } = options;
  const sampling = samplingOptions(options, model);
  const respondent = askModel(
    { perceive: (image, instruction, asked) => model.perceive(image, instruction, { ...sampling, ...asked }) },
    { steps, mirror, restate, seed },
  );
  const keepsAnswers = options.cache !== undefined || options.out !== undefined || options.from !== undefined;
  const decidedBy = {
    ...sampling,
    seed,
    precision: options.precision,
    variant: options.variant,
    loras: options.lora && (await Promise.all(options.lora.map((lora) => loraDigest(lora, modelDigest)))),
    ...(keepsAnswers && { model: await modelDigest(model.dir) }),
  };
  return { respondent, name, decidedBy: JSON.parse(JSON.stringify(decidedBy)), close: () => model.close() };
}

/** `file.safetensors:0.5`: its bytes and its weight. */
async function loraDigest(lora: string, digest: (path: string) => Promise<string>): Promise<string> {
  const { parseLoraOption } = await import("../inference/index.js");
  const { path, weight } = parseLoraOption(lora);
  return `${await digest(path)}:${weight}`;
}
