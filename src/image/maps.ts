/** PNGs that carry numbers, not colours: depth in 16 bits, class indices in 8, larger numbers spread over three channels. */
import { type DecodedPng, decode, encode } from "fast-png";
import sharp from "sharp";
import { InstructCvError } from "../errors.js";
import type { Picture, Size } from "./picture.js";
import { damaged, MAX_PIXELS, readSource, tooLarge } from "./source.js";

/** One channel of whole numbers, row-major. */
export interface IndexMap extends Size {
  readonly data: Uint8Array;
}
export interface Grey16 extends Size {
  readonly data: Uint16Array;
}

/**
 * The raw values of a one-channel PNG of at most 8 bits: palette indices (never the colours) or grey levels.
 * @throws {InstructCvError} "image" when it is no such PNG.
 */
export async function readIndexed8(source: string | Uint8Array, name?: string): Promise<IndexMap> {
  const { png, label } = await readPng(source, name);
  if (png.channels !== 1 || png.depth > 8) throw unexpected(label, "an 8-bit one-channel PNG", png);
  return { width: png.width, height: png.height, data: unpack(png) };
}

/**
 * The raw values of a 16-bit grey PNG.
 * @throws {InstructCvError} "image" when it is no such PNG.
 */
export async function readGrey16(source: string | Uint8Array, name?: string): Promise<Grey16> {
  const { png, label } = await readPng(source, name);
  if (png.channels !== 1 || !(png.data instanceof Uint16Array)) throw unexpected(label, "a 16-bit grey PNG", png);
  return { width: png.width, height: png.height, data: png.data };
}

/**
 * The raw values of an 8-bit RGB PNG, three numbers a pixel; alpha is left out, a colour profile not applied. Decoded by libvips,
 * which on a map of 3.6 megapixels takes a quarter of the time of `fast-png` and leaves the event loop free.
 * @throws {InstructCvError} "image" when it is no such PNG.
 */
export async function readRgb8(source: string | Uint8Array, name?: string): Promise<Picture> {
  const { bytes, label } = await readLabelPng(source, name);
  // Colour types 2 and 6 of the PNG header: RGB, and RGB with alpha.
  const channels = bytes[25] === 2 || bytes[25] === 6 ? 3 : 1;
  const depth = bytes[24]!;
  if (channels !== 3 || depth !== 8) throw unexpected(label, "an 8-bit RGB PNG", { channels, depth });
  try {
    const decoder = sharp(bytes, { failOn: "error", limitInputPixels: MAX_PIXELS, ignoreIcc: true });
    const { data, info } = await decoder.removeAlpha().raw().toBuffer({ resolveWithObject: true });
    return { width: info.width, height: info.height, data: new Uint8Array(data.buffer, data.byteOffset, data.length) };
  } catch (error) {
    throw damaged(label, error);
  }
}

/** 8-bit grey PNG, row-major; half the time of an RGB one of the same grey. */
export function encodeGreyPng(data: Uint8Array, { width, height }: Size): Uint8Array {
  return encode({ width, height, channels: 1, depth: 8, data });
}

/** 16-bit grey PNG of whole numbers 0..65535 (depth: millimetres), row-major. */
export function encodeDepthPng(millimetres: Uint16Array, size: Size): Promise<Buffer> {
  return sharp(millimetres, { raw: { width: size.width, height: size.height, channels: 1 } })
    .toColourspace("grey16")
    .png()
    .toBuffer();
}

async function readPng(source: string | Uint8Array, name?: string): Promise<{ png: DecodedPng; label: string }> {
  const { bytes, label } = await readLabelPng(source, name);
  try {
    return { png: decode(bytes), label };
  } catch (error) {
    throw damaged(label, error);
  }
}

async function readLabelPng(source: string | Uint8Array, name?: string): Promise<{ bytes: Uint8Array; label: string }> {
  const { bytes, name: label } = await readSource(source, name);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 33 || view.getUint32(0) !== 0x89504e47)
    throw new InstructCvError(
      "image",
      `${label}: expected a label PNG, found another kind of file.`,
      "Check the dataset folder.",
    );
  const size = { width: view.getUint32(16), height: view.getUint32(20) };
  if (size.width * size.height > MAX_PIXELS) throw tooLarge(label, size, MAX_PIXELS);
  return { bytes, label };
}

/** One byte per value; PNG packs 1, 2 and 4-bit values, most significant first, each row padded to whole bytes. */
function unpack({ data, depth, width, height }: DecodedPng): Uint8Array {
  if (depth === 8) return Uint8Array.from(data);
  const out = new Uint8Array(width * height);
  const stride = Math.ceil((width * depth) / 8);
  const mask = (1 << depth) - 1;
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const bit = x * depth;
      out[y * width + x] = (data[y * stride + (bit >> 3)]! >> (8 - depth - (bit & 7))) & mask;
    }
  return out;
}

function unexpected(
  name: string,
  wanted: string,
  { channels, depth }: { channels: number; depth: number },
): InstructCvError {
  return new InstructCvError(
    "image",
    `${name}: expected ${wanted}, found ${channels} channel(s) of ${depth} bits.`,
    "Check that the folder holds label maps, not coloured previews.",
  );
}
