/** `instructcv eval`: measures a model, or predictions that others made, on the photos of a suite. */
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { DepthAlignment, DepthCrop, Run } from "../evaluation/index.js";
import { type EvalOptions, evalHelp } from "./eval-help.js";
import { evaluatePart, picturesOf } from "./eval-run.js";
import { EXIT, usageError } from "./exit.js";
import { addModelOptions } from "./model-options.js";
import { collect, oneOf, wholeNumber } from "./options.js";
import type { Terminal } from "./terminal.js";

const alignments: readonly DepthAlignment[] = ["none", "median", "scale", "scale-shift", "disparity"];
const crops: readonly DepthCrop[] = ["none", "nyu-eigen", "kitti-garg", "kitti-eigen"];

/** `2/8`: the second of eight parts. */
function shard(text: string): readonly [number, number] {
  const [i = 0, n = 0] = (text.match(/^(\d+)\/(\d+)$/)?.slice(1) ?? []).map(Number);
  if (i < 1 || n < i) throw new InvalidArgumentError("Expected i/n with i from 1 to n, such as 2/8.");
  return [i, n];
}

export function addEval(program: Command, terminal: Terminal, exit: (code: number) => void): void {
  const command = program
    .command("eval")
    .summary("measure a model on datasets")
    .description("Measure a model on the test splits: standard metrics, per wording, next to trivial baselines.")
    .option("-d, --data <dir>", "folder that holds the datasets")
    .addOption(new Option("--suite <name>", "which photos and questions (see below)").choices(["mini", "paper"]))
    .option(
      "--task <name>",
      "only this task (may be repeated)",
      oneOf("segmentation", "detection", "depth", "classification"),
    )
    .option("--dataset <name>", "only this dataset of the suite (may be repeated)", collect)
    .option(
      "--wording <name>",
      "only this kind of wording (may be repeated)",
      oneOf("template", "paraphrase", "unseen"),
    )
    .option("--limit <n>", "only so many photos of each dataset", wholeNumber(1, 1e6))
    .option("--seed <n>", "decides wordings, colours and noise", wholeNumber(0, 2 ** 32 - 1), 0)
    .option("--present-only", "ask for masks and boxes of what is there only, as the authors of InstructCV do")
    .addOption(
      new Option(
        "--depth-align <kind>",
        "fit each depth map to the truth before it counts: for relative depth",
      ).choices(alignments),
    )
    .addOption(new Option("--depth-crop <name>", "part of the frame in which depth counts").choices(crops))
    .option("--details", "add the rest: AP and AR by size of the object, VOC's AP, SILog, calibration errors and more")
    .option("--paper-style", "add the numbers as the InstructCV authors' evaluators compute them")
    .option("--bootstrap <n>", "add 95 % intervals from n resamples of the photos", wholeNumber(1, 1e5))
    .option("--cache <dir>", "keep answers here: an interrupted evaluation goes on where it was")
    .option("--shard <i/n>", "ask about part i of n only, for several processes or machines", shard)
    .option("--out <dir>", "write the run here: run.json and records.jsonl, from which reports can be made again")
    .option("--from <dir>", "report a run that --out wrote, or all parts of one (may be repeated)", collect)
    .option(
      "--against <dir>",
      "compare with a run that --out wrote: the differences and their 95 % intervals (all parts of it: repeat)",
      collect,
    )
    .option("--predictions <dir>", "score this folder of predictions instead of a model (see below)")
    .option("--save-predictions <dir>", "write the answers as such a folder")
    .option("--report <file.html>", "write a page with tables, curves and pictures, one file")
    .option("--json", "print one JSON object on stdout and nothing else")
    .option("--markdown", "print the table for a README")
    .addHelpText("after", evalHelp);
  addModelOptions(command).action(async (options: EvalOptions) => exit(await evaluateModel(options, terminal)));
}

async function evaluateModel(options: EvalOptions, terminal: Terminal): Promise<number> {
  check(options);
  const { mergeRuns, readRun, reportOf, reportToJson, reportToMarkdown, reportToText, writeRun } = await import(
    "../evaluation/index.js"
  );
  // Read first: an evaluation may take hours.
  const against = options.against && mergeRuns(await Promise.all(options.against.map(readRun)));
  let run: Run;
  let pictures: Awaited<ReturnType<typeof evaluatePart>>["pictures"] | undefined;
  if (options.from) {
    run = mergeRuns(await Promise.all(options.from.map(readRun)));
    if (options.report && options.data) pictures = await picturesOf(run, options, terminal);
    else if (options.report)
      terminal.note("no pictures: they need --data, and the --model or --predictions of the run");
  } else ({ run, pictures } = await evaluatePart(options, terminal));
  if (options.out) await writeRun(options.out, run);
  const report = reportOf(run, options);
  if (options.report) {
    const { evaluationPage } = await import("../evaluation/index.js");
    const { writeAtomic } = await import("../files.js");
    await mkdir(dirname(options.report), { recursive: true });
    await writeAtomic(options.report, evaluationPage(run, pictures ?? [], options));
    terminal.note(`page: ${options.report}`);
  }
  terminal.out(
    against
      ? await compared(run, against, options)
      : options.json
        ? reportToJson(report)
        : options.markdown
          ? reportToMarkdown(report)
          : reportToText(report),
  );
  const { skipped } = run.head;
  const faults = run.records.filter(({ facts, wording }) => facts === null && wording !== null);
  for (const { photo, reason } of skipped) terminal.note(`skipped: ${photo}: ${reason}`);
  if (faults.length > 0)
    terminal.note(`${faults.length} questions have no answer that could be scored (see the report)`);
  return skipped.length > 0 || faults.length > 0 ? EXIT.failed : EXIT.done;
}

async function compared(run: Run, against: Run, options: EvalOptions): Promise<string> {
  const { compareRuns, comparisonToJson, comparisonToMarkdown, comparisonToText } = await import(
    "../evaluation/index.js"
  );
  const comparison = compareRuns(run, against, options);
  const print = options.json ? comparisonToJson : options.markdown ? comparisonToMarkdown : comparisonToText;
  return print(comparison);
}

function check({ data, from, predictions, savePredictions, shard, out, cache, wording, report }: EvalOptions): void {
  if (from && (savePredictions || shard || ((data || predictions) && !report)))
    throw usageError(
      "--from reports a stored run, and asks nothing.",
      "With --report it takes --data and --model or --predictions too, for the pictures.",
    );
  if (!from && !data) throw usageError("Missing --data <dir>, the folder that holds the datasets.");
  if (predictions && (cache || savePredictions))
    throw usageError("--predictions are answers already: they are neither cached nor saved again.");
  if (savePredictions && (wording?.length !== 1 || shard))
    throw usageError("--save-predictions needs exactly one --wording, and no --shard.", "Say --wording template.");
  if (shard && !out && !cache)
    throw usageError("--shard without --out or --cache would leave nothing.", "Give one of them.");
}
