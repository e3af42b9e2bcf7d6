/** A run on disk: `run.json` (its head) beside `records.jsonl`, a line for each question. */
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { InstructCvError } from "../../errors.js";
import { writeAtomic, writeStaged } from "../../files.js";
import type { QuestionRecord } from "./record.js";
import type { Run, RunHead } from "./run.js";

const HEAD = "run.json";
const RECORDS = "records.jsonl";
/** Lines joined for one write: hundreds of thousands of small writes are slow, one string of all would not fit. */
const CHUNK = 1000;

/** Writes a run into a folder, which is made if need be; the head last, so that a folder with a head is complete. */
export async function writeRun(folder: string, { head, records }: Run): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeStaged(join(folder, RECORDS), async (file) => {
    for (let at = 0; at < records.length; at += CHUNK) {
      const lines = records.slice(at, at + CHUNK).map((record) => `${JSON.stringify(record)}\n`);
      await file.appendFile(lines.join(""));
    }
  });
  await writeAtomic(join(folder, HEAD), `${JSON.stringify({ ...head, records: records.length }, null, 2)}\n`);
}

/** @throws {InstructCvError} "dataset" when the folder holds no whole run of this format. */
export async function readRun(folder: string): Promise<Run> {
  const path = join(folder, HEAD);
  const head = parse(await text(path), path) as RunHead & { readonly records?: unknown };
  if (head?.format !== 1 || !Array.isArray(head.datasets))
    throw unreadable(path, "expected a run of format 1", `format ${head?.format}`);
  const file = join(folder, RECORDS);
  const lines = (await text(file)).split("\n").filter((line) => line !== "");
  if (lines.length !== head.records) throw unreadable(file, `expected ${head.records} records`, `${lines.length}`);
  const records = lines.map((line, i) => parse(line, `${file}:${i + 1}`) as QuestionRecord);
  const odd = records.findIndex((record) => !head.datasets.includes(record.dataset) || record.facts === undefined);
  if (odd >= 0) throw unreadable(`${file}:${odd + 1}`, "expected a record of the run's datasets", "another object");
  const { records: _, ...rest } = head;
  return { head: rest, records };
}

async function text(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw unreadable(path, "expected a file of a run", (error as NodeJS.ErrnoException).code ?? String(error));
  }
}

function parse(line: string, where: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw unreadable(where, "expected JSON", "something else");
  }
}

function unreadable(where: string, expected: string, found: string): InstructCvError {
  return new InstructCvError("dataset", `${where}: ${expected}, found ${found}.`, "Give a folder that --out wrote.");
}
