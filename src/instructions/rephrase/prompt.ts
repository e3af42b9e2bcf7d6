/** What the language model is asked: the task in plain words, its template, its slots, and what was wrong with earlier lines. */
import type { TaskName } from "../../tasks/task.js";
import type { Message } from "./chat.js";

export interface Rejected {
  readonly line: string;
  /** The first of the linter's reasons. */
  readonly problem: string;
}

export interface PromptParts {
  readonly template: string;
  /** How many lines to ask for. */
  readonly count: number;
  /** Lines that are there already. */
  readonly accepted: readonly string[];
  readonly rejected: readonly Rejected[];
}

const CATEGORY = [
  "{category}: the name of the thing, such as horse",
  "{a category}: the same with its article, such as a horse",
  "{categories}: its plural, such as horses",
];

const ABOUT: Readonly<Record<TaskName, { does: string; slots: readonly string[]; rules: readonly string[] }>> = {
  segmentation: {
    does: "marks in a photo the pixels that belong to a thing: white for the thing, black for everything else",
    slots: CATEGORY,
    rules: [
      "Use exactly one of these slots, once.",
      "Make clear that pixels are asked for, with words such as segment, mask, pixels, silhouette, cut out, isolate, separate, extract, or white and black.",
    ],
  },
  detection: {
    does: "finds all examples of a thing in a photo and draws a blue box around each",
    slots: CATEGORY,
    rules: [
      "Use exactly one of these slots, once.",
      "Make clear that places or boxes are asked for, with words such as detect, find, locate, spot, pinpoint, where, box, bounding box or rectangle.",
    ],
  },
  depth: {
    does: "estimates how far from the camera each pixel of a photo is",
    slots: [],
    rules: [
      "There are no slots: never name a particular thing.",
      "Make clear that distances are asked for, with words such as depth, depth map, distance or how far.",
    ],
  },
  classification: {
    does: "tells whether a thing is in a photo: it fills the whole picture with one colour if it is and with another if it is not",
    slots: [
      ...CATEGORY,
      "{positive}: the colour that means yes, such as green",
      "{negative}: the colour that means no, such as red",
    ],
    rules: [
      "Use one of the category slots, and {positive} and {negative} once each.",
      "Keep their meaning: {positive} if the thing is there, {negative} if it is not. Never name a colour yourself.",
      "Make the condition clear, with words such as if, when, whether, unless, otherwise, else.",
    ],
  },
};

const RULES = [
  "Plain English, one sentence a line, 3 to 120 characters, starting with a capital letter.",
  "Copy the slots letter by letter, braces included; write no article before {a category} and a plural only with {categories}.",
  "Vary verbs and grammar: commands, questions, wishes. Lines that differ only in please, articles or punctuation are of no use.",
  "Ask for this task only: no counting, describing, naming of colours or breeds, editing or removing.",
];

/** Earlier lines shown again: enough to steer, few enough to stay cheap. */
const SHOWN = { accepted: 40, rejected: 6 };

export function promptFor(task: TaskName, { template, count, accepted, rejected }: PromptParts): Message[] {
  const { does, slots, rules } = ABOUT[task];
  const parts = [
    `A computer vision program ${does}. It is told what to do by this sentence:`,
    template,
    ...(slots.length > 0 ? ["", "Words in braces are slots that are filled in later:", ...bullets(slots)] : []),
    "",
    `Write ${count} other sentences that ask for exactly the same.`,
    ...bullets([...rules, ...RULES]),
    ...section("These are taken already, write others:", accepted.slice(-SHOWN.accepted)),
    ...section(
      "These were refused:",
      rejected.slice(-SHOWN.rejected).map(({ line, problem }) => `${line.slice(0, 150)} (${problem})`),
    ),
    "",
    `Answer with a JSON array of ${count} strings and nothing else.`,
  ];
  return [
    { role: "system", content: "You write short instructions that people would give to a computer vision program." },
    { role: "user", content: parts.join("\n") },
  ];
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length > 0 ? ["", title, ...bullets(lines)] : [];
}

function bullets(lines: readonly string[]): string[] {
  return lines.map((line) => `- ${line}`);
}
