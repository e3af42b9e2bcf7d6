/** What tells one model from another: its weights and configurations, whatever its folder is called. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join, relative } from "node:path";

/** SHA-256 over the names and bytes of the files of a checkpoint (a folder, or one file) that decide what it draws; README and the like do not. */
export async function modelDigest(path: string): Promise<string> {
  const hash = createHash("sha256");
  const files = (await stat(path)).isDirectory()
    ? (await readdir(path, { recursive: true, withFileTypes: true }))
        .filter((entry) => entry.isFile())
        .map((entry) => relative(path, join(entry.parentPath, entry.name)))
        .filter((name) => !/(^|\/)\.|\.(md|html|png|jpe?g)$/.test(name))
        .sort()
    : [""];
  for (const name of files) {
    hash.update(`${name}\0`);
    for await (const chunk of createReadStream(join(path, name))) hash.update(chunk as Buffer);
  }
  return hash.digest("hex");
}
