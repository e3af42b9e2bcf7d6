/** An understood sentence in the words every model knows best. */
import { bank } from "./bank.js";
import type { ParsedInstruction } from "./parse.js";
import { fill } from "./render.js";

/**
 * The task's template with the category and colours that were asked for.
 *
 * @example
 * restate(parseInstruction("where are those horses?")); // "Detect the horse"
 */
export function restate({ task, slots }: Pick<ParsedInstruction, "task" | "slots">): string {
  return fill(bank[task].template, slots);
}
