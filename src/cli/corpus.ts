/** `instructcv corpus`: builds the instruction-tuning set from labelled photos. */
import type { Command } from "commander";
import { collect, wholeNumber } from "./options.js";
import { duration, type Progress, startProgress } from "./progress.js";
import type { Terminal } from "./terminal.js";

interface CorpusCommandOptions {
  readonly data: string;
  readonly out: string;
  readonly overwrite?: boolean;
  readonly size?: number;
  readonly seed: number;
  readonly dataset?: string[];
  readonly limit?: number;
}

export function addCorpus(program: Command, terminal: Terminal): void {
  program
    .command("corpus")
    .summary("build a training corpus")
    .description("Build the instruction-tuning set: shards of (photo, sentence, drawn answer) and a manifest.")
    .requiredOption("-d, --data <dir>", "folder that holds the datasets")
    .requiredOption("-o, --out <dir>", "corpus folder to make")
    .option("--overwrite", "replace a corpus that is already there")
    .option("--size <px>", "side of the square pictures (default: 128)", wholeNumber(16, 1024))
    .option("--seed <n>", "decides samples, wordings and colours", wholeNumber(0, 2 ** 32 - 1), 0)
    .option("--dataset <name>", "only this dataset (may be repeated)", collect)
    .option("--limit <n>", "only so many photos (to try things out)", wholeNumber(1, 1e7))
    .action((options: CorpusCommandOptions) => makeCorpus(options, terminal));
}

async function makeCorpus(options: CorpusCommandOptions, terminal: Terminal): Promise<void> {
  const { buildCorpus } = await import("../corpus/build.js");
  const { parseDatasetNames } = await import("../datasets/pool.js");
  const { data: dataRoot, out, overwrite, size, seed, dataset, limit } = options;
  const datasets = dataset && parseDatasetNames(dataset);
  const start = performance.now();
  let progress: Progress | undefined;
  try {
    const manifest = await buildCorpus(
      { dataRoot, out, overwrite, size, seed, datasets, limit },
      ({ phase, done, total, records }) => {
        if (phase === "listing" || total === undefined) return;
        progress ??= startProgress(terminal, total, "photos");
        progress.update(done, `(${records} records)`);
      },
      terminal.signal,
    );
    progress?.stop();
    const seconds = (performance.now() - start) / 1000;
    for (const [split, { photos, records }] of Object.entries(manifest.splits)) {
      terminal.out(`${split}: ${records} records of ${photos} photos`);
    }
    terminal.out(`${out}, made in ${duration(seconds)}`);
  } finally {
    progress?.stop();
  }
}
