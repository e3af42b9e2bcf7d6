/** From what was typed to a list of photos: files, folders and glob patterns. */
import { readdir, stat } from "node:fs/promises";
import { extname, isAbsolute, join, normalize } from "node:path";
import { glob, isDynamicPattern } from "tinyglobby";
import { InstructCvError } from "../errors.js";

/** What a folder is searched for; a file given by name is always tried, whatever its extension. */
export const PHOTO_EXTENSIONS = [".jpg", ".jpeg", ".png", ".webp", ".gif", ".tif", ".tiff", ".avif", ".heic", ".heif"];

export interface Inputs {
  /** In the order given, folders and patterns sorted by name, each photo once. */
  readonly files: string[];
  /** Folders and patterns that yield nothing. */
  readonly problems: InstructCvError[];
}

/**
 * Expands arguments: a pattern such as `photos/**\/*.jpg` to its matches, a folder to the photos directly in it, anything
 * else to itself (also when it does not exist: reading it will say so). A name that exists is never read as a pattern.
 */
export async function expandInputs(args: readonly string[]): Promise<Inputs> {
  const files = new Map<string, string>();
  const problems: InstructCvError[] = [];
  for (const arg of args) {
    const found = await expand(arg);
    if (found instanceof InstructCvError) problems.push(found);
    else for (const file of found) if (!files.has(normalize(file))) files.set(normalize(file), file);
  }
  return { files: [...files.values()], problems };
}

async function expand(arg: string): Promise<string[] | InstructCvError> {
  const entry = await stat(arg).catch(() => null);
  if (entry?.isDirectory()) {
    const names = (await readdir(arg)).filter((name) => PHOTO_EXTENSIONS.includes(extname(name).toLowerCase()));
    if (names.length > 0) return names.sort().map((name) => join(arg, name));
    return new InstructCvError(
      "image",
      `${arg}: the folder has no photo (${PHOTO_EXTENSIONS.join(" ")}).`,
      "For photos in folders below it, give a pattern such as 'folder/**/*.jpg'.",
    );
  }
  if (entry || !isDynamicPattern(arg)) return [arg];
  const matches = await glob(arg, { expandDirectories: false, onlyFiles: true, absolute: isAbsolute(arg) });
  if (matches.length > 0) return matches.sort();
  return new InstructCvError("image", `${arg}: no file matches the pattern.`, "Check the path; quote patterns.");
}
