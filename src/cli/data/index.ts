/** `instructcv data`: everything about the instruction-tuning set. */
import type { Command } from "commander";
import type { Terminal } from "../terminal.js";
import { addBuild } from "./build.js";

export function addData(program: Command, terminal: Terminal, _exit: (code: number) => void): void {
  const data = program.command("data").summary("build, look at, check and export a corpus");
  addBuild(data, terminal);
}
