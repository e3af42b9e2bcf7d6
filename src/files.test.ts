import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { writeAtomic } from "./files.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "files-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe("writeAtomic", () => {
  it("writes text and bytes and replaces an older file", async () => {
    const path = join(folder, "a.bin");
    await writeFile(path, "old and longer");
    await writeAtomic(path, new Uint8Array([1, 2, 3]));
    expect([...(await readFile(path))]).toEqual([1, 2, 3]);
    await writeAtomic(path, "text");
    expect(await readFile(path, "utf8")).toBe("text");
    expect(await readdir(folder)).toEqual(["a.bin"]);
  });

  it("leaves nothing behind when it fails", async () => {
    await mkdir(join(folder, "taken", "inner"), { recursive: true });
    await expect(writeAtomic(join(folder, "taken"), "x")).rejects.toThrow();
    expect(await readdir(folder)).toEqual(["taken"]);
    await expect(writeAtomic(join(folder, "absent", "a"), "x")).rejects.toThrow(/ENOENT/);
  });

  it("lets the last of several writers win with a whole file", async () => {
    const path = join(folder, "b");
    const texts = Array.from({ length: 8 }, (_, i) => String(i).repeat(10_000));
    await Promise.all(texts.map((text) => writeAtomic(path, text)));
    expect(texts).toContain(await readFile(path, "utf8"));
    expect(await readdir(folder)).toEqual(["b"]);
  });
});
