/** Streams the elements of the top-level arrays of a large JSON file, so that a 450 MB annotation file is never one string. */
import { createReadStream } from "node:fs";
import { InstructCvError } from "../errors.js";

const QUOTE = 34;
const BACKSLASH = 92;
const OPEN_BRACKET = 91;
const CLOSE_BRACKET = 93;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;

export interface JsonElement {
  /** Name of the top-level array, for example `annotations`. */
  readonly key: string;
  readonly value: unknown;
}

/**
 * Yields every object of the top-level arrays named in `keys`, in file order; everything else is passed over unparsed.
 * Only one element at a time is held as text.
 * @throws {InstructCvError} "dataset" when the file is missing, is no JSON object, is cut short or has a damaged element.
 */
export async function* jsonElements(path: string, keys: ReadonlySet<string>): AsyncGenerator<JsonElement> {
  /** 0 outside, 1 in the root object, 2 in a top-level value, 3 and more inside an element. */
  let depth = 0;
  let inString = false;
  let escaped = false;
  /** The last string that began in the root object: the key of what follows. */
  let key = "";
  /** Text not yet consumed, and the offsets in it of the scan and of the element or key that is open (-1: none). */
  let text = "";
  let open = -1;
  let started = false;

  for await (const chunk of chunks(path)) {
    let at = 0;
    if (open >= 0) {
      at = text.length - open;
      text = text.slice(open) + chunk;
      open = 0;
    } else {
      text = chunk;
    }
    for (; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (inString) {
        if (escaped) escaped = false;
        else if (code === BACKSLASH) escaped = true;
        else if (code === QUOTE) {
          inString = false;
          if (depth === 1) {
            key = text.slice(open + 1, at);
            open = -1;
          }
        }
      } else if (code === QUOTE) {
        inString = true;
        if (depth === 1) open = at;
      } else if (code === OPEN_BRACE || code === OPEN_BRACKET) {
        if (depth === 0 && (started || code !== OPEN_BRACE)) throw notCoco(path);
        started = true;
        if (depth === 2 && code === OPEN_BRACE && keys.has(key)) open = at;
        depth++;
      } else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) {
        depth--;
        if (depth === 2 && open >= 0) {
          yield { key, value: parse(text.slice(open, at + 1), path, key) };
          open = -1;
        }
      } else if (depth === 0 && code > 32 && code !== 0xfeff) throw notCoco(path);
    }
  }
  if (depth !== 0 || !started) {
    throw new InstructCvError("dataset", `${path}: the JSON ends too early.`, "Download or write the file again.");
  }
}

async function* chunks(path: string): AsyncGenerator<string> {
  try {
    yield* createReadStream(path, { encoding: "utf8", highWaterMark: 1 << 20 }) as AsyncIterable<string>;
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code === "ENOENT" ? "there is no such file" : (error as Error).message;
    throw new InstructCvError("dataset", `${path}: cannot be read, ${why}.`, "Check that the dataset is complete.");
  }
}

function parse(text: string, path: string, key: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new InstructCvError("dataset", `${path}: damaged element of "${key}": ${text.slice(0, 60)}`);
  }
}

function notCoco(path: string): InstructCvError {
  return new InstructCvError(
    "dataset",
    `${path}: expected one JSON object.`,
    "Give an annotation file in COCO's layout.",
  );
}
