/** What is wrong with a line as a wording of its task: lost slots, another task, words that our parser reads as something else. */
import { palette } from "../tasks/colours.js";
import type { NamedColour, TaskName } from "../tasks/task.js";
import { parseInstruction } from "./parse.js";
import { fill } from "./render.js";

/** The slots a wording of each task may have. */
const SLOTS: Readonly<Record<TaskName, readonly string[]>> = {
  segmentation: ["category", "a category", "categories"],
  detection: ["category", "a category", "categories"],
  depth: [],
  classification: ["category", "a category", "categories", "positive", "negative"],
};

/** Requests for something no task of ours answers: a model told to remove the thing learns the wrong answer. */
const OTHER_TASKS: readonly (readonly [problem: string, words: RegExp])[] = [
  [
    "asks to edit the picture",
    /\b(?:remov\w*|delet\w*|eras\w*|inpaint\w*|replac\w*|edit\w*|add (?:a|an|the) \{|hide|blur\w*|swap\w*|get rid of|eliminat\w*|retouch\w*)\b/i,
  ],
  ["asks to count", /\b(?:count\w*|how many(?! met(?:re|er)s)|(?:the|total|complete) number of|tally|enumerat\w*)\b/i],
  [
    "asks to describe",
    /\b(?:describ\w*|descriptions?|caption\w*|explain\w*|summar\w*|narrat\w*|tell me (?:more )?about|what is happening)\b/i,
  ],
  [
    "asks to be taught",
    /\bhow (?:can|to|do|would|could|should) |\b(?:learn\w*|steps|tutorial|guide me|process (?:for|of))\b/i,
  ],
  [
    "asks for a property",
    /\b(?:(?:what|which) (?:colou?r|breed|kind|type|sort|size|species|age|gender|brand)|how (?:big|large|tall|old|heavy|small|much))\b/i,
  ],
  ["asks to calculate with the category", /\b(?:calculat\w*|comput\w*|solv\w*|estimat\w*) (?:the |all |every )?\{/i],
  ["speaks of a chart, not a photo", /\b(?:graphs?|charts?|diagrams?|data(?: points)?|histograms?)\b/i],
  [
    "asks for something of the category",
    /\{[^}]*\} (?:ranges?|values?|figures?|information|characters?|numbers?|signs?)\b/i,
  ],
  [
    "asks for a new picture",
    /\b(?:draw|paint|generate|create|make|produce|sketch|imagine)(?: me)? (?:an? |the )?(?:\w+ )?(?:image|picture|photo|drawing|painting|sketch) of (?:the |an? )?\{/i,
  ],
];

/** Problems of slots and task; that it is misread is reported only when nothing else is wrong. */
export function taskProblems(task: TaskName, line: string): string[] {
  return [
    ...slotProblems(task, line),
    ...OTHER_TASKS.filter(([, words]) => words.test(line)).map(([problem]) => problem),
  ];
}

function slotProblems(task: TaskName, line: string): string[] {
  const problems: string[] = [];
  const slots = [...line.matchAll(/\{([^}]*)\}/g)].map((match) => match[1]!);
  for (const slot of slots)
    if (!SLOTS[task].includes(slot)) problems.push(`has a slot {${slot}} that ${task} does not have`);
  const categories = slots.filter((slot) => slot.includes("categor")).length;
  const named = slots.filter((slot) => slot === "positive" || slot === "negative");
  if (task !== "depth" && categories === 0) problems.push("names no category");
  if (task === "segmentation" || task === "detection") {
    if (categories > 1) problems.push("names the category twice");
  }
  if (task === "classification") {
    const colours = new Set(named).size;
    if (colours === 1) problems.push("names only one of the two colours");
    if (colours < named.length) problems.push("names a colour twice");
    const literal = line.replace(/\{[^}]*\}/g, "{}");
    if (palette.some(({ name }) => new RegExp(`\\b${name}\\b`, "i").test(literal)))
      problems.push("has a colour that is no slot");
  }
  return problems;
}

const TRIAL_CATEGORIES = ["horse", "potted plant", "airplane"];
const [red, green, blue, yellow] = palette;
const DEFAULT_COLOURS: readonly [NamedColour, NamedColour][] = [[green, red]];
const TRIAL_COLOURS: readonly [NamedColour, NamedColour][] = [
  [blue, yellow],
  [red, green],
];

/** How the line, filled in, is read as something else than it was made from; undefined when it is not. */
export function misunderstanding(task: TaskName, line: string): string | undefined {
  for (const category of task === "depth" ? [null] : TRIAL_CATEGORIES) {
    for (const [positive, negative] of line.includes("{positive}") ? TRIAL_COLOURS : DEFAULT_COLOURS) {
      try {
        const { task: found, slots } = parseInstruction(fill(line, { category, positive, negative }));
        if (found !== task) return `is understood as ${found}`;
        if (slots.category !== category) return "is understood of another category";
        if (task === "classification" && (slots.positive !== positive || slots.negative !== negative)) {
          return "is understood with other colours";
        }
      } catch {
        return "is understood as no task";
      }
    }
  }
  return undefined;
}
