/** Puts a category and colours into a wording of the bank. */
import type { Rng } from "../random.js";
import { defaultColours, slotColours } from "../tasks/colours.js";
import type { Slots, TaskName } from "../tasks/task.js";
import { type Bank, bank as ourBank } from "./bank.js";
import { plural, withArticle } from "./grammar.js";
import { fillerWords, polarityWords } from "./words.js";

/** Which part of the bank: the paper's template, the trained paraphrases, the ones kept back. */
export type Wording = "template" | "paraphrase" | "unseen";

/**
 * One instruction for a task. Wordings without colours mean the default colours, so they are drawn only when the slots carry these.
 * @param slots `category` is required for every task but depth
 * @param noise share of a paraphrase's words that are left out or get a filler word before them, for training; 0..1
 * @param bank the shipped one unless given; see `loadBank`
 */
export function renderInstruction(
  task: TaskName,
  slots: Slots,
  wording: Wording,
  rng: Rng,
  noise = 0,
  bank: Bank = ourBank,
): string {
  const { template, train, unseen } = bank[task];
  if (wording === "template") return fill(template, slots);
  const all = wording === "paraphrase" ? train : unseen;
  const { positive, negative } = slotColours(slots);
  const usual = positive.name === defaultColours.positive.name && negative.name === defaultColours.negative.name;
  const usable = task === "classification" && !usual ? all.filter((text) => text.includes("{positive}")) : all;
  const chosen = rng.pick(usable);
  return fill(noise > 0 ? disturb(chosen, noise, rng) : chosen, slots);
}

/** Leaves words out and puts fillers in, half of `noise` each. Slots stay, and so do words that decide between yes and no. */
export function disturb(wording: string, noise: number, rng: Rng): string {
  const words = wording.match(/(?:[^\s{]*\{[^}]*\})+[^\s{]*|\S+/g)!.flatMap((word) => {
    const at = rng.next();
    const fixed = word.includes("{") || polarityWords.has(word.toLowerCase().replace(/[^a-z']/g, ""));
    if (at < noise / 2) return fixed ? [word] : [];
    return at < noise ? [rng.pick(fillerWords), word] : [word];
  });
  return words.length > 0 ? words.join(" ") : wording;
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
