/** `instructcv data`: everything about the instruction-tuning set. */
import type { Command } from "commander";
import type { Terminal } from "../terminal.js";
import { addBuild } from "./build.js";
import { addCheck } from "./check.js";
import { addEncode } from "./encode.js";
import { addExport } from "./export.js";
import { addRephrase } from "./rephrase.js";
import { addShow } from "./show.js";

export function addData(program: Command, terminal: Terminal, exit: (code: number) => void): void {
  const data = program
    .command("data")
    .summary("build, look at, check, encode and export a corpus; rephrase instructions");
  addBuild(data, terminal);
  for (const add of [addShow, addCheck, addExport]) add(data, terminal, exit);
  addEncode(data, terminal);
  addRephrase(data, terminal);
}
