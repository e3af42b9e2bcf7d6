/** `instructcv data show`: a page with the statistics of a corpus and samples of its pictures. */
import { mkdir } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import type { Command } from "commander";
import { EXIT } from "../exit.js";
import { wholeNumber } from "../options.js";
import { type Progress, startProgress } from "../progress.js";
import type { Terminal } from "../terminal.js";

interface ShowCommandOptions {
  readonly out?: string;
  readonly samples: number;
  readonly split: string;
  readonly seed: number;
}

export function addShow(parent: Command, terminal: Terminal, exit: (code: number) => void): void {
  parent
    .command("show")
    .summary("make a page about a corpus")
    .description(
      "Make one HTML page with the statistics of a corpus and samples of its pictures; open it in any browser.",
    )
    .argument("<corpus>", "corpus folder")
    .option("-o, --out <file>", "page to write (default: <corpus>.html beside the folder)")
    .option("--samples <n>", "samples of each task", wholeNumber(0, 1000), 12)
    .option("--split <name>", "part of the corpus to show", "train")
    .option("--seed <n>", "decides which samples", wholeNumber(0, 2 ** 32 - 1), 0)
    .action(async (corpus: string, options: ShowCommandOptions) => exit(await show(corpus, options, terminal)));
}

async function show(corpus: string, options: ShowCommandOptions, terminal: Terminal): Promise<number> {
  const { showCorpus } = await import("../../corpus/show/show.js");
  const { writeAtomic } = await import("../../files.js");
  const { samples, split, seed } = options;
  const out = options.out ?? `${resolve(corpus)}.html`;
  let progress: Progress | undefined;
  try {
    const onProgress = (done: number, total: number) => {
      progress ??= startProgress(terminal, total, "records");
      progress.update(done);
    };
    const page = await showCorpus(corpus, { samples, split, seed }, onProgress, terminal.signal);
    progress?.stop();
    await mkdir(dirname(out), { recursive: true });
    await writeAtomic(out, page);
    terminal.out(out);
    return EXIT.done;
  } finally {
    progress?.stop();
  }
}
