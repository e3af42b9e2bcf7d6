/** A free sentence to a task, its category and its colours: what decides how a drawn picture is decoded. */
import { InstructCvError } from "../errors.js";
import { colour, palette } from "../tasks/colours.js";
import type { Slots, TaskName } from "../tasks/task.js";
import { taskOf } from "./cues.js";
import { type FoundCategory, findCategory, knownNames } from "./find-category.js";
import { findColours } from "./find-colours.js";
import { plural } from "./grammar.js";
import { wordsOf } from "./words.js";

export interface ParsedInstruction {
  readonly task: TaskName;
  /** `category` is null for depth; classification always has both colours. */
  readonly slots: Slots;
  /** The sentence as the model should read it: trimmed, single spaces. */
  readonly text: string;
}

/** Longer texts are no instructions. */
const MAX_LENGTH = 1000;

const EXAMPLES: Readonly<Record<TaskName, string>> = {
  segmentation: "Segment the dog",
  detection: "Detect the dog",
  depth: "Estimate the depth of this image",
  classification: "Is there a dog in this picture?",
};

/**
 * Understands templates, paraphrases and free wordings ("where is the dog?", "how far away is everything"). A category it does not know is
 * passed on as it stands.
 * @throws {InstructCvError} "instruction" when the text is empty, too long, asks for no vision task or names nothing
 */
export function parseInstruction(instruction: string): ParsedInstruction {
  const text = instruction.trim().replace(/\s+/g, " ");
  if (text === "")
    throw new InstructCvError("instruction", "The instruction is empty.", `Say what to do, such as ${examples()}.`);
  if (text.length > MAX_LENGTH) {
    const found = `The instruction has ${text.length} characters, at most ${MAX_LENGTH} are read.`;
    throw new InstructCvError("instruction", found, "Say in one sentence what to do.");
  }
  const words = wordsOf(text);
  const category = findCategory(words);
  const hidden = hideNames(words, category);
  const task = readTask(hidden) ?? readTask(hideNames(words, undefined));
  if (!task)
    throw new InstructCvError(
      "instruction",
      `"${shorten(text)}" asks for no vision task.`,
      `Understood are ${examples()}.`,
    );
  if (task === "depth") return { task, slots: { category: null }, text };
  if (!category) {
    const cure = `Name it, such as "${EXAMPLES[task]}".`;
    throw new InstructCvError("instruction", `"${shorten(text)}" asks for ${task} but does not say of what.`, cure);
  }
  if (task !== "classification") return { task, slots: { category: category.name }, text };
  const rest = category.known ? hidden : words.filter((_, i) => i < category.start || i >= category.end);
  return {
    task,
    slots: { category: category.name, ...findColours(rest.filter((word, i) => !describes(rest, word, i))) },
    text,
  };
}

function readTask(hidden: readonly string[]): TaskName | undefined {
  const text = hidden.filter((word) => word !== ",").join(" ");
  return taskOf(text.replaceAll("-", " "), new Set(hidden.filter((word) => colour(word))));
}

/** Known names become "thing", so that their words ("parking meters", "stop sign") are taken for no cue; so does a thing that is a box. */
function hideNames(words: readonly string[], category: FoundCategory | undefined): string[] {
  const names = knownNames(words);
  if (names.length === 0 && category?.known)
    return words.map((word) => (isNamed(word, category.name) ? "thing" : word));
  const hidden: string[] = [];
  let at = 0;
  for (const { start, end } of names) {
    hidden.push(...words.slice(at, start), "thing");
    at = end;
  }
  return [...hidden, ...words.slice(at)];
}

const isNamed = (word: string, name: string) => word === name || word === plural(name);

/** A colour right after "a" or "an" describes the thing ("a black cat"). */
function describes(words: readonly string[], word: string, at: number): boolean {
  return palette.some(({ name }) => name === word) && /^an?$/.test(words[at - 1] ?? "");
}

function examples(): string {
  return Object.entries(EXAMPLES)
    .map(([task, example]) => `${task} ("${example}")`)
    .join(", ");
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
