/** Checks every line of an instruction bank for the mistakes such banks are known to carry. */
import { palette } from "../tasks/colours.js";
import type { TaskName } from "../tasks/task.js";
import { bank as ourBank, type Wordings } from "./bank.js";
import { parseInstruction } from "./parse.js";
import { fill } from "./render.js";

export interface Problem {
  readonly task: TaskName;
  readonly line: string;
  /** What is wrong, a few words. */
  readonly problem: string;
}

const SLOTS: Readonly<Record<TaskName, readonly string[]>> = {
  segmentation: ["category", "a category", "categories"],
  detection: ["category", "a category", "categories"],
  depth: [],
  classification: ["category", "a category", "categories", "positive", "negative"],
};
/** Words of picture editing: a model told to remove something learns the wrong answer. */
const FORBIDDEN = /\b(?:remov\w*|delet\w*|eras\w*|inpaint\w*|replac\w*|edit\w*|add (?:a|an|the) \{|hide|blur)\b/i;
const LENGTH = { min: 3, max: 120 };

/** All problems of a bank (ours unless given); empty when it is clean. */
export function lintBank(bank: Readonly<Record<TaskName, Wordings>> = ourBank): Problem[] {
  const problems: Problem[] = [];
  const seen = new Map<string, string>();
  for (const task of Object.keys(bank) as TaskName[]) {
    const { template, train, unseen } = bank[task];
    const parts = { template: [template], train, unseen };
    for (const [part, lines] of Object.entries(parts))
      for (const line of lines) {
        const found = lineProblems(task, line);
        const key = normalised(line);
        const earlier = seen.get(key);
        if (earlier) found.push(`repeats a line of ${earlier}`);
        seen.set(key, `${task} ${part}`);
        problems.push(...found.map((problem) => ({ task, line, problem })));
      }
  }
  return problems;
}

function lineProblems(task: TaskName, line: string): string[] {
  const problems: string[] = [];
  const report = (bad: boolean, problem: string) => bad && problems.push(problem);
  const slots = [...line.matchAll(/\{([^}]*)\}/g)].map((match) => match[1]!);
  const literal = line.replace(/\{[^}]*\}/g, "{}");

  for (const slot of slots) report(!SLOTS[task].includes(slot), `has a slot {${slot}} that ${task} does not have`);
  const categories = slots.filter((slot) => slot.includes("categor")).length;
  const named = slots.filter((slot) => slot === "positive" || slot === "negative");
  if (task === "classification") {
    report(categories === 0, "names no category");
    report(named.length > 0 && new Set(named).size < 2, "names only one of the two colours");
    report(new Set(named).size < named.length, "names a colour twice");
    report(
      palette.some(({ name }) => new RegExp(`\\b${name}\\b`, "i").test(literal)),
      "has a colour that is no slot",
    );
  } else if (task !== "depth") {
    report(categories === 0, "names no category");
    report(categories > 1, "names the category twice");
  }
  report(
    /[%*#<>[\]$_|]/.test(line) || /\{\}\w|\w\{\}/.test(literal),
    "has a left-over placeholder or a slot inside a word",
  );
  report(/[{}]/.test(literal.replaceAll("{}", "")), "has an unpaired brace");
  report(FORBIDDEN.test(line), "speaks of editing the picture");
  report(line.length < LENGTH.min || line.length > LENGTH.max, `is not ${LENGTH.min} to ${LENGTH.max} characters long`);
  report(line !== line.trim() || /\s{2}|\s[,.?!]/.test(line), "has stray spaces");
  report(!/^(?:[A-Z]|\{)/.test(line), "does not start with a capital letter");
  report(/\b[A-Z]{2,}\b/.test(literal), "has a word in capitals");
  report(/[^\x20-\x7e]/.test(line), "has a character outside plain English");
  report(/\ban? \{(?:a )?categor(?:y|ies)\}/i.test(line), "sets its own article before the category");
  report(/\b(?:the|each|every|no|any) \{a category\}/i.test(line), "has two articles");
  report(/\b(?:a|an|each|every) \{categories\}/i.test(line), "has a plural after a singular word");
  report(/\b(?:all|many) \{category\}/i.test(line), "has a singular after a plural word");
  report(
    /\ba [aeiou]\w|\ban [^aeioux{\W]\w/i.test(literal.replace(/\b(?:a|an) (?:one|un[ik]|us|hour)\w*/gi, "")),
    "has the wrong article",
  );
  report(/\b(\w+) \1\b/i.test(literal), "repeats a word");
  if (problems.length === 0) report(!understood(task, line), "is understood as something else");
  return problems;
}

/** Does the line, filled in, parse back to what it was made from? */
function understood(task: TaskName, line: string): boolean {
  const [positive, negative] = line.includes("{positive}") ? [palette[2], palette[3]] : [palette[1], palette[0]];
  const category = task === "depth" ? null : "horse";
  try {
    const { task: found, slots } = parseInstruction(fill(line, { category, positive, negative }));
    if (found !== task || slots.category !== category) return false;
    return task !== "classification" || (slots.positive === positive && slots.negative === negative);
  } catch {
    return false;
  }
}

function normalised(line: string): string {
  return line
    .toLowerCase()
    .replace(/\{(?:a )?categor(?:y|ies)\}/g, "{category}")
    .replace(/[^a-z{} ]/g, "")
    .replace(/\b(?:the|a|an|please)\b/g, "")
    .replace(/\s+/g, " ")
    .trim();
}
