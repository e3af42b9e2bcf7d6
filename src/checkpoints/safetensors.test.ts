import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { readSafetensors, writeSafetensors } from "./safetensors.js";

const dir = mkdtempSync(join(tmpdir(), "instructcv-safetensors-"));
afterAll(() => rmSync(dir, { recursive: true }));
const path = join(dir, "model.safetensors");

/** Bytes of a file with this header text (or object) and data. */
function bytesOf(header: unknown, data = 0, length?: bigint): Buffer {
  const text = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(length ?? BigInt(text.length));
  return Buffer.concat([prefix, text, Buffer.alloc(data)]);
}
const readBytes = (bytes: Buffer) => {
  writeFileSync(path, bytes);
  return readSafetensors(path);
};

describe("round trip", () => {
  test("names, shapes, metadata and float32 bits", async () => {
    const data = Float32Array.of(0, -0, 1.5, Number.NaN, -Infinity, 1e-42, 3.4e38, -7);
    const tensors = new Map([
      ["a.weight", { shape: [2, 4], data }],
      ["scalar", { shape: [], data: Float32Array.of(2) }],
      ["empty", { shape: [0, 3], data: new Float32Array(0) }],
    ]);
    await writeSafetensors(path, tensors, { note: "häl" });
    const file = await readSafetensors(path);
    expect([...file.entries.keys()]).toEqual(["a.weight", "scalar", "empty"]);
    expect(file.entries.get("a.weight")).toMatchObject({ dtype: "F32", shape: [2, 4] });
    expect(file.entries.get("a.weight")!.start % 8).toBe(0);
    expect(file.metadata).toEqual({ note: "häl" });
    expect(file.read("a.weight")).toEqual(data);
    expect(Object.is(file.read("a.weight")[1], -0)).toBe(true);
    expect(file.read("scalar")).toEqual(Float32Array.of(2));
    expect(file.read("empty").length).toBe(0);
    expect(readdirSync(dir)).toEqual(["model.safetensors"]);
  });

  test("half precisions round to nearest even and are then stable", async () => {
    const values = fc.float32Array({ minLength: 1, maxLength: 50 });
    await fc.assert(
      fc.asyncProperty(values, fc.constantFrom("F16" as const, "BF16" as const), async (data, dtype) => {
        await writeSafetensors(path, new Map([["x", { shape: [data.length], data, dtype }]]));
        const once = (await readSafetensors(path)).read("x");
        await writeSafetensors(path, new Map([["x", { shape: [data.length], data: once, dtype }]]));
        expect((await readSafetensors(path)).read("x")).toEqual(once);
        const [step, largest, tiny] = dtype === "F16" ? [2 ** -11, 65504, 2 ** -25] : [2 ** -8, 3.38e38, 2 ** -134];
        for (const [i, x] of data.entries()) {
          if (Number.isNaN(x)) expect(once[i]).toBeNaN();
          else if (Math.abs(x) <= largest)
            expect(Math.abs(once[i]! - x)).toBeLessThanOrEqual(Math.abs(x) * step + tiny);
        }
      }),
      { numRuns: 40 },
    );
  });

  test("known half-precision values", async () => {
    // 1/3, largest, smallest subnormal, half of it (ties to 0), overflow, 2049 (ties to even).
    const data = Float32Array.of(1 / 3, 65504, 2 ** -24, 2 ** -25, 65520, 2049, 2051, -Infinity);
    await writeSafetensors(path, new Map([["x", { shape: [8], data, dtype: "F16" }]]));
    const expected = [0.333251953125, 65504, 2 ** -24, 0, Infinity, 2048, 2052, -Infinity];
    expect([...(await readSafetensors(path)).read("x")]).toEqual(expected);
    await writeSafetensors(
      path,
      new Map([["x", { shape: [2], data: Float32Array.of(1.00390625, 1.01171875), dtype: "BF16" }]]),
    );
    expect([...(await readSafetensors(path)).read("x")]).toEqual([1, 1.015625]);
  });
});

describe("damaged files", () => {
  const entry = (shape: number[], start: number, end: number, dtype = "F32") => ({
    dtype,
    shape,
    data_offsets: [start, end],
  });
  const bad: [string, Buffer, RegExp][] = [
    ["no bytes", Buffer.alloc(0), /is 0 bytes/],
    ["seven bytes", Buffer.alloc(7), /is 7 bytes/],
    ["huge header length", bytesOf({}, 0, 2n ** 63n), /claims a header of 9223372036854775808 bytes/],
    ["header longer than the file", bytesOf({}, 0, 3n), /claims a header of 3 bytes in a file of 10/],
    ["not JSON", bytesOf('{"a":'), /not JSON/],
    ["not UTF-8", Buffer.concat([Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]), Buffer.from([0xff])]), /not JSON/],
    ["an array", bytesOf([]), /not a JSON object/],
    ["null entry", bytesOf({ a: null }), /unknown dtype/],
    ["inherited dtype", bytesOf({ a: entry([1], 0, 4, "constructor") }, 4), /unknown dtype "constructor"/],
    ["negative dim", bytesOf({ a: entry([-1], 0, 4) }, 4), /has the shape \[-1\]/],
    ["fractional dim", bytesOf({ a: entry([0.5], 0, 2) }, 2), /has the shape/],
    ["backward offsets", bytesOf({ a: entry([0], 4, 0) }, 4), /has the offsets \[4,0\]/],
    ["shape and bytes differ", bytesOf({ a: entry([2], 0, 4) }, 4), /of shape \[2\] needs 8 bytes, its offsets hold 4/],
    ["overlap", bytesOf({ a: entry([2], 0, 8), b: entry([2], 4, 12) }, 12), /"b" starts at byte \d+, expected/],
    ["gap", bytesOf({ a: entry([1], 0, 4), b: entry([1], 8, 12) }, 12), /"b" starts at byte/],
    ["cut", bytesOf({ a: entry([2], 0, 8) }, 5), /describes \d+ bytes, the file has/],
    ["trailing bytes", bytesOf({ a: entry([1], 0, 4) }, 5), /describes/],
    ["offsets far outside", bytesOf({ a: entry([2 ** 40], 0, 2 ** 42) }, 4), /describes/],
    ["metadata not strings", bytesOf({ __metadata__: { a: 1 } }), /metadata/],
  ];
  test.each(bad)("%s", async (_, bytes, message) => {
    const error = await readBytes(bytes).catch((e: unknown) => e);
    expect(error).toMatchObject({ name: "InstructCvError", code: "checkpoint" });
    expect((error as Error).message).toMatch(message);
    expect((error as Error).message).toContain(path);
    expect((error as Error).message).not.toContain("\n");
  });

  test("missing file, missing tensor, integer tensor", async () => {
    await expect(readSafetensors(join(dir, "none"))).rejects.toMatchObject({ code: "checkpoint", message: /ENOENT/ });
    const file = await readBytes(bytesOf({ ids: entry([1], 0, 8, "I64") }, 8));
    expect(() => file.read("nope")).toThrow(/has no tensor "nope"/);
    expect(() => file.read("ids")).toThrow(/"ids" is I64/);
  });

  test("any corruption reads, or fails with one line", async () => {
    await writeSafetensors(path, new Map([["layer.weight", { shape: [2, 2], data: new Float32Array(4) }]]), { a: "b" });
    const good = readFileSync(path);
    const corruption = fc.record({
      at: fc.nat(good.length - 1),
      byte: fc.nat(255),
      cut: fc.option(fc.nat(good.length)),
    });
    await fc.assert(
      fc.asyncProperty(corruption, async ({ at, byte, cut }) => {
        const bytes = Buffer.from(good);
        bytes[at] = byte;
        const result = await readBytes(bytes.subarray(0, cut ?? bytes.length)).catch((e: Error) => e);
        if (result instanceof Error) {
          expect(result.name).toBe("InstructCvError");
          expect(result.message).not.toContain("\n");
        }
      }),
      { numRuns: 300 },
    );
  });
});

test("a shape that does not fit is refused and leaves nothing", async () => {
  const target = join(dir, "new.safetensors");
  await expect(
    writeSafetensors(target, new Map([["x", { shape: [3], data: new Float32Array(2) }]])),
  ).rejects.toMatchObject({ code: "usage" });
  expect(readdirSync(dir)).not.toContain("new.safetensors");
});
