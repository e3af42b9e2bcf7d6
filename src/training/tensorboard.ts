/**
 * TensorBoard event files: TFRecord frames (tensorflow/core/lib/io/record_writer.h) of Event messages
 * (tensorflow/core/util/event.proto and framework/summary.proto), written by hand.
 */
import { appendFile, mkdir } from "node:fs/promises";
import { join } from "node:path";

export interface Board {
  readonly path: string;
  /** Appends one event with numbers and PNG pictures by tag, and flushes it to the disk. */
  add(step: number, scalars: Readonly<Record<string, number>>, pngs?: Readonly<Record<string, Buffer>>): Promise<void>;
}

/**
 * Opens a new file of its own in `folder`, so that a record torn by a crash stays the last of its file. `step` is the last one
 * done: what earlier files say about later steps is void, and TensorBoard drops it. `now`: milliseconds since 1970.
 */
export async function openBoard(folder: string, step: number, now: () => number = Date.now): Promise<Board> {
  await mkdir(folder, { recursive: true });
  const path = join(folder, `events.out.tfevents.${Math.floor(now() / 1000)}.${process.pid}`);
  const write = (...fields: Buffer[]) =>
    appendFile(path, record(Buffer.concat([double(1, now() / 1000), ...fields])), { flush: true });
  await write(bytes(3, Buffer.from("brain.Event:2")));
  // SessionLog with status START.
  await write(varintField(2, step + 1), bytes(7, varintField(1, 1)));
  return {
    path,
    async add(at, scalars, pngs = {}) {
      const values = [
        ...Object.entries(scalars).map(([tag, value]) => bytes(1, text(1, tag), float(2, value))),
        ...Object.entries(pngs).map(([tag, png]) => bytes(1, text(1, tag), bytes(4, ...imageFields(png)))),
      ];
      await write(varintField(2, at), bytes(5, ...values));
    },
  };
}

/** Height, width as the PNG's header has them; colour space 3 is RGB. */
function imageFields(png: Buffer): Buffer[] {
  return [varintField(1, png.readUInt32BE(20)), varintField(2, png.readUInt32BE(16)), varintField(3, 3), bytes(4, png)];
}

/** Length and data, each followed by its masked CRC-32C. */
export function record(data: Buffer): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(data.length));
  return Buffer.concat([length, maskedCrc(length), data, maskedCrc(data)]);
}

function maskedCrc(data: Buffer): Buffer {
  const crc = crc32c(data);
  const result = Buffer.alloc(4);
  result.writeUInt32LE((((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0);
  return result;
}

/** Castagnoli's polynomial, reflected (RFC 3720, appendix B.4). */
const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
  return value >>> 0;
});

export function crc32c(data: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of data) crc = crcTable[(crc ^ byte) & 255]! ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

/** Protobuf: a field's key is its number and how its value is laid out. */
const layout = { varint: 0, eightBytes: 1, lengthFirst: 2, fourBytes: 5 } as const;

function key(field: number, kind: keyof typeof layout): Buffer {
  return Buffer.of((field << 3) | layout[kind]);
}

function varint(value: number): Buffer {
  const result: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...result, rest]);
    result.push((rest % 128) | 128);
  }
}

function varintField(field: number, value: number): Buffer {
  return Buffer.concat([key(field, "varint"), varint(value)]);
}

function bytes(field: number, ...parts: readonly Buffer[]): Buffer {
  const data = Buffer.concat(parts);
  return Buffer.concat([key(field, "lengthFirst"), varint(data.length), data]);
}

function text(field: number, value: string): Buffer {
  return bytes(field, Buffer.from(value));
}

function float(field: number, value: number): Buffer {
  const data = Buffer.alloc(4);
  data.writeFloatLE(value);
  return Buffer.concat([key(field, "fourBytes"), data]);
}

function double(field: number, value: number): Buffer {
  const data = Buffer.alloc(8);
  data.writeDoubleLE(value);
  return Buffer.concat([key(field, "eightBytes"), data]);
}
