import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeBadPictures, writeOddPictures } from "../../tests/helpers/odd-pictures.js";
import { crc32 } from "../../tests/helpers/png-bytes.js";
import { InstructCvError } from "../errors.js";
import { cropResize, encodeJpeg, encodePng, readPicture, readPictureAt, readPictureSize, resizePicture } from "./io.js";
import type { Picture } from "./picture.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "io-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A smooth 40x30 picture: red grows to the right, green downwards, blue constant. */
const sample: Picture = picture(40, 30, (x, y) => [x * 6, y * 8, 120]);

function picture(width: number, height: number, at: (x: number, y: number) => readonly number[]): Picture {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) data.set(at(x, y), (y * width + x) * 3);
  return { width, height, data };
}
const raw = (p: Picture) => sharp(p.data, { raw: { width: p.width, height: p.height, channels: 3 } });
const pixel = (p: Picture, x: number, y: number) => [
  ...p.data.subarray((y * p.width + x) * 3, (y * p.width + x) * 3 + 3),
];

async function failure(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(InstructCvError);
  expect((error as InstructCvError).code).toBe("image");
  expect((error as InstructCvError).cure).toBeTruthy();
  expect((error as Error).message).not.toContain("\n");
  return (error as Error).message;
}

describe("readPicture", () => {
  it("reads paths and bytes alike", async () => {
    const png = await encodePng(sample);
    const path = join(folder, "sample.png");
    await writeFile(path, png);
    expect(await readPicture(path)).toEqual(await readPicture(png));
    expect(Buffer.compare((await readPicture(path)).data, sample.data)).toBe(0);
  });

  it.each(["webp", "gif", "tiff", "avif"] as const)("reads %s", async (format) => {
    const read = await readPicture(await raw(sample).toFormat(format).toBuffer());
    expect([read.width, read.height, read.data.length]).toEqual([40, 30, 3600]);
    expect(Math.abs(read.data[0]! - sample.data[0]!)).toBeLessThan(30);
  });

  it("goes by the content when a GIF is named .jpg", async () => {
    const path = join(folder, "really-a-gif.jpg");
    await writeFile(path, await raw(sample).gif().toBuffer());
    expect((await readPicture(path)).width).toBe(40);
  });

  it("turns CMYK into sRGB", async () => {
    const flat = picture(16, 16, () => [200, 40, 40]);
    const jpeg = await raw(flat).toColourspace("cmyk").jpeg({ quality: 100 }).toBuffer();
    expect((await sharp(jpeg).metadata()).channels).toBe(4);
    const [r, g, b] = pixel(await readPicture(jpeg), 8, 8);
    expect(r!).toBeGreaterThan(150);
    expect(g!).toBeLessThan(90);
    expect(b!).toBeLessThan(90);
  });

  it("scales 16-bit colour and grey to 8 bits", async () => {
    const colour = Uint16Array.from({ length: 12 }, (_, i) => [65535, 32896, 0][i % 3]!);
    const png = await sharp(colour, { raw: { width: 2, height: 2, channels: 3 } })
      .toColourspace("rgb16")
      .png()
      .toBuffer();
    expect((await sharp(png).metadata()).depth).toBe("ushort");
    expect(pixel(await readPicture(png), 1, 1)).toEqual([255, 128, 0]);
    const grey = Uint16Array.from({ length: 4 }, () => 32896);
    const greyPng = await sharp(grey, { raw: { width: 2, height: 2, channels: 1 } })
      .toColourspace("grey16")
      .png()
      .toBuffer();
    expect((await sharp(greyPng).metadata()).depth).toBe("ushort");
    expect(pixel(await readPicture(greyPng), 0, 0)).toEqual([128, 128, 128]);
  });

  it("makes three channels of a grey JPEG and of a palette PNG with few colours", async () => {
    const grey = await raw(sample).greyscale().jpeg().toBuffer();
    expect((await readPicture(grey)).data.length).toBe(3600);
    const palette = await raw(picture(8, 8, (x) => (x < 4 ? [255, 0, 0] : [0, 0, 255])))
      .png({ palette: true })
      .toBuffer();
    expect(pixel(await readPicture(palette), 0, 0)).toEqual([255, 0, 0]);
  });

  it("lays alpha on white, also with grey and 16 bits", async () => {
    const rgba = Uint8Array.from([255, 0, 0, 255, 255, 0, 0, 0, 0, 0, 0, 128, 9, 9, 9, 255]);
    const png = await sharp(rgba, { raw: { width: 2, height: 2, channels: 4 } })
      .png()
      .toBuffer();
    const read = await readPicture(png);
    expect(pixel(read, 0, 0)).toEqual([255, 0, 0]);
    expect(pixel(read, 1, 0)).toEqual([255, 255, 255]);
    expect(Math.abs(pixel(read, 0, 1)[0]! - 127)).toBeLessThan(3);
    const deep = Uint16Array.from([65535, 0, 0, 65535, 65535, 0, 0, 0]);
    const deepPng = await sharp(deep, { raw: { width: 2, height: 1, channels: 4 } })
      .toColourspace("rgb16")
      .png()
      .toBuffer();
    expect(pixel(await readPicture(deepPng), 0, 0)).toEqual([255, 0, 0]);
    expect(pixel(await readPicture(deepPng), 1, 0)).toEqual([255, 255, 255]);
    const greyAlpha = await sharp(Uint8Array.from([0, 0, 50, 255]), { raw: { width: 2, height: 1, channels: 2 } })
      .png()
      .toBuffer();
    expect(pixel(await readPicture(greyAlpha), 0, 0)).toEqual([255, 255, 255]);
    expect(pixel(await readPicture(greyAlpha), 1, 0)).toEqual([50, 50, 50]);
  });

  it("takes the first frame of an animation", async () => {
    const frames = Buffer.concat([picture(10, 8, () => [255, 0, 0]).data, picture(10, 8, () => [0, 0, 255]).data]);
    const gif = await sharp(frames, { raw: { width: 10, height: 16, channels: 3, pageHeight: 8 } })
      .gif()
      .toBuffer();
    expect((await sharp(gif, { animated: true }).metadata()).pages).toBe(2);
    const read = await readPicture(gif);
    expect([read.width, read.height]).toEqual([10, 8]);
    expect(pixel(read, 5, 5)).toEqual([255, 0, 0]);
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])("honours EXIF orientation %i", async (orientation) => {
    // One dark corner (top left as stored) tells where the corner goes.
    const stored = picture(32, 16, (x, y) => (x < 16 && y < 8 ? [0, 0, 0] : [255, 255, 255]));
    const jpeg = await raw(stored).jpeg({ quality: 100 }).withMetadata({ orientation }).toBuffer();
    const read = await readPicture(jpeg);
    const upright = orientation < 5;
    expect([read.width, read.height]).toEqual(upright ? [32, 16] : [16, 32]);
    expect(await readPictureSize(jpeg)).toEqual({ width: read.width, height: read.height });
    const corners = [
      pixel(read, 1, 1),
      pixel(read, read.width - 2, 1),
      pixel(read, read.width - 2, read.height - 2),
      pixel(read, 1, read.height - 2),
    ];
    const dark = corners.findIndex(([r]) => r! < 60);
    expect(dark).toBe([0, 1, 2, 3, 0, 1, 2, 3][orientation - 1]);
  });

  it("refuses what is no picture and says what it is", async () => {
    const kinds: [string, RegExp][] = [
      ["just some words", /found text/],
      ['<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', /SVG/],
      ["<!DOCTYPE html><html></html>", /web page/],
      ["%PDF-1.7", /PDF/],
      ["\x00\x01\x02\x03\x04", /unknown kind/],
      ["RIFF0000WAVEfmt ", /.*/],
    ];
    for (const [text, expected] of kinds) {
      const message = await failure(readPicture(Buffer.from(text, "latin1"), { name: "odd.jpg" }));
      expect(message).toMatch(expected);
      expect(message).toMatch(/^odd\.jpg: /);
    }
  });

  it("refuses empty and missing files and folders", async () => {
    const path = join(folder, "empty.jpg");
    await writeFile(path, "");
    expect(await failure(readPicture(path))).toMatch(/empty\.jpg: is empty/);
    expect(await failure(readPicture(new Uint8Array()))).toMatch(/is empty/);
    expect(await failure(readPicture(join(folder, "absent.jpg")))).toMatch(/absent\.jpg: cannot be opened \(ENOENT\)/);
    expect(await failure(readPicture(folder))).toMatch(/is not a file/);
  });

  it.each(["jpeg", "png", "webp", "gif", "tiff"] as const)("refuses a truncated %s", async (format) => {
    const noise = picture(64, 64, (x, y) => [(x * 7919 + y * 104729) % 251, (x * y * 31) % 253, (x * 17 + y) % 255]);
    const whole = await raw(noise).toFormat(format).toBuffer();
    for (const share of [0.02, 0.3, 0.7, 0.95]) {
      const cut = whole.subarray(0, Math.max(12, Math.floor(whole.length * share)));
      expect(await failure(readPicture(cut, { name: "cut.img" }))).toMatch(/^cut\.img: is damaged or cut short/);
    }
  });

  it("refuses a header of 30,000 x 30,000 before decoding", async () => {
    const png = Buffer.from(await encodePng(sample));
    png.writeUInt32BE(30_000, 16);
    png.writeUInt32BE(30_000, 20);
    png.writeUInt32BE(crc32(png.subarray(12, 29)), 29);
    expect(await failure(readPicture(png, { name: "huge.png" }))).toMatch(
      /huge\.png: is 30000x30000, at most 100 megapixels/,
    );

    const jpeg = Buffer.from(await raw(sample).jpeg().toBuffer());
    const frame = jpeg.indexOf(Buffer.from([0xff, 0xc0]));
    jpeg.writeUInt16BE(30_000, frame + 5);
    jpeg.writeUInt16BE(30_000, frame + 7);
    expect(await failure(readPicture(jpeg, { name: "huge.jpg" }))).toMatch(/huge\.jpg: is 30000x30000/);
    expect(await failure(readPicture(await encodePng(sample), { maxPixels: 1000 }))).toMatch(/is 40x30/);
  });

  it("refuses files above the byte limit without reading them", async () => {
    const path = join(folder, "big.jpg");
    await writeFile(path, "");
    const { truncate } = await import("node:fs/promises");
    await truncate(path, 65 * 2 ** 20);
    expect(await failure(readPicture(path))).toMatch(/is 65 MiB, at most 64 MiB/);
  });
});

describe("readPictureAt", () => {
  it("squashes odd pictures as readPicture and resizePicture do, and says their own size", async () => {
    const small = { width: 16, height: 16 };
    for (const name of await writeOddPictures(folder)) {
      const path = join(folder, name);
      const { picture: found, size } = await readPictureAt(path, small);
      expect(size, name).toEqual({ width: 60, height: 40 });
      const expected = await resizePicture(await readPicture(path), small);
      const differences = found.data.map((value, i) => Math.abs(value - expected.data[i]!));
      expect(differences.reduce((sum, value) => sum + value, 0) / differences.length, name).toBeLessThan(3);
    }
  });

  it("decodes a large JPEG at a fraction of its size, to the same picture", async () => {
    const large = picture(1600, 1200, (x, y) => [x / 7, y / 5, (x + y) / 12]);
    const jpeg = await encodeJpeg(large, 95);
    const { picture: found, size } = await readPictureAt(jpeg, { width: 64, height: 64 });
    expect(size).toEqual({ width: 1600, height: 1200 });
    const expected = await resizePicture(large, { width: 64, height: 64 });
    expect(Math.max(...found.data.map((value, i) => Math.abs(value - expected.data[i]!)))).toBeLessThan(6);
  });

  it("refuses what readPicture refuses", async () => {
    const small = { width: 8, height: 8 };
    for (const [name, reason] of await writeBadPictures(folder)) {
      expect(await failure(readPictureAt(join(folder, name), small))).toMatch(reason);
    }
  });
});

describe("encodePng, encodeJpeg", () => {
  it("keep every pixel, or nearly", async () => {
    expect(Buffer.compare((await readPicture(await encodePng(sample))).data, sample.data)).toBe(0);
    const jpeg = await readPicture(await encodeJpeg(sample));
    expect(Math.max(...jpeg.data.map((v, i) => Math.abs(v - sample.data[i]!)))).toBeLessThan(25);
  });
});

describe("resizePicture, cropResize", () => {
  it("squash the whole frame", async () => {
    const small = await resizePicture(sample, { width: 10, height: 10 });
    expect([small.width, small.height, small.data.length]).toEqual([10, 10, 300]);
    expect(Math.abs(pixel(small, 9, 5)[0]! - 37.5 * 6)).toBeLessThan(6);
  });

  it("cut, scale and mirror", async () => {
    const cut = await cropResize(sample, [10.2, 5.4, 20, 15], { width: 10, height: 10 }, false);
    expect(pixel(cut, 0, 0)).toEqual([60, 40, 120]);
    expect(pixel(cut, 9, 9)).toEqual([114, 112, 120]);
    const mirrored = await cropResize(sample, [10.2, 5.4, 20, 15], { width: 10, height: 10 }, true);
    expect(pixel(mirrored, 0, 0)).toEqual([114, 40, 120]);
  });
});
