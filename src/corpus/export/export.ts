/** Exports a corpus as a folder that Hugging Face `datasets` loads: Parquet files and a dataset card, all there or not there. */
import { randomBytes } from "node:crypto";
import { mkdir, readdir, rename, rm, rmdir, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { InstructCvError } from "../../errors.js";
import type { TaskName } from "../../tasks/task.js";
import { openCorpus } from "../read.js";
import type { CorpusEntry } from "../record.js";
import { datasetCard, type ExportedSplit } from "./card.js";
import type { Row } from "./columns.js";
import { PartWriter } from "./parts.js";

export interface ExportOptions {
  /** Folder to make. It must not exist, or be empty. */
  readonly out: string;
  /** All unless given. */
  readonly splits?: readonly string[];
  /** Of a Parquet file, about, at most; 256 MiB unless given. */
  readonly partBytes?: number;
  /** Of a row group, which is what is kept in memory, at most; 16 MiB unless given. */
  readonly groupBytes?: number;
}

/**
 * Writes the folder beside `out` and renames it when complete; after an error or an abort by `signal` nothing is left. The same
 * corpus and options give the same bytes.
 * @param onProgress called with the number of rows written so far and their number in all
 * @throws {InstructCvError} "usage" when `out` is in the way, "corpus" for an unknown split, a damaged shard or a full disk
 */
export async function exportCorpus(
  dir: string,
  { out, splits, partBytes = 256 * 2 ** 20, groupBytes = 16 * 2 ** 20 }: ExportOptions,
  onProgress: (done: number, total: number) => void = () => {},
  signal?: AbortSignal,
): Promise<readonly ExportedSplit[]> {
  const corpus = await openCorpus(dir);
  const { manifest } = corpus;
  const chosen = splits ?? Object.keys(manifest.splits);
  for (const split of chosen) corpus.records(split);
  const target = resolve(out);
  await refuseInUse(target);
  await mkdir(dirname(target), { recursive: true });
  const folder = `${target}.tmp-${randomBytes(4).toString("hex")}`;
  try {
    await mkdir(join(folder, "data"), { recursive: true });
    const total = chosen.reduce((sum, split) => sum + manifest.splits[split]!.records, 0);
    const exported: ExportedSplit[] = [];
    let before = 0;
    for (const split of chosen.filter((name) => manifest.splits[name]!.records > 0)) {
      const done = (rows: number) => {
        signal?.throwIfAborted();
        onProgress(before + rows, total);
      };
      // What the corpus calls `val` is called so by `datasets` and its users.
      const name = split === "val" ? "validation" : split;
      const writer = new PartWriter(join(folder, "data"), name, partBytes, groupBytes);
      exported.push(await exportSplit(corpus.records(split), name, writer, done));
      before += exported.at(-1)!.records;
    }
    const name = typeof manifest.config.name === "string" ? manifest.config.name : basename(resolve(dir));
    await writeFile(join(folder, "README.md"), datasetCard(manifest, name, exported));
    await rmdir(target).catch(() => {});
    await rename(folder, target);
    return exported;
  } catch (error) {
    throw isFull(error) ? diskFull(target, error) : error;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function exportSplit(
  records: AsyncIterable<CorpusEntry>,
  name: string,
  writer: PartWriter,
  onRow: (rows: number) => void,
): Promise<ExportedSplit> {
  const tasks: Partial<Record<TaskName, number>> = {};
  try {
    for await (const entry of records) {
      await writer.add(toRow(entry));
      const { task } = entry.record;
      tasks[task] = (tasks[task] ?? 0) + 1;
      onRow(writer.rows);
    }
    const files = await writer.close();
    const fileBytes = files.reduce((sum, { bytes }) => sum + bytes, 0);
    return { name, records: writer.rows, tasks, files: files.map((file) => file.name), bytes: writer.bytes, fileBytes };
  } catch (error) {
    await writer.abandon();
    throw error;
  }
}

function toRow({ record, image, target }: CorpusEntry): Row {
  return {
    input_image: { bytes: image, path: `${record.key}.image.jpg` },
    edit_prompt: record.instruction,
    edited_image: { bytes: target, path: `${record.key}.target.png` },
    task: record.task,
    category: record.slots.category,
    dataset: record.dataset,
    photo: record.photo,
  };
}

async function refuseInUse(target: string): Promise<void> {
  let names: string[];
  try {
    names = await readdir(target);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw new InstructCvError("usage", `${target}: is no folder to export to.`, "Name another one.");
  }
  if (names.length > 0) throw new InstructCvError("usage", `${target}: the folder is not empty.`, "Name another one.");
}

function isFull(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && "code" in error && (error.code === "ENOSPC" || error.code === "EDQUOT");
}

function diskFull(target: string, { code }: NodeJS.ErrnoException): InstructCvError {
  return new InstructCvError(
    "corpus",
    `${target}: cannot be written, the disk is full (${code}).`,
    "Make room for it.",
  );
}
