/** `instructcv tasks`: what can be asked, with sentences as examples. */
import type { Command } from "commander";
import { EXIT } from "./exit.js";
import type { Terminal } from "./terminal.js";

/** Example sentences for each task, beside its template. */
const EXAMPLES = 4;

export function addTasks(program: Command, terminal: Terminal, exit: (code: number) => void): void {
  program
    .command("tasks")
    .summary("list what can be asked, with example sentences")
    .description("List the tasks with example sentences. Other wordings are understood too.")
    .action(async () => exit(await listTasks(terminal)));
}

async function listTasks(terminal: Terminal): Promise<number> {
  const { renderInstruction } = await import("../instructions/render.js");
  const { tasks } = await import("../tasks/registry.js");
  const { defaultColours } = await import("../tasks/colours.js");
  const { createRng } = await import("../random.js");
  const rng = createRng("examples");
  for (const { name } of Object.values(tasks)) {
    const slots = { category: name === "depth" ? null : "cat", ...(name === "classification" && defaultColours) };
    const sentences = new Set([renderInstruction(name, slots, "template", rng)]);
    while (sentences.size <= EXAMPLES) sentences.add(renderInstruction(name, slots, "paraphrase", rng));
    terminal.out(name);
    for (const sentence of sentences) terminal.out(`  ${sentence}`);
  }
  return EXIT.done;
}
