/** `instructcv data check`: whether a corpus is whole and sound, and what its pictures lose of the labels. */
import type { Command } from "commander";
import type { CheckReport } from "../../corpus/check.js";
import { EXIT } from "../exit.js";
import { wholeNumber } from "../options.js";
import { type Progress, startProgress } from "../progress.js";
import type { Terminal } from "../terminal.js";

interface CheckCommandOptions {
  readonly samples: number;
  readonly seed: number;
  readonly json?: boolean;
}

export function addCheck(parent: Command, terminal: Terminal, exit: (code: number) => void): void {
  parent
    .command("check")
    .summary("verify a corpus")
    .description(
      "Verify every shard and record of a corpus, and decode a sample of its pictures to see what they lose of the labels. Of a folder that `data encode` made: every byte against its manifest.",
    )
    .argument("<corpus>", "corpus folder, or an encoded one")
    .option("--samples <n>", "pictures of each task to decode and compare", wholeNumber(0, 1e6), 200)
    .option("--seed <n>", "decides which", wholeNumber(0, 2 ** 32 - 1), 0)
    .option("--json", "print one JSON object on stdout and nothing else")
    .addHelpText("after", "\nThe exit code is 1 when something is wrong.\n")
    .action(async (corpus: string, options: CheckCommandOptions) => exit(await check(corpus, options, terminal)));
}

async function check(corpus: string, options: CheckCommandOptions, terminal: Terminal): Promise<number> {
  const { isEncodedFolder } = await import("../../training/encoded/layout.js");
  if (await isEncodedFolder(corpus)) return checkEncodedFolder(corpus, options, terminal);
  const { checkCorpus } = await import("../../corpus/check.js");
  let progress: Progress | undefined;
  try {
    const onProgress = (done: number, total: number) => {
      progress ??= startProgress(terminal, total, "records");
      progress.update(done);
    };
    const report = await checkCorpus(corpus, options, onProgress, terminal.signal);
    progress?.stop();
    if (options.json) terminal.out(toJson(report));
    else for (const line of toTable(report)) terminal.out(line);
    return report.problems.length > 0 ? EXIT.failed : EXIT.done;
  } finally {
    progress?.stop();
  }
}

async function checkEncodedFolder(dir: string, options: CheckCommandOptions, terminal: Terminal): Promise<number> {
  const { checkEncoded } = await import("../../training/encoded/check.js");
  let progress: Progress | undefined;
  try {
    const onProgress = (done: number, total: number) => {
      progress ??= startProgress(terminal, total, "MB");
      progress.update(done);
    };
    const { problems, ...counts } = await checkEncoded(dir, onProgress, terminal.signal);
    progress?.stop();
    const ok = problems.length === 0;
    if (options.json) terminal.out(JSON.stringify({ ok, ...counts, ...(!ok && { problems }) }));
    else {
      terminal.out(
        `${counts.views} views, ${counts.sentences} sentences: ${ok ? "sound" : `${problems.length} problems`}`,
      );
      for (const problem of problems) terminal.out(`  ${problem}`);
      if (!ok)
        terminal.note("Remove the damaged files and run `instructcv data encode` again: it writes what is missing.");
    }
    return ok ? EXIT.done : EXIT.failed;
  } finally {
    progress?.stop();
  }
}

function toJson({ problems, codec }: CheckReport): string {
  const tasks = Object.entries(codec).map(([task, { measure, value }]) => [task, { [measure]: value }]);
  const samples = Object.values(codec).reduce((sum, loss) => sum + loss.samples, 0);
  return JSON.stringify({
    ok: problems.length === 0,
    samples,
    codec: Object.fromEntries(tasks),
    ...(problems.length > 0 && { problems }),
  });
}

const words = {
  iou: (value: number) => `mean IoU ${value.toFixed(3)}`,
  mm: (value: number) => `mean error ${value.toFixed(1)} mm`,
  accuracy: (value: number) => `accuracy ${value.toFixed(3)}`,
};

function toTable({ problems, records, codec }: CheckReport): string[] {
  const rows = Object.entries(codec).map(([task, { measure, value, samples, negatives }]) => {
    const loss = value === null ? "only absent things in the sample" : words[measure](value);
    const absent = negatives > 0 ? `, ${negatives} of them absent things` : "";
    return `  ${task.padEnd(15)} ${loss.padEnd(22)} (${samples} records${absent})`;
  });
  const verdict = problems.length === 0 ? "sound" : `${problems.length} problems`;
  return [
    `${records} records: ${verdict}`,
    ...problems.map((problem) => `  ${problem}`),
    ...(rows.length > 0 ? ["What the pictures keep of the labels, decoded:", ...rows] : []),
  ];
}
