/** Names of the files a run writes: the same command always writes the same names, and no two answers share one. */
import { basename, dirname, extname } from "node:path";
import type { TaskName } from "../tasks/task.js";

/** What one instruction asks for. */
export interface Asked {
  readonly task: TaskName;
  readonly category: string | null;
}

/**
 * A distinct short name for each photo path: its file name without extension; when two photos share that, with the
 * extension; then with the folder in front; then numbered.
 */
export function photoNames(paths: readonly string[]): string[] {
  const wishes = [
    (path: string) => basename(path, extname(path)),
    (path: string) => basename(path).replaceAll(".", "-"),
    (path: string) => `${slug(basename(dirname(path)))}-${basename(path).replaceAll(".", "-")}`,
  ];
  const names = paths.map(wishes[0]!);
  for (const wish of wishes.slice(1)) {
    const shared = sharedNames(names);
    for (const [i, path] of paths.entries()) if (shared.has(fold(names[i]!))) names[i] = wish(path);
  }
  return numbered(names);
}

/** `segmentation-cat`, `depth`; a second instruction that asks for the same gets `segmentation-cat-2`. */
export function answerNames(asked: readonly Asked[]): string[] {
  return numbered(asked.map(({ task, category }) => (category === null ? task : `${task}-${slug(category)}`)));
}

/** Small letters and digits of any script joined by single dashes, at most 40 characters; `x` when nothing is left. */
function slug(text: string): string {
  const words = text.toLowerCase().match(/[\p{L}\p{M}\p{N}]+/gu) ?? [];
  return [...words.join("-")].slice(0, 40).join("") || "x";
}

/** Names are compared as file systems that ignore case do. */
function fold(name: string): string {
  return name.normalize("NFC").toLowerCase();
}

function sharedNames(names: readonly string[]): Set<string> {
  const seen = new Set<string>();
  const shared = new Set<string>();
  for (const name of names.map(fold)) (seen.has(name) ? shared : seen).add(name);
  return shared;
}

function numbered(names: readonly string[]): string[] {
  const taken = new Set<string>();
  return names.map((name) => {
    let free = name;
    for (let n = 2; taken.has(fold(free)); n++) free = `${name}-${n}`;
    taken.add(fold(free));
    return free;
  });
}
