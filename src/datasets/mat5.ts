/** MATLAB 5 files (as `save` writes them up to version 7): numbers, strings and cells, which is what the split files hold. */
import { readFile } from "node:fs/promises";
import { inflateSync } from "node:zlib";
import { InstructCvError } from "../errors.js";

/** Numbers in column-major order; a cell is an array of values; `null` for what is not read (structs, objects). */
export type MatValue = number[] | string | MatValue[] | null;

/** Data types of elements, see "Level 5 MAT-File Format", table 1-1; numbers by the method that reads them. */
const NUMBERS: Readonly<Record<number, readonly [bytes: number, read: (view: DataView, at: number) => number]>> = {
  1: [1, (view, at) => view.getInt8(at)],
  2: [1, (view, at) => view.getUint8(at)],
  3: [2, (view, at) => view.getInt16(at, true)],
  4: [2, (view, at) => view.getUint16(at, true)],
  5: [4, (view, at) => view.getInt32(at, true)],
  6: [4, (view, at) => view.getUint32(at, true)],
  7: [4, (view, at) => view.getFloat32(at, true)],
  9: [8, (view, at) => view.getFloat64(at, true)],
  // UTF-8 and UTF-16 text.
  16: [1, (view, at) => view.getUint8(at)],
  17: [2, (view, at) => view.getUint16(at, true)],
};
const COMPRESSED = 15;
const CELL = 1;
const CHAR = 4;
const FIRST_NUMERIC = 6;
const LAST_NUMERIC = 13;
const HEADER_BYTES = 128;

/**
 * The variables of a MATLAB 5 file by name. The file is read whole: meant for lists, not for pictures.
 * @throws {InstructCvError} "dataset" when it is missing, cut short, big-endian or no MATLAB 5 file
 */
export async function readMat5(path: string): Promise<Map<string, MatValue>> {
  const fail = (found: string) =>
    new InstructCvError("dataset", `${path}: expected a MATLAB 5 file, found ${found}.`, "Copy or download it again.");
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    throw fail(error.code === "ENOENT" ? "nothing" : error.message);
  });
  if (!bytes.subarray(0, 10).equals(Buffer.from("MATLAB 5.0"))) throw fail("another kind of file");
  if (bytes.toString("latin1", 126, 128) !== "IM") throw fail("a big-endian one");
  try {
    const variables = new Map<string, MatValue>();
    for (const element of elements(bytes.subarray(HEADER_BYTES))) {
      const matrix = element.type === COMPRESSED ? [...elements(inflateSync(element.data))][0]! : element;
      const { name, value } = readMatrix(matrix.data);
      variables.set(name, value);
    }
    return variables;
  } catch (error) {
    throw fail(`a damaged or cut one (${(error as Error).message})`);
  }
}

interface Element {
  readonly type: number;
  readonly data: Buffer;
}

/** The elements that lie one after the other in `bytes`; up to 4 bytes of data are packed into the tag. */
function* elements(bytes: Buffer): Generator<Element> {
  for (let at = 0; at < bytes.length; ) {
    const type = bytes.readUInt16LE(at);
    const packed = bytes.readUInt16LE(at + 2);
    const length = packed || bytes.readUInt32LE(at + 4);
    const start = at + (packed ? 4 : 8);
    if (start + length > bytes.length) throw new RangeError(`${bytes.length} bytes where ${start + length} were due`);
    yield { type, data: bytes.subarray(start, start + length) };
    // Compressed elements are not padded.
    at = packed ? at + 8 : start + (type === COMPRESSED ? length : Math.ceil(length / 8) * 8);
  }
}

/** A matrix is: flags (the class is their first byte), dimensions, name, then its data. */
function readMatrix(bytes: Buffer): { name: string; value: MatValue } {
  // An empty cell has no content at all.
  if (bytes.length === 0) return { name: "", value: [] };
  const [flags, , name, ...content] = [...elements(bytes)];
  const kind = flags!.data[0]!;
  return { name: name!.data.toString("latin1"), value: readValue(kind, content) };
}

function readValue(kind: number, content: readonly Element[]): MatValue {
  if (kind === CELL) return content.map(({ data }) => readMatrix(data).value);
  const [data] = content;
  if (kind === CHAR) return data ? textOf(data) : "";
  return kind >= FIRST_NUMERIC && kind <= LAST_NUMERIC && data ? numbersOf(data) : null;
}

function textOf(element: Element): string {
  return element.type === 16 ? element.data.toString("utf8") : String.fromCharCode(...numbersOf(element));
}

/** MATLAB stores numbers in the smallest type that holds them, whatever the class of the array. */
function numbersOf({ type, data }: Element): number[] {
  const known = NUMBERS[type];
  if (!known) throw new RangeError(`numbers of type ${type}`);
  const [size, read] = known;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return Array.from({ length: Math.floor(data.length / size) }, (_, i) => read(view, i * size));
}
