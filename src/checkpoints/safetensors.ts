/** The safetensors format: an 8-byte length, a JSON header, then raw little-endian weights (github.com/huggingface/safetensors). */
import { closeSync, openSync, readSync } from "node:fs";
import { open } from "node:fs/promises";
import { InstructCvError } from "../errors.js";
import { writeStaged } from "../files.js";
import { type FloatType, fromFloat32, toFloat32 } from "./float16.js";

export type TensorType = FloatType | "F64" | "I64" | "I32" | "I16" | "I8" | "U8" | "BOOL";

export interface SafetensorsEntry {
  readonly dtype: TensorType;
  readonly shape: readonly number[];
  /** Absolute byte offsets in the file, half-open. */
  readonly start: number;
  readonly end: number;
}

export interface SafetensorsFile {
  readonly path: string;
  /** By tensor name, in the order of the header. */
  readonly entries: ReadonlyMap<string, SafetensorsEntry>;
  readonly metadata: Readonly<Record<string, string>>;
  /** A floating-point tensor's values as float32. Throws InstructCvError("checkpoint") for a name or dtype it cannot read. */
  read(name: string): Float32Array;
}

export interface TensorData {
  readonly shape: readonly number[];
  readonly data: Float32Array;
  /** Stored precision. @default "F32" */
  readonly dtype?: FloatType;
}

/** Bytes of one element. */
export const width: Readonly<Record<TensorType, number>> = {
  F64: 8,
  I64: 8,
  F32: 4,
  I32: 4,
  F16: 2,
  BF16: 2,
  I16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
};

/** The format's own bound, so that a lying length cannot ask for the whole memory. */
const maxHeader = 100_000_000;

/**
 * Reads and checks the header; weights stay on disk until `read`. The header must account for every byte of the file,
 * without gaps or overlaps. Throws InstructCvError("checkpoint").
 */
export async function readSafetensors(path: string): Promise<SafetensorsFile> {
  const { header, dataStart, fileSize } = await readHeader(path);
  const { __metadata__: metadata = {}, ...tensors } = header;
  const entries = new Map<string, SafetensorsEntry>();
  for (const [name, value] of Object.entries(tensors)) entries.set(name, parseEntry(path, name, value, dataStart));
  checkCoverage(path, entries, dataStart, fileSize);
  return safetensorsView(path, entries, parseMetadata(path, metadata));
}

/** Some or all tensors of a file, under the names and shapes of `entries`. */
export function safetensorsView(
  path: string,
  entries: ReadonlyMap<string, SafetensorsEntry>,
  metadata: Readonly<Record<string, string>>,
): SafetensorsFile {
  return {
    path,
    entries,
    metadata,
    read(name) {
      const entry = entries.get(name);
      if (!entry)
        throw damaged(path, `has no tensor ${JSON.stringify(name)}.`, "Use the weights that belong to this config.");
      if (entry.dtype !== "F32" && entry.dtype !== "F16" && entry.dtype !== "BF16")
        throw damaged(path, `tensor ${JSON.stringify(name)} is ${entry.dtype}.`, "Store weights as F32, F16 or BF16.");
      const bytes = readRange(path, entry.start, entry.end);
      return toFloat32(bytes, entry.dtype);
    },
  };
}

async function readHeader(path: string) {
  const file = await open(path, "r").catch((error: NodeJS.ErrnoException) => {
    throw damaged(path, `cannot be opened (${error.code}).`, "Check the path.");
  });
  try {
    const { size: fileSize } = await file.stat();
    const prefix = Buffer.alloc(8);
    if ((await file.read(prefix, 0, 8, 0)).bytesRead < 8)
      throw damaged(path, `is ${fileSize} bytes, too short for a header.`);
    const claimed = prefix.readBigUInt64LE();
    if (claimed > maxHeader || claimed > fileSize - 8)
      throw damaged(path, `claims a header of ${claimed} bytes in a file of ${fileSize}.`);
    const length = Number(claimed);
    const text = Buffer.alloc(length);
    await file.read(text, 0, length, 8);
    let header: unknown;
    try {
      header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(text));
    } catch {
      throw damaged(path, "has a header that is not JSON.");
    }
    if (!isRecord(header)) throw damaged(path, "has a header that is not a JSON object.");
    return { header, dataStart: 8 + length, fileSize };
  } finally {
    await file.close();
  }
}

function parseEntry(path: string, name: string, value: unknown, dataStart: number): SafetensorsEntry {
  const { dtype, shape, data_offsets: offsets } = isRecord(value) ? value : {};
  const known = typeof dtype === "string" && Object.hasOwn(width, dtype);
  if (!known) throw damaged(path, `tensor ${JSON.stringify(name)} has the unknown dtype ${JSON.stringify(dtype)}.`);
  if (!isNaturals(shape)) throw damaged(path, `tensor ${JSON.stringify(name)} has the shape ${JSON.stringify(shape)}.`);
  if (!isNaturals(offsets) || offsets.length !== 2 || offsets[0]! > offsets[1]!)
    throw damaged(path, `tensor ${JSON.stringify(name)} has the offsets ${JSON.stringify(offsets)}.`);
  const expected = shape.reduce((product, n) => product * n, width[dtype as TensorType]);
  const found = offsets[1]! - offsets[0]!;
  if (expected !== found)
    throw damaged(
      path,
      `tensor ${JSON.stringify(name)} of shape [${shape}] needs ${expected} bytes, its offsets hold ${found}.`,
    );
  return { dtype: dtype as TensorType, shape, start: dataStart + offsets[0]!, end: dataStart + offsets[1]! };
}

function checkCoverage(path: string, entries: ReadonlyMap<string, SafetensorsEntry>, start: number, size: number) {
  let at = start;
  for (const [name, entry] of [...entries].sort(([, a], [, b]) => a.start - b.start || a.end - b.end)) {
    if (entry.start !== at)
      throw damaged(path, `tensor ${JSON.stringify(name)} starts at byte ${entry.start}, expected ${at}.`);
    at = entry.end;
  }
  if (at !== size) throw damaged(path, `describes ${at} bytes, the file has ${size}.`);
}

function parseMetadata(path: string, value: unknown): Record<string, string> {
  if (!isRecord(value) || Object.values(value).some((v) => typeof v !== "string"))
    throw damaged(path, "has metadata that is not a map of strings.");
  return value as Record<string, string>;
}

function readRange(path: string, start: number, end: number): Uint8Array {
  const bytes = new Uint8Array(end - start);
  const file = openSync(path, "r");
  try {
    for (let done = 0; done < bytes.length; ) {
      const n = readSync(file, bytes, done, bytes.length - done, start + done);
      if (n === 0) throw damaged(path, `ends at byte ${start + done}, expected ${end}.`);
      done += n;
    }
  } finally {
    closeSync(file);
  }
  return bytes;
}

/**
 * Writes tensors in map order through a temporary file in the same folder, so that a crash leaves the old file or the
 * new one. Data starts at a multiple of 8 bytes. Throws InstructCvError("usage") when a shape does not fit its data.
 */
export async function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, TensorData>,
  metadata?: Readonly<Record<string, string>>,
): Promise<void> {
  const header: Record<string, unknown> = metadata ? { __metadata__: metadata } : {};
  let offset = 0;
  for (const [name, { shape, data, dtype = "F32" }] of tensors) {
    if (shape.reduce((product, n) => product * n, 1) !== data.length)
      throw new InstructCvError(
        "usage",
        `tensor ${JSON.stringify(name)} has ${data.length} values, its shape [${shape}] another number.`,
      );
    const end = offset + data.length * width[dtype];
    header[name] = { dtype, shape, data_offsets: [offset, end] };
    offset = end;
  }
  const json = Buffer.from(JSON.stringify(header));
  const padded = Buffer.alloc(Math.ceil(json.length / 8) * 8, " ");
  json.copy(padded);
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(BigInt(padded.length));

  await writeStaged(path, async (file) => {
    await file.writeFile(Buffer.concat([prefix, padded]));
    for (const { data, dtype = "F32" } of tensors.values()) await file.writeFile(fromFloat32(data, dtype));
  });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isNaturals(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);
}

function damaged(path: string, problem: string, cure = "Download or export the checkpoint again."): InstructCvError {
  return new InstructCvError("checkpoint", `${path}: ${problem}`, cure);
}
