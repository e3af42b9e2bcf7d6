/** A folder with a few photos of 60x40 whose manifest each test writes: what the tests of one's own data share. */
import { mkdtempSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encode } from "fast-png";
import { afterAll, beforeAll, beforeEach, expect } from "vitest";
import { ownData } from "../../src/datasets/own-data.js";
import { type LabelledPhoto, photosOf, Skipped } from "../../src/datasets/sample.js";
import { encodePng } from "../../src/image/io.js";

export const [width, height] = [60, 40];
export const size = { width, height };
/** A new folder for each test file. */
export const root = mkdtempSync(join(tmpdir(), "own-"));
export const manifest = () => join(root, "manifest.jsonl");

export const place = (split = "manifest", options: unknown = {}) => ({
  name: "mine",
  root,
  split,
  options: ownData.options.parse(options),
});
export const write = (...lines: (object | string)[]) =>
  writeFile(manifest(), lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line))).join("\n"));
export async function photos(options: unknown = {}): Promise<LabelledPhoto[]> {
  const all: LabelledPhoto[] = [];
  for await (const photo of photosOf(ownData, place("manifest", options))) all.push(photo);
  return all;
}
export async function only(...lines: object[]): Promise<LabelledPhoto> {
  await write(...lines);
  const all = await photos();
  expect(all).toHaveLength(1);
  return all[0]!;
}
/** Photos of a manifest that are good, and the reasons why others are not. */
export async function listed(): Promise<{ ids: string[]; reasons: string[] }> {
  const found = { ids: [] as string[], reasons: [] as string[] };
  for await (const entry of ownData.list(place())) {
    if (entry instanceof Skipped) found.reasons.push(entry.reason);
    else found.ids.push(ownData.open(place(), entry).id);
  }
  return found;
}

export const photo = () => ({
  ...size,
  data: Uint8Array.from({ length: width * height * 3 }, (_, i) => 90 + (i % 60)),
});
export const inBox = (i: number) => i % width >= 10 && i % width < 40 && i >= 5 * width && i < 25 * width;
export const box = [10, 5, 40, 25] as const;
export const maskOf = (inside: number, outside = 0, rest?: number) =>
  Uint8Array.from({ length: width * height }, (_, i) =>
    rest !== undefined && i < width ? rest : inBox(i) ? inside : outside,
  );
export const truth = maskOf(1);
export const png = (path: string, data: Uint8Array | Uint16Array, more: object = {}) =>
  writeFile(
    join(root, path),
    encode({ ...size, data, channels: 1, depth: data instanceof Uint16Array ? 16 : 8, ...more }),
  );
export const ask = (task: string, more: object) => ({ image: "a.png", task, category: "cat", ...more });
export const depth = (more: object) => ({ image: "a.png", task: "depth", ...more });
export const masks = async (label: unknown) =>
  (await (await only(ask("segmentation", { label }))).masks!()).get("cat")!;

/** Makes the folder before a file's tests, leaves none of its manifests from one to the next, and removes it. */
export function useOwnSet(): void {
  beforeAll(async () => {
    await mkdir(join(root, "sub"));
    for (const name of ["a.png", "b.png", "sub/c.png"]) await writeFile(join(root, name), await encodePng(photo()));
  });
  beforeEach(() => rm(manifest(), { force: true }));
  afterAll(() => rm(root, { recursive: true }));
}
