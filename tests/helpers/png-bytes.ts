/** PNGs that fast-png does not write, put together by hand. */
import { encode } from "fast-png";

/** An 8-bit palette PNG: a grey one whose header says "palette", and a PLTE chunk. `palette` has three values a colour. */
export function encodePalettePng(
  { width, height, data }: { width: number; height: number; data: Uint8Array },
  palette: readonly number[],
): Uint8Array {
  const grey = Buffer.from(encode({ width, height, data, channels: 1, depth: 8 }));
  grey[25] = 3;
  grey.writeUInt32BE(crc32(grey.subarray(12, 29)), 29);
  const body = Buffer.concat([Buffer.from("PLTE"), Buffer.from(palette)]);
  const chunk = Buffer.alloc(body.length + 8);
  chunk.writeUInt32BE(body.length - 4, 0);
  body.copy(chunk, 4);
  chunk.writeUInt32BE(crc32(body), body.length + 4);
  return Buffer.concat([grey.subarray(0, 33), chunk, grey.subarray(33)]);
}

/** The checksum of a PNG chunk: of its type and its data. */
export function crc32(bytes: Uint8Array): number {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}
