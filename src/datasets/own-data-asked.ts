/** What a manifest line asks, as the small plain entry that is kept for each line while its label stays in the file. */
import { InstructCvError } from "../errors.js";
import { colour } from "../tasks/colours.js";
import type { TaskName } from "../tasks/task.js";
import { type LinePlace, readLine } from "./json-lines.js";
import { isAbsent, readOwnPresence } from "./own-data-labels.js";
import { type OwnLine, type OwnLineOf, parseOwnLine } from "./own-data-line.js";
import type { OwnQuestion } from "./sample.js";

export interface AskedLine extends LinePlace {
  readonly task: TaskName;
  readonly category: string | null;
  readonly negative: boolean;
  readonly instruction?: string;
  /** Names of the colours for yes and no. */
  readonly colours?: readonly [string, string];
}

/** The lines of one image. */
export interface OwnPhoto {
  /** Relative to the folder of the manifest. */
  readonly image: string;
  id?: string;
  readonly asked: AskedLine[];
}

/**
 * Adds a line to the photo it is about. Only the answer "yes or no" of a ready classification picture is read for it.
 * @throws {InstructCvError} "dataset" when the photo has the question already or another id, "image" for an unreadable picture
 */
export async function addLine(photo: OwnPhoto, line: OwnLine, { line: number, at, bytes }: LinePlace, root: string) {
  const { task, instruction } = line;
  const category = line.task === "depth" ? null : line.category;
  const same = photo.asked.find((other) => other.task === task && other.category === category);
  if (same) {
    const question = category === null ? task : `${task} of ${category}`;
    throw wrong(
      `expected one line for ${question} of ${line.image}, found a second one (the first: line ${same.line}).`,
    );
  }
  if (line.id !== undefined && photo.id !== undefined && line.id !== photo.id) {
    throw wrong(`expected "${photo.id}" as the id of ${line.image}, as in a line before, found "${line.id}".`);
  }
  const negative = line.task === "classification" ? !(await readOwnPresence(line, root)) : isAbsent(line.label);
  photo.asked.push({
    line: number,
    at,
    bytes,
    task,
    category,
    negative,
    ...(instruction !== undefined && { instruction }),
    ...(line.task === "classification" && line.positive && { colours: [line.positive, line.negative!] as const }),
  });
  photo.id ??= line.id;
}

export function questionOf({ task, category, negative, instruction, colours }: AskedLine): OwnQuestion {
  return {
    task,
    category,
    negative,
    ...(instruction !== undefined && { instruction }),
    ...(colours && { colours: { positive: colour(colours[0])!, negative: colour(colours[1])! } }),
  };
}

/**
 * Reads a line again, with its label, and hands it to `use`.
 * @throws {InstructCvError} what `use` throws, or "dataset" when the file has changed; the message begins with `file:line`
 */
export function withLine<T extends TaskName, R>(
  file: string,
  asked: AskedLine,
  task: T,
  use: (line: OwnLineOf<T>) => Promise<R>,
): Promise<R> {
  return located(`${file}:${asked.line}`, async () => {
    const line = parseOwnLine(await readLine(file, asked));
    const category = line.task === "depth" ? null : line.category;
    if (line.task !== task || category !== asked.category) {
      throw wrong(`expected the line that was there when the file was listed, found another one.`);
    }
    return use(line as OwnLineOf<T>);
  });
}

/** Puts `where` before the message of an expected error. */
export async function located<R>(where: string, work: () => R | Promise<R>): Promise<R> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof InstructCvError ? new InstructCvError(error.code, `${where}: ${error.message}`) : error;
  }
}

function wrong(message: string): InstructCvError {
  return new InstructCvError("dataset", message);
}
