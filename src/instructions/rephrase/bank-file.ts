/** Bank files: paraphrases that a language model wrote, checked when written and again when read. */
import { readFile } from "node:fs/promises";
import { z } from "zod";
import { InstructCvError } from "../../errors.js";
import { writeAtomic } from "../../files.js";
import type { TaskName } from "../../tasks/task.js";
import { packageVersion } from "../../version.js";
import { type Bank, bank as ourBank } from "../bank.js";
import { lintLine } from "../lint.js";
import { KnownLines } from "../repeats.js";

const lines = z.strictObject({ train: z.array(z.string()).min(1) });

const bankFileSchema = z.strictObject({
  format: z.literal("instructcv-bank/1"),
  /** The language model that wrote the lines. */
  model: z.string(),
  created_by: z.string(),
  tasks: z.strictObject({
    segmentation: lines.optional(),
    detection: lines.optional(),
    depth: lines.optional(),
    classification: lines.optional(),
  }),
});

export type BankFile = z.output<typeof bankFileSchema>;

const CURE = "Write it with `instructcv data rephrase`.";

/**
 * Reads a bank file. Templates and unseen wordings are the shipped ones, and so are the trained wordings of tasks that the file leaves out.
 * @throws {InstructCvError} "config" for a file that is missing or no bank, and for every line the linter refuses
 */
export async function loadBank(path: string): Promise<Bank> {
  const { tasks } = await readBankFile(path);
  const bank = { ...ourBank };
  for (const task of Object.keys(tasks) as TaskName[]) bank[task] = { ...ourBank[task], train: tasks[task]!.train };
  return bank;
}

/** The file as it stands. @throws {InstructCvError} as `loadBank` */
export async function readBankFile(path: string): Promise<BankFile> {
  const file = parse(path, await read(path));
  for (const task of Object.keys(file.tasks) as TaskName[]) checkLines(path, task, file.tasks[task]!.train);
  return file;
}

/**
 * Writes lines that `paraphrase` accepted; tasks without lines are left out. The same lines give the same bytes. The folder must exist.
 */
export async function writeBankFile(
  path: string,
  model: string,
  lines: ReadonlyMap<TaskName, readonly string[]>,
): Promise<void> {
  const tasks: Partial<Record<TaskName, { train: readonly string[] }>> = {};
  for (const task of Object.keys(ourBank) as TaskName[]) {
    const train = lines.get(task) ?? [];
    if (train.length > 0) tasks[task] = { train };
  }
  const file = { format: "instructcv-bank/1", model, created_by: `instructcv ${packageVersion()}`, tasks };
  await writeAtomic(path, `${JSON.stringify(file, null, 2)}\n`);
}

/** Every template and unseen wording: lines that no paraphrase may repeat, so that what is measured as unseen is unseen. */
export function keptApart(): KnownLines {
  const known = new KnownLines();
  for (const task of Object.keys(ourBank) as TaskName[]) {
    known.add(ourBank[task].template, `the template of ${task}`);
    for (const line of ourBank[task].unseen) known.add(line, "a line that is kept unseen");
  }
  return known;
}

async function read(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === "ENOENT" ? "no such file" : message;
    throw new InstructCvError("config", `${path}: expected an instruction bank, ${why}.`, CURE);
  }
}

function parse(path: string, text: string): BankFile {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new InstructCvError("config", `${path}: no JSON: ${(error as Error).message}.`, CURE);
  }
  const parsed = bankFileSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path: at, message }) => `${at.join(".") || "(top)"}: ${message}`);
  throw new InstructCvError("config", `${path}: no instruction bank: ${problems.join("; ")}.`, CURE);
}

function checkLines(path: string, task: TaskName, train: readonly string[]): void {
  const known = keptApart();
  for (const [index, line] of train.entries()) {
    const problems = lintLine(task, line, known);
    if (problems.length > 0) {
      const place = `${path}: tasks.${task}.train[${index}] "${line}"`;
      throw new InstructCvError("config", `${place} ${problems.join(", ")}.`, "Reword or leave out this line.");
    }
    known.add(line, `train[${index}]`);
  }
  // Without default colours only wordings that name colours can be used.
  if (task === "classification" && !train.some((line) => line.includes("{positive}"))) {
    const found = `${path}: tasks.classification: no line has {positive} and {negative}`;
    throw new InstructCvError("config", `${found}, expected one or more.`, "Add one.");
  }
}
