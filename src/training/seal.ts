/** Checksums of a folder's files, flushed to the disk: how a checkpoint proves later that it is whole. */
import { createHash } from "node:crypto";
import { open, readdir, stat } from "node:fs/promises";
import { join } from "node:path";

/** SHA-256 in hexadecimal of each file, by its path in the folder, with `/`. */
export type Seal = Readonly<Record<string, string>>;

/** Reads every file of `folder` and of the folders in it, and flushes files and folders to the disk. */
export async function sealFolder(folder: string): Promise<Seal> {
  const seal: Record<string, string> = {};
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isDirectory()) await flush(path);
    else seal[path.slice(folder.length + 1).replaceAll("\\", "/")] = await sha256(path, true);
  }
  await flush(folder);
  return seal;
}

/** What is wrong with the first file that is not as it was sealed; null when all are. Other files are not looked at. */
export async function brokenSeal(folder: string, seal: Seal): Promise<string | null> {
  for (const [name, expected] of Object.entries(seal)) {
    const path = join(folder, name);
    if (!(await stat(path).catch(() => null))) return `${name} is missing`;
    if ((await sha256(path, false)) !== expected) return `${name} is not what was written: its checksum differs`;
  }
  return null;
}

/** What a rename in `folder` needs to survive a power cut. */
export async function flush(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** In hexadecimal; `sync` flushes the file to the disk too. */
export async function sha256(path: string, sync: boolean): Promise<string> {
  const hash = createHash("sha256");
  const file = await open(path, "r");
  try {
    for await (const chunk of file.createReadStream({ autoClose: false, highWaterMark: 1 << 20 })) hash.update(chunk);
    if (sync) await file.sync();
  } finally {
    await file.close();
  }
  return hash.digest("hex");
}
