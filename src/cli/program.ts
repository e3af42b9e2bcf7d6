/** The command line as a whole: which commands exist, and the exit code a run of it ends with. */
import { Command, CommanderError } from "commander";
import { packageVersion } from "../version.js";
import { addData } from "./data/index.js";
import { addDownload } from "./download.js";
import { addEval } from "./eval.js";
import { EXIT, errorLine, exitCodeOf } from "./exit.js";
import { addExport } from "./export.js";
import { addQuantize } from "./quantize.js";
import { addReport } from "./report.js";
import { addRun } from "./run.js";
import { addTasks } from "./tasks.js";
import type { Terminal } from "./terminal.js";
import { addTrain } from "./train.js";

/** Runs one command line (without `node` and the script) and returns its exit code; never throws. */
export async function runCli(args: readonly string[], terminal: Terminal): Promise<number> {
  let code: number = EXIT.done;
  const program = buildProgram(terminal, (value) => {
    code = value;
  });
  try {
    await program.parseAsync(args, { from: "user" });
    return code;
  } catch (error) {
    // commander has printed its own message; help and version are thrown too, with exit code 0.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
    code = terminal.signal.aborted ? EXIT.interrupted : exitCodeOf(error);
    terminal.note(code === EXIT.interrupted ? "stopped" : errorLine(error));
    return code;
  }
}

function buildProgram(terminal: Terminal, exit: (code: number) => void): Command {
  const program = new Command("instructcv")
    .description(
      "Say in a sentence what you want to know about a photo; a model draws the answer and you get typed data.",
    )
    .version(packageVersion(), "-V, --version", "print the version")
    .showHelpAfterError("(--help explains)")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.out(text.trimEnd()),
      writeErr: (text) => terminal.note(text.trimEnd()),
    });
  for (const add of [addRun, addTasks, addEval, addData, addTrain, addReport, addDownload, addQuantize, addExport])
    add(program, terminal, exit);
  return program;
}
