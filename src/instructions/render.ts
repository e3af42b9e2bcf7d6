/** From a task and its slots to a sentence. */
import type { Wording } from "../corpus/record.js";
import type { Rng } from "../random.js";
import { defaultColours, slotColours } from "../tasks/colours.js";
import type { Slots, TaskName } from "../tasks/task.js";
import { bank } from "./bank.js";

/** Words that start with a vowel letter and a consonant sound, and the reverse. */
const consonantSound = /^(uni|use|one|eu)/;
const vowelSound = /^(hour|honest|heir)/;

/** `a dog`, `an Abyssinian`. */
export function withArticle(noun: string): string {
  const lower = noun.toLowerCase();
  const vowel = (/^[aeiou]/.test(lower) && !consonantSound.test(lower)) || vowelSound.test(lower);
  return `${vowel ? "an" : "a"} ${noun}`;
}

/** True when colours other than green for yes and red for no have to be named in the sentence. */
function mustNameColours(slots: Slots): boolean {
  const { positive, negative } = slotColours(slots);
  return positive.name !== defaultColours.positive.name || negative.name !== defaultColours.negative.name;
}

/** Fills a wording's slots; the first letter becomes a capital. */
export function fillWording(wording: string, slots: Slots): string {
  const category = slots.category ?? "object";
  const { positive, negative } = slotColours(slots);
  const text = wording
    .replaceAll("{a category}", withArticle(category))
    .replaceAll("{category}", category)
    .replaceAll("{positive}", positive.name)
    .replaceAll("{negative}", negative.name);
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/**
 * An instruction for a sample. `paraphrase` draws from the training wordings, `unseen` from those kept back. Wordings without
 * colours are drawn only when the slots' colours are the default ones.
 */
export function renderInstruction(task: TaskName, slots: Slots, wording: Wording, rng: Rng): string {
  const { template, train, unseen } = bank[task];
  if (wording === "template") return fillWording(template, slots);
  const all = wording === "unseen" ? unseen : train;
  const named = task === "classification" && mustNameColours(slots);
  return fillWording(rng.pick(named ? all.filter((line) => line.includes("{positive}")) : all), slots);
}
