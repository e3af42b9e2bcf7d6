/** Writes the pictures of one answer: all of them or none. */
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { writeAtomic } from "../files.js";
import { encodeDepthPng, encodePng } from "../image/io.js";
import type { Picture } from "../image/picture.js";
import type { TaskResult } from "../tasks/task.js";
import { drawOverlay } from "./overlay.js";
import type { Written } from "./result-json.js";

/** One answer to be written: the photo, what the model drew, the decoded result. */
export interface Answer {
  readonly photo: Picture;
  readonly drawn: Picture;
  readonly result: TaskResult;
  readonly category: string | null;
}

/**
 * Writes `<name>.png` (drawn answer), `<name>.overlay.png` and, for depth, `<name>.mm.png` (16-bit grey, millimetres) into
 * `folder`, which is made if it is missing. When one cannot be written, those before it are removed again.
 */
export async function writeAnswer(folder: string, name: string, answer: Answer): Promise<Written> {
  const { photo, drawn, result, category } = answer;
  const written = {
    output: join(folder, `${name}.png`),
    overlay: join(folder, `${name}.overlay.png`),
    ...(result.task === "depth" && { depth: join(folder, `${name}.mm.png`) }),
  };
  const files: [path: string, bytes: Buffer][] = [
    [written.output, await encodePng(drawn)],
    [written.overlay, await encodePng(drawOverlay(photo, result, category))],
  ];
  if (result.task === "depth")
    files.push([written.depth!, await encodeDepthPng(millimetres(result.metres), result.size)]);
  await mkdir(folder, { recursive: true });
  const made: string[] = [];
  try {
    for (const [path, bytes] of files) {
      await writeAtomic(path, bytes);
      made.push(path);
    }
  } catch (error) {
    for (const path of made) await rm(path, { force: true });
    throw error;
  }
  return written;
}

/** Rounded to whole millimetres; 0 where unknown, at most 65.535 m. */
function millimetres(metres: Float32Array): Uint16Array {
  return Uint16Array.from(metres, (value) => Math.min(65535, Math.max(0, Math.round(value * 1000) || 0)));
}
