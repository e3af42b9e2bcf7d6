/** Writes whole files or nothing: a reader never sees a half-written checkpoint, shard or picture. */
import { randomBytes } from "node:crypto";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** Writes `bytes` as `path` by way of `writeStaged`. */
export function writeAtomic(path: string, bytes: string | Uint8Array): Promise<void> {
  return writeStaged(path, (file) => file.writeFile(bytes));
}

/**
 * Has `write` fill a temporary file beside `path` (it gets that file's path too), flushes it to the disk and renames it over `path`.
 * On failure the temporary file is removed, an older file at `path` stays as it was and the error is passed on.
 * The folder must exist.
 */
export async function writeStaged(
  path: string,
  write: (file: FileHandle, temporary: string) => Promise<void>,
): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}-${randomBytes(4).toString("hex")}.tmp`);
  try {
    const file = await open(temporary, "wx");
    try {
      await write(file, temporary);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
