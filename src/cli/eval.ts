/** `instructcv eval`: measures a model on the test splits and prints a table or JSON. */
import type { Command } from "commander";
import { modelChoice } from "./model-choice.js";
import { collect, oneOf, wholeNumber } from "./options.js";
import { type Progress, startProgress } from "./progress.js";
import type { Terminal } from "./terminal.js";

interface EvalOptions {
  readonly data: string;
  readonly model?: string;
  readonly task?: ("segmentation" | "detection" | "depth" | "classification")[];
  readonly dataset?: string[];
  readonly wording?: ("template" | "paraphrase" | "unseen")[];
  readonly limit?: number;
  readonly steps?: number;
  readonly seed: number;
  readonly mirror?: boolean;
  readonly restate?: boolean;
  readonly paperStyle?: boolean;
  readonly json?: boolean;
  readonly markdown?: boolean;
}

export function addEval(program: Command, terminal: Terminal): void {
  program
    .command("eval")
    .summary("measure a model on datasets")
    .description("Measure a model on the test splits: standard metrics, per wording, next to trivial baselines.")
    .requiredOption("-d, --data <dir>", "folder that holds the datasets")
    .option("-m, --model <dir>", "model folder (default: the small model of the package, models/nano)")
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
    .option("--steps <n>", "denoising steps, 1 to 1000 (default: what the model recommends)", wholeNumber(1, 1000))
    .option("--seed <n>", "decides wordings, colours and noise", wholeNumber(0, 2 ** 32 - 1), 0)
    .option("--mirror", "average with the drawing of the mirrored photo (default: as the model recommends)")
    .option("--no-mirror", "draw once")
    .option("--restate", "let the network read sentences in its template's words (default: as the model recommends)")
    .option("--no-restate", "let it read them as they are worded")
    .option("--paper-style", "add the numbers as the InstructCV authors' evaluators compute them")
    .option("--json", "print one JSON object on stdout and nothing else")
    .option("--markdown", "print the table for a README")
    .action((options: EvalOptions) => evaluateModel(options, terminal));
}

async function evaluateModel(options: EvalOptions, terminal: Terminal): Promise<void> {
  const { evaluate } = await import("../evaluation/suite.js");
  const { reportToJson, reportToMarkdown, reportToText } = await import("../evaluation/report.js");
  const { parseDatasetNames } = await import("../datasets/pool.js");
  const { load } = await import("../inference/index.js");
  const { data, task, dataset, wording, limit, steps, seed, mirror, restate, paperStyle } = options;
  const datasets = dataset && parseDatasetNames(dataset);
  const { name, folder } = modelChoice(options.model);
  const predictor = await load(folder);
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
    await predictor.close();
  }
}
