/** Puts a category and colours into a wording of the bank. */
import type { Rng } from "../random.js";
import { defaultColours, slotColours } from "../tasks/colours.js";
import type { Slots, TaskName } from "../tasks/task.js";
import { bank } from "./bank.js";
import { plural, withArticle } from "./grammar.js";

/** Which part of the bank: the paper's template, the trained paraphrases, the ones kept back. */
export type Wording = "template" | "paraphrase" | "unseen";

/**
 * One instruction for a task. Wordings without colours mean the default colours, so they are drawn only when the slots carry these.
 * @param slots `category` is required for every task but depth
 */
export function renderInstruction(task: TaskName, slots: Slots, wording: Wording, rng: Rng): string {
  const { template, train, unseen } = bank[task];
  if (wording === "template") return fill(template, slots);
  const all = wording === "paraphrase" ? train : unseen;
  const { positive, negative } = slotColours(slots);
  const usual = positive.name === defaultColours.positive.name && negative.name === defaultColours.negative.name;
  const usable = task === "classification" && !usual ? all.filter((text) => text.includes("{positive}")) : all;
  return fill(rng.pick(usable), slots);
}

/** A wording with its slots filled, first letter upper case. */
export function fill(wording: string, slots: Slots): string {
  const { positive, negative } = slotColours(slots);
  const filled = wording.replace(/\{([^}]*)\}/g, (_, slot: string) => {
    if (slot === "positive") return positive.name;
    if (slot === "negative") return negative.name;
    if (slots.category === null) throw new RangeError(`"${wording}" needs a category.`);
    if (slot === "category") return slots.category;
    if (slot === "a category") return withArticle(slots.category);
    if (slot === "categories") return plural(slots.category);
    throw new RangeError(`"${wording}" has an unknown slot {${slot}}.`);
  });
  return filled.charAt(0).toUpperCase() + filled.slice(1);
}
