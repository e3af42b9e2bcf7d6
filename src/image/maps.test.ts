import { decode, encode } from "fast-png";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { encodePalettePng } from "../../tests/helpers/png-bytes.js";
import { encodeDepthPng, encodeGreyPng, readGrey16, readIndexed8, readRgb8 } from "./maps.js";

describe("readIndexed8", () => {
  it("gives palette indices, not colours", async () => {
    const palette = Array.from({ length: 256 }, (_, i) => [255 - i, i, 7]);
    const png = encodePalettePng({ width: 2, height: 2, data: Uint8Array.from([0, 1, 15, 255]) }, palette.flat());
    expect(await readIndexed8(png)).toEqual({ width: 2, height: 2, data: Uint8Array.from([0, 1, 15, 255]) });
  });

  it("gives grey levels as they are", async () => {
    const grey = Uint8Array.from([0, 1, 2, 3, 254, 255]);
    const png = encode({ width: 3, height: 2, data: grey, channels: 1, depth: 8 });
    expect((await readIndexed8(png)).data).toEqual(grey);
  });

  it("reads what encodeGreyPng wrote, and so do other decoders", async () => {
    const data = Uint8Array.from({ length: 12 }, (_, i) => i * 23);
    const png = encodeGreyPng(data, { width: 4, height: 3 });
    expect((await readIndexed8(png)).data).toEqual(data);
    expect((await sharp(png).raw().toBuffer()).filter((_, i, all) => i % (all.length / 12) === 0)).toEqual(
      Buffer.from(data),
    );
  });

  it("unpacks 1, 2 and 4-bit values", async () => {
    for (const colours of [2, 4, 16]) {
      const data = Uint8Array.from({ length: 5 * 3 }, (_, i) => (i * 7) % colours);
      const rgb = Uint8Array.from(data).reduce<number[]>((all, v) => all.concat([v * (256 / colours), 0, 9]), []);
      const png = await sharp(Uint8Array.from(rgb), { raw: { width: 5, height: 3, channels: 3 } })
        .png({ palette: true, colours })
        .toBuffer();
      expect(png[24]).toBeLessThan(8);
      const { data: read } = await readIndexed8(png);
      // Palette order is the encoder's; equal values must share an index and different ones must not.
      const pairs = new Set(Array.from(data, (v, i) => `${v}:${read[i]}`));
      expect(pairs.size).toBe(new Set(data).size);
    }
  });

  it("refuses colour, 16 bits, other files and cut ones", async () => {
    const colour = encode({ width: 2, height: 2, data: new Uint8Array(12), channels: 3, depth: 8 });
    await expect(readIndexed8(colour, "a.png")).rejects.toThrow(
      /^a\.png: expected an 8-bit one-channel PNG, found 3 channel/,
    );
    await expect(readIndexed8(await encodeDepthPng(new Uint16Array(4), { width: 2, height: 2 }))).rejects.toThrow(
      /16 bits/,
    );
    await expect(readIndexed8(new Uint8Array(50), "b.png")).rejects.toThrow(/^b\.png: expected a label PNG/);
    const whole = encode({
      width: 40,
      height: 40,
      data: new Uint8Array(1600).map((_, i) => i % 251),
      channels: 1,
      depth: 8,
    });
    await expect(readIndexed8(whole.subarray(0, whole.length - 60), "c.png")).rejects.toThrow(/^c\.png: is damaged/);
    const huge = Buffer.from(whole);
    huge.writeUInt32BE(30_000, 16);
    huge.writeUInt32BE(30_000, 20);
    await expect(readIndexed8(huge, "d.png")).rejects.toThrow(/^d\.png: is 30000x30000/);
  });
});

describe("readRgb8", () => {
  const numbers = Uint8Array.from({ length: 7 * 5 * 3 }, (_, i) => (i * 73) % 256);
  const png = (channels: 1 | 3 | 4, depth: 8 | 16, data: Uint8Array | Uint16Array) =>
    encode({ width: 7, height: 5, channels, depth, data });

  it("gives the numbers as they are, also beside alpha and under a colour profile", async () => {
    expect(await readRgb8(png(3, 8, numbers))).toEqual({ width: 7, height: 5, data: numbers });
    const rgba = Uint8Array.from({ length: 7 * 5 * 4 }, (_, i) =>
      i % 4 === 3 ? i % 5 : numbers[(i >> 2) * 3 + (i % 4)]!,
    );
    expect((await readRgb8(png(4, 8, rgba))).data).toEqual(numbers);
    const profiled = await sharp(numbers, { raw: { width: 7, height: 5, channels: 3 } })
      .png()
      .withIccProfile("p3", { attach: true })
      .toBuffer();
    const untouched = decode(profiled).data;
    expect(Buffer.compare(untouched as Uint8Array, numbers)).not.toBe(0);
    expect(Buffer.compare((await readRgb8(profiled)).data, untouched as Uint8Array)).toBe(0);
  });

  it("refuses grey, palettes, 16 bits and cut files", async () => {
    const name = (bytes: Uint8Array) => readRgb8(bytes, "a.png");
    await expect(name(png(1, 8, new Uint8Array(35)))).rejects.toThrow(
      /^a\.png: expected an 8-bit RGB PNG, found 1 channel/,
    );
    const palette = encodePalettePng({ width: 2, height: 2, data: Uint8Array.from([0, 1, 15, 255]) }, [1, 2, 3]);
    await expect(name(palette)).rejects.toThrow(/expected an 8-bit RGB PNG, found 1 channel/);
    await expect(name(png(3, 16, new Uint16Array(105)))).rejects.toThrow(/found 3 channel\(s\) of 16 bits/);
    const whole = png(3, 8, numbers);
    await expect(name(whole.subarray(0, whole.length - 40))).rejects.toThrow(/^a\.png: is damaged/);
  });
});

describe("encodeDepthPng, readGrey16", () => {
  it("keep every 16-bit value", async () => {
    const millimetres = Uint16Array.from({ length: 300 }, (_, i) => (i * 2477) % 65536);
    const png = await encodeDepthPng(millimetres, { width: 20, height: 15 });
    expect(await readGrey16(png)).toEqual({ width: 20, height: 15, data: millimetres });
  });

  it("refuse 8-bit PNGs as depth", async () => {
    const grey = encode({ width: 2, height: 2, data: new Uint8Array(4), channels: 1, depth: 8 });
    await expect(readGrey16(grey, "e.png")).rejects.toThrow(
      /^e\.png: expected a 16-bit grey PNG, found 1 channel\(s\) of 8/,
    );
  });
});
