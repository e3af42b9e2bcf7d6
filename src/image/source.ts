/** Bytes from a path or a caller, and the errors every picture reader shares. */
import { readFile, stat } from "node:fs/promises";
import { InstructCvError } from "../errors.js";
import type { Size } from "./picture.js";

const MAX_BYTES = 64 * 1024 * 1024;
export const MAX_PIXELS = 100e6;

/** Bytes and display name of a source, with the checks that need no decoder. */
export async function readSource(
  source: string | Uint8Array,
  name?: string,
): Promise<{ bytes: Uint8Array; name: string }> {
  const label = name ?? (typeof source === "string" ? source : "picture bytes");
  let size: number;
  if (typeof source === "string") {
    try {
      const found = await stat(source);
      if (!found.isFile())
        throw new InstructCvError("image", `${label}: is not a file.`, "Give the path of a picture.");
      size = found.size;
    } catch (error) {
      if (error instanceof InstructCvError) throw error;
      throw new InstructCvError(
        "image",
        `${label}: cannot be opened (${reason(error)}).`,
        "Check the path and its permissions.",
      );
    }
  } else size = source.length;
  if (size === 0) throw new InstructCvError("image", `${label}: is empty (0 bytes).`, "Copy or download it again.");
  if (size > MAX_BYTES)
    throw new InstructCvError(
      "image",
      `${label}: is ${Math.ceil(size / 2 ** 20)} MiB, at most ${MAX_BYTES / 2 ** 20} MiB are read.`,
      "Save it smaller.",
    );
  return { bytes: typeof source === "string" ? await readFile(source) : source, name: label };
}

/** The header promises more pixels than are read. */
export function tooLarge(name: string, size: Size, maxPixels: number): InstructCvError {
  const found = `${size.width}x${size.height}`;
  return new InstructCvError(
    "image",
    `${name}: is ${found}, at most ${maxPixels / 1e6} megapixels are read.`,
    "Scale it down first.",
  );
}

/** The right kind of file, but a decoder could not read it to its end. */
export function damaged(name: string, error: unknown): InstructCvError {
  return new InstructCvError(
    "image",
    `${name}: is damaged or cut short (${reason(error)}).`,
    "Copy or download it again.",
  );
}

function reason(error: unknown): string {
  if (error instanceof Error && "code" in error && typeof error.code === "string") return error.code;
  const lines = (error instanceof Error ? error.message : String(error))
    .split("\n")
    .filter((line) => line.trim() !== "");
  return (lines.at(-1) ?? "unreadable").trim().slice(0, 120);
}
