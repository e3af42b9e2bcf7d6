/** Checks lines of an instruction bank for the mistakes such banks are known to carry. */
import type { TaskName } from "../tasks/task.js";
import { type Bank, bank as ourBank } from "./bank.js";
import { misunderstanding, taskProblems } from "./lint-task.js";
import { wordingProblems } from "./lint-wording.js";
import { KnownLines, type Repeat } from "./repeats.js";

export interface Problem {
  readonly task: TaskName;
  readonly line: string;
  /** What is wrong, a few words. */
  readonly problem: string;
}

/**
 * All that is wrong with one line, the most telling first; empty when it is good. A good line filled in parses back to what it was
 * made from.
 * @param others lines it must not repeat, not even but for case, articles, punctuation or politeness
 */
export function lintLine(task: TaskName, line: string, others: Iterable<string> | KnownLines = []): string[] {
  const problems = lineProblems(task, line);
  const repeat = (others instanceof KnownLines ? others : knownLines(others)).find(line);
  return repeat ? [...problems, repeatProblem(repeat)] : problems;
}

/**
 * All problems of a bank (ours unless given); empty when it is clean. A polite form beside the plain one is another wording to train
 * on, but no unseen one.
 */
export function lintBank(bank: Bank = ourBank): Problem[] {
  const problems: Problem[] = [];
  const trained = new KnownLines();
  const unseenLines = new KnownLines();
  const check = (task: TaskName, line: string, repeat: Repeat | undefined) => {
    const found = lineProblems(task, line);
    if (repeat) found.push(repeatProblem(repeat));
    problems.push(...found.map((problem) => ({ task, line, problem })));
  };
  const tasks = Object.keys(bank) as TaskName[];
  for (const task of tasks) {
    const { template, train } = bank[task];
    for (const [part, lines] of Object.entries({ template: [template], train })) {
      for (const line of lines) {
        const repeat = trained.find(line);
        check(task, line, repeat?.likeness === "polite" ? undefined : repeat);
        trained.add(line, `a line of ${task} ${part}`);
      }
    }
  }
  for (const task of tasks) {
    for (const line of bank[task].unseen) {
      check(task, line, trained.find(line) ?? unseenLines.find(line));
      unseenLines.add(line, `a line of ${task} unseen`);
    }
  }
  return problems;
}

function knownLines(lines: Iterable<string>): KnownLines {
  const known = new KnownLines();
  for (const line of lines) known.add(line, "another line");
  return known;
}

function repeatProblem({ likeness, where }: Repeat): string {
  if (likeness === "same") return `repeats ${where}`;
  return `repeats ${where} but for ${likeness === "alike" ? "case, articles, punctuation or please" : "politeness"}`;
}

function lineProblems(task: TaskName, line: string): string[] {
  const problems = [...wordingProblems(line), ...taskProblems(task, line)];
  if (problems.length > 0) return problems;
  const misread = misunderstanding(task, line);
  return misread ? [misread] : [];
}
