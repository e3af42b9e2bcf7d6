/** Picture files as the world has them: damaged ones that must be refused, and odd ones that must be read. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp, { type Sharp } from "sharp";
import { crc32 } from "./png-bytes.js";

const cat = join(import.meta.dirname, "../../examples/cat.jpg");

/** Writes files that are no usable picture into `folder`; returns their names and what the error has to say. */
export async function writeBadPictures(folder: string): Promise<[name: string, reason: RegExp][]> {
  const jpeg = await readFile(cat);
  const bad: [name: string, bytes: Uint8Array, reason: RegExp][] = [
    ["text.jpg", Buffer.from("This is not a picture.\n"), /expected a JPEG/],
    ["truncated.jpg", jpeg.subarray(0, jpeg.length / 2), /damaged or cut short/],
    ["empty.jpg", Buffer.alloc(0), /is empty/],
    ["enormous.png", await enormousPng(), /30000x30000/],
  ];
  for (const [name, bytes] of bad) await writeFile(join(folder, name), bytes);
  return [...bad.map(([name, , reason]): [string, RegExp] => [name, reason]), ["missing.jpg", /ENOENT/]];
}

/** Writes odd but good pictures of a cat, 60 wide and 40 high as they have to be shown; returns their names. */
export async function writeOddPictures(folder: string): Promise<string[]> {
  const photo = () => sharp(cat).resize(60, 40, { fit: "fill" });
  const upright = await photo().rotate(-90).toBuffer();
  const frames = await Promise.all([0, 90].map((hue) => photo().modulate({ hue }).raw().toBuffer()));
  const animated = sharp(Buffer.concat(frames), { raw: { width: 60, height: 80, channels: 3, pageHeight: 40 } });
  const odd: Record<string, Sharp> = {
    "cmyk.jpg": photo().toColourspace("cmyk").jpeg(),
    "sixteen-bit.png": photo().toColourspace("rgb16").png(),
    "alpha.png": photo().ensureAlpha(0.5).png(),
    "grey.png": photo().toColourspace("b-w").png(),
    "animated.gif": animated.gif(),
    "a-gif-named.jpg": photo().gif(),
    "rotated.jpg": sharp(upright).withMetadata({ orientation: 6 }).jpeg(),
  };
  for (const [name, picture] of Object.entries(odd)) await writeFile(join(folder, name), await picture.toBuffer());
  return Object.keys(odd);
}

/** A small PNG whose header claims 30,000 x 30,000 pixels, with a checksum that fits. */
async function enormousPng(): Promise<Buffer> {
  const png = await sharp({ create: { width: 8, height: 8, channels: 3, background: "red" } })
    .png()
    .toBuffer();
  const [start, end] = [12, 29]; // chunk type "IHDR" and its 13 bytes
  png.writeUInt32BE(30_000, 16);
  png.writeUInt32BE(30_000, 20);
  png.writeUInt32BE(crc32(png.subarray(start, end)), end);
  return png;
}
