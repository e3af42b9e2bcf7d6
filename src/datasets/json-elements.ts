/** Streams the elements of the top-level arrays of a large JSON file, with where each lies, so that a 450 MB file is never held. */
import { type FileHandle, open } from "node:fs/promises";
import { InstructCvError } from "../errors.js";

const CHUNK = 1 << 20;
const QUOTE = 34;
const BACKSLASH = 92;
const OPEN_BRACKET = 91;
const CLOSE_BRACKET = 93;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;
const BYTE_ORDER_MARK = Buffer.from("\ufeff");

/** 1 for the bytes that structure JSON. Bytes of 128 and more are parts of UTF-8 letters, which lie in strings only. */
const STRUCTURE = new Uint8Array(256);
for (const byte of [QUOTE, OPEN_BRACKET, CLOSE_BRACKET, OPEN_BRACE, CLOSE_BRACE]) STRUCTURE[byte] = 1;

export interface JsonElement {
  /** Name of the top-level array, for example `annotations`. */
  readonly key: string;
  readonly value: unknown;
  /** Where the element lies in the file, in bytes. */
  readonly offset: number;
  readonly length: number;
}

/**
 * Yields every object of the top-level arrays named in `keys`, in file order; everything else is passed over unparsed.
 * Only one element at a time is held as text.
 * @throws {InstructCvError} "dataset" when the file is missing, is no JSON object, is cut short or has a damaged element.
 */
export async function* jsonElements(path: string, keys: ReadonlySet<string>): AsyncGenerator<JsonElement> {
  const file = await openFile(path);
  try {
    const scanner = new Scanner(path, keys);
    while (await scanner.fill(file)) {
      for (let element = scanner.next(); element; element = scanner.next()) yield element;
    }
    scanner.end();
  } finally {
    await file.close();
  }
}

/** @throws {InstructCvError} "dataset" when the file cannot be opened. */
export async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path);
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code === "ENOENT" ? "there is no such file" : (error as Error).message;
    throw new InstructCvError("dataset", `${path}: cannot be read, ${why}.`, "Check that the dataset is complete.");
  }
}

class Scanner {
  private buffer = Buffer.allocUnsafe(CHUNK);
  /** Bytes of the buffer that are read, the place of its first one in the file, and the next one to look at. */
  private filled = 0;
  private base = 0;
  private at = 0;
  /** Where the element or key that is not complete yet begins in the buffer; -1: none. */
  private start = -1;
  /** 0 outside, 1 in the root object, 2 in a top-level value, 3 and more inside an element. */
  private depth = 0;
  private inString = false;
  private escaped = false;
  private started = false;
  /** The last string that began in the root object: the key of what follows. */
  private key = "";
  private wanted = false;

  constructor(
    private readonly path: string,
    private readonly keys: ReadonlySet<string>,
  ) {}

  /** Reads on, keeping what is not complete. False at the end of the file. */
  async fill(file: FileHandle): Promise<boolean> {
    const kept = this.start >= 0 ? this.start : this.at;
    this.buffer.copyWithin(0, kept, this.filled);
    this.base += kept;
    this.filled -= kept;
    this.at -= kept;
    if (this.start >= 0) this.start = 0;
    if (this.filled === this.buffer.length) this.buffer = Buffer.concat([this.buffer], 2 * this.buffer.length);
    const room = this.buffer.length - this.filled;
    const { bytesRead } = await file.read(this.buffer, this.filled, room, this.base + this.filled);
    this.filled += bytesRead;
    if (this.base === 0 && !this.started && this.buffer.subarray(0, 3).equals(BYTE_ORDER_MARK)) this.at = 3;
    return bytesRead > 0;
  }

  /** The next complete element of what is read so far. */
  next(): JsonElement | undefined {
    const { buffer, filled } = this;
    for (; this.at < filled; this.at++) {
      const byte = buffer[this.at]!;
      if (this.inString) {
        if (this.escaped) this.escaped = false;
        else if (byte === BACKSLASH) this.escaped = true;
        else if (byte === QUOTE) this.endString();
      } else if (STRUCTURE[byte] === 0) {
        if (this.depth === 0 && byte > 32) throw notAnObject(this.path);
      } else if (byte === QUOTE) {
        if (this.depth === 0) throw notAnObject(this.path);
        this.inString = true;
        if (this.depth === 1) this.start = this.at;
      } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
        this.enter(byte);
      } else if (--this.depth === 2 && this.start >= 0) {
        return this.take();
      }
    }
    return undefined;
  }

  /** @throws {InstructCvError} "dataset" unless the root object is closed. */
  end(): void {
    if (this.depth === 0 && this.started) return;
    const bytes = this.base + this.filled;
    throw new InstructCvError(
      "dataset",
      `${this.path}: the JSON ends too early, after ${bytes} bytes.`,
      "Download or write the file again.",
    );
  }

  private endString(): void {
    this.inString = false;
    if (this.depth !== 1) return;
    this.key = this.buffer.toString("utf8", this.start + 1, this.at);
    this.start = -1;
  }

  private enter(byte: number): void {
    if (this.depth === 0 && (this.started || byte !== OPEN_BRACE)) throw notAnObject(this.path);
    this.started = true;
    if (this.depth === 1) this.wanted = byte === OPEN_BRACKET && this.keys.has(this.key);
    else if (this.depth === 2 && this.wanted && byte === OPEN_BRACE) this.start = this.at;
    this.depth++;
  }

  private take(): JsonElement {
    const { key, start } = this;
    this.at++;
    const text = this.buffer.toString("utf8", start, this.at);
    this.start = -1;
    try {
      return { key, value: JSON.parse(text), offset: this.base + start, length: this.at - start };
    } catch {
      throw new InstructCvError("dataset", `${this.path}: damaged element of "${key}": ${text.slice(0, 60)}`);
    }
  }
}

function notAnObject(path: string): InstructCvError {
  return new InstructCvError(
    "dataset",
    `${path}: expected one JSON object.`,
    "Give an annotation file in COCO's layout.",
  );
}
