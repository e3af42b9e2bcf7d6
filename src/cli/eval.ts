/** `instructcv eval`: measures a model on the test splits and prints a table or JSON. */
import type { Command } from "commander";
import type { Predictor } from "../evaluation/predictor.js";
import { addModelOptions, loadModel, type ModelOptions, samplingOptions } from "./model-options.js";
import { collect, oneOf, wholeNumber } from "./options.js";
import { type Progress, startProgress } from "./progress.js";
import type { Terminal } from "./terminal.js";

interface EvalOptions extends ModelOptions {
  readonly data: string;
  readonly task?: ("segmentation" | "detection" | "depth" | "classification")[];
  readonly dataset?: string[];
  readonly wording?: ("template" | "paraphrase" | "unseen")[];
  readonly limit?: number;
  readonly seed: number;
  readonly paperStyle?: boolean;
  readonly json?: boolean;
  readonly markdown?: boolean;
}

export function addEval(program: Command, terminal: Terminal): void {
  const command = program
    .command("eval")
    .summary("measure a model on datasets")
    .description("Measure a model on the test splits: standard metrics, per wording, next to trivial baselines.")
    .requiredOption("-d, --data <dir>", "folder that holds the datasets")
    .option(
      "--task <name>",
      "only this task (may be repeated)",
      oneOf("segmentation", "detection", "depth", "classification"),
    )
    .option("--dataset <name>", "only this dataset (may be repeated)", collect)
    .option(
      "--wording <name>",
      "only this kind of wording (may be repeated)",
      oneOf("template", "paraphrase", "unseen"),
    )
    .option("--limit <n>", "only so many photos of each dataset", wholeNumber(1, 1e6))
    .option("--seed <n>", "decides wordings, colours and noise", wholeNumber(0, 2 ** 32 - 1), 0)
    .option("--paper-style", "add the numbers as the InstructCV authors' evaluators compute them")
    .option("--json", "print one JSON object on stdout and nothing else")
    .option("--markdown", "print the table for a README");
  addModelOptions(command).action((options: EvalOptions) => evaluateModel(options, terminal));
}

async function evaluateModel(options: EvalOptions, terminal: Terminal): Promise<void> {
  const { evaluate } = await import("../evaluation/suite.js");
  const { reportToJson, reportToMarkdown, reportToText } = await import("../evaluation/report.js");
  const { parseDatasetNames } = await import("../datasets/pool.js");
  const { data, task, dataset, wording, limit, steps, seed, mirror, restate, paperStyle } = options;
  const datasets = dataset && parseDatasetNames(dataset);
  const { model, name } = await loadModel(options, terminal);
  const sampling = samplingOptions(options, model);
  const predictor: Predictor = {
    perceive: (image, instruction, asked) => model.perceive(image, instruction, { ...sampling, ...asked }),
  };
  let progress: Progress | undefined;
  try {
    const report = await evaluate(
      {
        dataRoot: data,
        predictor,
        model: name,
        tasks: task,
        datasets,
        wordings: wording,
        limit,
        steps,
        seed,
        mirror,
        restate,
        paperStyle,
      },
      (state) => {
        progress ??= startProgress(terminal, state.total, "queries");
        progress.update(state.done, `(${state.dataset}, ${state.task})`);
      },
      terminal.signal,
    );
    progress?.stop();
    terminal.out(
      options.json ? reportToJson(report) : options.markdown ? reportToMarkdown(report) : reportToText(report),
    );
  } finally {
    progress?.stop();
    await model.close();
  }
}
