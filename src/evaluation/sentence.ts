/** A question as a sentence: its wording and colours are drawn by the seed, for each question on its own. */
import type { LabelledPhoto } from "../datasets/sample.js";
import { renderInstruction, type Wording } from "../instructions/render.js";
import { createRng, type Rng } from "../random.js";
import { defaultColours, palette } from "../tasks/colours.js";
import type { NamedColour, Slots } from "../tasks/task.js";
import type { Question } from "./questions.js";

/** Neither a limit nor the choice of tasks or parts changes what is asked. */
export function wordingOf(photo: LabelledPhoto, { task, category }: Question, wording: Wording, seed: number): string {
  const rng = createRng(`${seed}/${photo.id}/${task}/${category}/${wording}`);
  const slots: Slots = task === "classification" ? { category, ...drawColours(rng) } : { category };
  return renderInstruction(task, slots, wording, rng);
}

/** As often the default colours as any two of the palette, like the corpus. */
function drawColours(rng: Rng): { positive: NamedColour; negative: NamedColour } {
  if (rng.next() < 0.5) return defaultColours;
  const [positive, negative] = rng.shuffle<NamedColour>(palette);
  return { positive: positive!, negative: negative! };
}
