import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { readSafetensors } from "./safetensors.js";
import { stageSafetensors } from "./staged-safetensors.js";

const dir = await mkdtemp(join(tmpdir(), "instructcv-staged-"));
afterAll(() => rm(dir, { recursive: true }));
const path = join(dir, "w.safetensors");
const tensors = [
  { name: "a", dtype: "F32" as const, shape: [2], bytes: () => new Uint8Array(Float32Array.of(1.5, -2).buffer) },
  { name: "b", dtype: "I8" as const, shape: [3, 1], bytes: async () => Uint8Array.of(1, 2, 255) },
];

test("what was looked at under a temporary name is the file, with metadata of before and after", async () => {
  await stageSafetensors(path, tensors, { format: "x" }, async (temporary) => {
    const staged = await readSafetensors(temporary);
    expect(staged.metadata).toEqual({ format: "x" });
    expect([...staged.read("a")]).toEqual([1.5, -2]);
    expect(await readdir(dir)).not.toContain("w.safetensors");
    return { loss: "0.1" };
  });
  expect(await readdir(dir)).toEqual(["w.safetensors"]);
  const { metadata, entries, read } = await readSafetensors(path);
  expect(metadata).toEqual({ format: "x", loss: "0.1" });
  expect([...read("a")]).toEqual([1.5, -2]);
  const { dtype, shape, start, end } = entries.get("b")!;
  expect({ dtype, shape }).toEqual({ dtype: "I8", shape: [3, 1] });
  expect([...(await readFile(path)).subarray(start, end)]).toEqual([1, 2, 255]);
});

test("a failure on the way leaves the older file alone", async () => {
  await writeFile(path, "older");
  const fail = async () => Promise.reject(new Error("not good enough"));
  await expect(stageSafetensors(path, tensors, {}, fail)).rejects.toThrow("not good enough");
  const huge = async () => ({ loss: "x".repeat(40_000) });
  await expect(stageSafetensors(path, tensors, {}, huge)).rejects.toThrow("metadata of more than");
  expect(await readFile(path, "utf8")).toBe("older");
  expect(await readdir(dir)).toEqual(["w.safetensors"]);
});
