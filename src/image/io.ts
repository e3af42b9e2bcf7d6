/** Photos in, pictures out: every file and byte buffer from outside is judged here, by its content and before decoding. */
import sharp, { type Metadata, type Sharp } from "sharp";
import { InstructCvError } from "../errors.js";
import type { Picture, Size, Xyxy } from "./picture.js";
import { wholeCrop } from "./resample.js";
import { imageFormat } from "./signature.js";
import { damaged, MAX_PIXELS, readSource, tooLarge } from "./source.js";

export { encodeDepthPng, encodeGreyPng, type Grey16, type IndexMap, readGrey16, readIndexed8 } from "./maps.js";

export interface ReadOptions {
  /** What error messages call bytes that have no path. */
  readonly name?: string;
  /** Width times height above which a picture is refused before it is decoded; 100 million unless given. */
  readonly maxPixels?: number;
}

/**
 * Reads a JPEG, PNG, WebP, GIF, TIFF, AVIF or HEIF picture from a path or from bytes as 8-bit sRGB. The content decides, not the
 * extension. EXIF orientation is applied, CMYK, grey, 16-bit and profiled colours become sRGB, alpha is laid on white, of an
 * animation the first frame is taken.
 * @throws {InstructCvError} "image", one line naming the file, when it is missing, empty, no picture, cut short or too large.
 */
export async function readPicture(source: string | Uint8Array, options: ReadOptions = {}): Promise<Picture> {
  const { bytes, name } = await readSource(source, options.name);
  const { decoder } = await openPicture(bytes, name, options.maxPixels ?? MAX_PIXELS);
  try {
    const { data, info } = await decoder
      .autoOrient()
      .flatten({ background: "white" })
      .toColourspace("srgb")
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    return { width: info.width, height: info.height, data: rgb(data, info.channels) };
  } catch (error) {
    throw damaged(name, error);
  }
}

/**
 * Reads a picture squashed or stretched to `size`, and the size it has itself (EXIF orientation applied). A large JPEG is decoded at a
 * fraction of its size, which is several times faster than `readPicture` and `resizePicture`; otherwise as these.
 */
export async function readPictureAt(
  source: string | Uint8Array,
  size: Size,
  options: ReadOptions = {},
): Promise<{ picture: Picture; size: Size }> {
  const { bytes, name } = await readSource(source, options.name);
  const { decoder, upright } = await openPicture(bytes, name, options.maxPixels ?? MAX_PIXELS);
  try {
    const { data, info } = await decoder
      .autoOrient()
      .resize({ width: size.width, height: size.height, fit: "fill" })
      .flatten({ background: "white" })
      .toColourspace("srgb")
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    return {
      picture: { width: info.width, height: info.height, data: rgb(data, info.channels) },
      size: upright,
    };
  } catch (error) {
    throw damaged(name, error);
  }
}

/** The size a picture will have once read (EXIF orientation applied), from its header alone. Errors as `readPicture`. */
export async function readPictureSize(source: string | Uint8Array, options: ReadOptions = {}): Promise<Size> {
  const { bytes, name } = await readSource(source, options.name);
  return (await openPicture(bytes, name, options.maxPixels ?? MAX_PIXELS)).upright;
}

/** 8-bit RGB PNG of a picture. */
export function encodePng(picture: Picture): Promise<Buffer> {
  return fromPicture(picture).png().toBuffer();
}

/** JPEG of a picture, `quality` 1..100, without chroma subsampling (outlines and small photos keep their colours). */
export function encodeJpeg(picture: Picture, quality = 95): Promise<Buffer> {
  return fromPicture(picture).jpeg({ quality, chromaSubsampling: "4:4:4" }).toBuffer();
}

/** The whole frame squashed or stretched to `size`; shrinking is low-pass filtered (Lanczos). */
export async function resizePicture(picture: Picture, size: Size): Promise<Picture> {
  return cropResize(picture, [0, 0, picture.width, picture.height], size, false);
}

/** The part `crop` of a picture (rounded by `wholeCrop`) squashed to `size`, then mirrored left-right if `flip`. */
export async function cropResize(picture: Picture, crop: Xyxy, size: Size, flip: boolean): Promise<Picture> {
  const [x1, y1, x2, y2] = wholeCrop(crop, picture);
  const data = await fromPicture(picture)
    .extract({ left: x1, top: y1, width: x2 - x1, height: y2 - y1 })
    .resize({ width: size.width, height: size.height, fit: "fill" })
    .flop(flip)
    .raw()
    .toBuffer();
  return { width: size.width, height: size.height, data: plain(data) };
}

/** A decoder of bytes that are a picture of a size that is read, and that size with EXIF orientation applied. */
async function openPicture(
  bytes: Uint8Array,
  name: string,
  maxPixels: number,
): Promise<{ decoder: Sharp; upright: Size }> {
  const format = imageFormat(bytes);
  if (!format.readable)
    throw new InstructCvError(
      "image",
      `${name}: expected a JPEG, PNG, WebP, GIF, TIFF, AVIF or HEIF picture, found ${format.name}.`,
      "Convert it to JPEG or PNG.",
    );
  // "error" refuses truncated and corrupt pixels but, unlike sharp's default, not harmless warnings about metadata.
  const decoder = sharp(bytes, { failOn: "error", limitInputPixels: maxPixels, autoOrient: false });
  let size: Metadata;
  try {
    size = await sharp(bytes, { failOn: "error", limitInputPixels: false }).metadata();
  } catch (error) {
    throw damaged(name, error);
  }
  if (size.width * size.height > maxPixels) throw tooLarge(name, size, maxPixels);
  return { decoder, upright: { width: size.autoOrient.width, height: size.autoOrient.height } };
}

function fromPicture({ data, width, height }: Picture): Sharp {
  return sharp(data, { raw: { width, height, channels: 3 } });
}

/** sharp may leave one channel of a grey picture; a Picture always has three. */
function rgb(data: Buffer, channels: number): Uint8Array {
  if (channels === 3) return plain(data);
  const out = new Uint8Array((data.length / channels) * 3);
  for (let i = 0, o = 0; i < data.length; i += channels) for (let c = 0; c < 3; c++) out[o++] = data[i]!;
  return out;
}

/** The same bytes as a plain array: `slice` of a Buffer would not copy, and a drawing would reach the photo it was drawn on. */
function plain(data: Buffer): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
