/** `instructcv train`: trains a model by a recipe; needs the libtorch binding that `npm run setup` builds. */
import { join } from "node:path";
import type { Command } from "commander";
import { EXIT } from "./exit.js";
import { wholeNumber } from "./options.js";
import { readRecipe } from "./recipe.js";
import type { Terminal } from "./terminal.js";

interface TrainCommandOptions {
  readonly config: string;
  readonly out?: string;
  readonly resume?: boolean | string;
  readonly maxMinutes?: number;
  readonly rankTimeout?: number;
}

export function addTrain(program: Command, terminal: Terminal, exit: (code: number) => void): void {
  program
    .command("train")
    .summary("train a model")
    .description("Train a model by a recipe. Needs libtorch: run `npm run setup` in the repository once.")
    .requiredOption("-c, --config <file>", "the recipe, such as configs/nano.yaml")
    .option("-o, --out <dir>", "folder of the run (default: runs/<name of the recipe>)")
    .option(
      "--resume [checkpoint]",
      "continue from the newest checkpoint of the run, or from this one; `auto`: from the newest that is whole, or start",
    )
    .option("--max-minutes <n>", "stop after this time with a checkpoint to resume from", wholeNumber(1, 1e6))
    .option("--rank-timeout <seconds>", "in several processes: give up on one that is silent", wholeNumber(1, 1e6))
    .addHelpText(
      "after",
      "\nCtrl-C finishes the step, writes a checkpoint and stops; a second one stops at once. The model is written to\n" +
        "<run>/model when the recipe's duration is over; losses are in metrics.jsonl and loss.svg. With `--resume auto` one\n" +
        "command line starts a run and continues it, whatever ended it before.\n" +
        "Several processes train one model: torchrun --no-python --nproc-per-node 2 instructcv train …, or srun.\n",
    )
    .action(async (options: TrainCommandOptions) => exit(await trainModel(options, terminal)));
}

async function trainModel(options: TrainCommandOptions, terminal: Terminal): Promise<number> {
  const { train } = await import("../training/run.js");
  const config = await readRecipe(options.config, terminal);
  const out = options.out ?? join("runs", config.name);
  const { resume, maxMinutes, rankTimeout } = options;
  const stopping = () => terminal.note("finishing the step and writing a checkpoint; once more stops at once");
  terminal.signal.addEventListener("abort", stopping, { once: true });
  const { step, minutes, model, checkpoint, rank } = await train(config, {
    out,
    resume,
    maxMinutes,
    rankTimeout,
    signal: terminal.signal,
    onNote: (line) => terminal.note(terminal.live ? `\r\x1b[2K${line}` : line),
  });
  if (rank > 0) return model === null && terminal.signal.aborted ? EXIT.interrupted : EXIT.done;
  terminal.note(`${step} steps in ${minutes.toFixed(1)} minutes`);
  if (model !== null) {
    terminal.note(`Export for the browser with: instructcv export ${model} --out ${model}-onnx`);
    terminal.out(model);
    return EXIT.done;
  }
  terminal.note(`checkpoint: ${checkpoint}`);
  terminal.note(`Continue with: instructcv train --config ${options.config} --out ${out} --resume auto`);
  return terminal.signal.aborted ? EXIT.interrupted : EXIT.done;
}
