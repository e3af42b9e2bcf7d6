/** Lines of a JSON Lines file with the bytes they lie at, so that a long line can be left on the disk until it is needed. */
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { InstructCvError } from "../errors.js";

const NEWLINE = 10;

/** Where a line lies; plain data. */
export interface LinePlace {
  /** From 1. */
  readonly line: number;
  /** Offset of its first byte in the file. */
  readonly at: number;
  /** Its length without the newline. */
  readonly bytes: number;
}
export interface TextLine extends LinePlace {
  readonly text: string;
}

/**
 * The lines of a UTF-8 file that are not blank, in file order. A byte order mark and CRLF line ends, which Windows tools write, do no harm.
 * @throws {InstructCvError} "dataset" when the file is missing or not UTF-8, naming the line
 */
export async function* linesOf(path: string): AsyncGenerator<TextLine> {
  let line = 0;
  let at = 0;
  for await (const bytes of rawLines(path)) {
    line++;
    const text = decodeLine(bytes, `${path}:${line}`);
    if (text.trim() !== "") yield { line, at, bytes: bytes.length, text };
    at += bytes.length + 1;
  }
}

/** The text of one line, read again. @throws {InstructCvError} "dataset" when the file is gone or not UTF-8 there. */
export async function readLine(path: string, { line, at, bytes }: LinePlace): Promise<string> {
  const file = await open(path).catch((error) => {
    throw unreadable(path, error);
  });
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(bytes), 0, bytes, at);
    return decodeLine(buffer.subarray(0, bytesRead), `${path}:${line}`);
  } finally {
    await file.close();
  }
}

async function* rawLines(path: string): AsyncGenerator<Buffer> {
  let begun: Buffer[] = [];
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 18 }) as AsyncIterable<Buffer>) {
      let from = 0;
      for (let to = chunk.indexOf(NEWLINE); to >= 0; to = chunk.indexOf(NEWLINE, from)) {
        yield Buffer.concat([...begun, chunk.subarray(from, to)]);
        begun = [];
        from = to + 1;
      }
      if (from < chunk.length) begun.push(chunk.subarray(from));
    }
  } catch (error) {
    throw error instanceof InstructCvError ? error : unreadable(path, error);
  }
  if (begun.length > 0) yield Buffer.concat(begun);
}

const decoder = new TextDecoder("utf-8", { fatal: true });

function decodeLine(bytes: Uint8Array, where: string): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new InstructCvError(
      "dataset",
      `${where}: expected UTF-8 text, found other bytes.`,
      "Save the file as UTF-8.",
    );
  }
}

function unreadable(path: string, error: unknown): InstructCvError {
  const why = (error as NodeJS.ErrnoException).code === "ENOENT" ? "there is no such file" : (error as Error).message;
  return new InstructCvError("dataset", `${path}: cannot be read, ${why}.`, "Check the folder and the split's name.");
}
