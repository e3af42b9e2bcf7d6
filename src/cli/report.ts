/** `instructcv report`: a page about a training run. */
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Command } from "commander";
import { EXIT } from "./exit.js";
import type { Terminal } from "./terminal.js";

export function addReport(program: Command, terminal: Terminal, exit: (code: number) => void): void {
  program
    .command("report")
    .summary("make a page about a training run")
    .description(
      "Make one HTML page about a training run, finished or still going: curves of losses, learning rate, validation, speed and " +
        "memory, sample pictures over time, the recipe, and the versions, machine and command of each start.",
    )
    .argument("<run>", "folder of the run, such as runs/nano")
    .option("-o, --out <file>", "page to write (default: <run>/report.html)")
    .addHelpText(
      "after",
      "\nThe page is one file that loads nothing from anywhere; open it in any browser. It reads config.yaml, metrics.jsonl,\n" +
        "run.json and samples/ of the run, and needs no libtorch. Its path is printed.\n",
    )
    .action(async (run: string, { out }: { out?: string }) => exit(await report(run, out, terminal)));
}

async function report(run: string, out = join(run, "report.html"), terminal: Terminal): Promise<number> {
  const { reportRun } = await import("../training/report/report.js");
  const { writeAtomic } = await import("../files.js");
  const page = await reportRun(run);
  await mkdir(dirname(out), { recursive: true });
  await writeAtomic(out, page);
  terminal.out(out);
  return EXIT.done;
}
