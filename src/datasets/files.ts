/** Opening the files of a dataset: what is missing is named with the path that was looked for. */
import { readdir, readFile, stat } from "node:fs/promises";
import { InstructCvError } from "../errors.js";

/** @throws {InstructCvError} "dataset" when `path` is not a folder. */
export async function requireFolder(path: string, dataset: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isDirectory()) {
    throw new InstructCvError(
      "dataset",
      `${path}: expected the folder of ${dataset}, found ${found ? "a file" : "nothing"}.`,
      "Give the folder that holds the datasets, or name only the datasets you have.",
    );
  }
}

/** The text of a file of a dataset. @throws {InstructCvError} "dataset" when it cannot be read. */
export async function readDatasetText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code === "ENOENT" ? "there is no such file" : (error as Error).message;
    throw new InstructCvError("dataset", `${path}: cannot be read, ${why}.`, "Check that the dataset is complete.");
  }
}

/** The lines of a list file without blank lines and `#` comments. */
export async function readList(path: string): Promise<string[]> {
  const text = await readDatasetText(path);
  return text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
}

/** Names in a folder, sorted by their bytes; a name that is not UTF-8 (it could not be opened again) comes as null. */
export async function readNames(folder: string): Promise<(string | null)[]> {
  const raw = await readdir(folder, { encoding: "buffer" });
  const decoder = new TextDecoder("utf-8", { fatal: true });
  return raw.sort(Buffer.compare).map((bytes) => {
    try {
      return decoder.decode(bytes);
    } catch {
      return null;
    }
  });
}
