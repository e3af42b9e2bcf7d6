import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openPool } from "../datasets/pool.js";
import { readGrey16, readPicture } from "../image/io.js";
import { bank } from "../instructions/bank.js";
import { parseInstruction } from "../instructions/parse.js";
import { getTask } from "../tasks/registry.js";
import { buildCorpus, type CorpusOptions, type CorpusProgress, isValidationPhoto } from "./build.js";
import { type CorpusEntry, openCorpus } from "./read.js";

const dataRoot = resolve("../shared/data");
const size = 48;
const datasets = ["nyuv2", "coco", "oxford-pets", "oxford-pets-37breeds"] as const;
let folder: string;
let corpus: string;
const progress: CorpusProgress[] = [];

const options = (out: string, more: Partial<CorpusOptions> = {}): CorpusOptions => ({
  dataRoot,
  out: join(folder, out),
  size,
  seed: 3,
  datasets,
  limit: 160,
  valShare: 0.2,
  shardRecords: 100,
  ...more,
});

async function entriesOf(dir: string, split: string): Promise<CorpusEntry[]> {
  const entries: CorpusEntry[] = [];
  for await (const entry of (await openCorpus(dir)).records(split)) entries.push(entry);
  return entries;
}

async function hashes(dir: string): Promise<Record<string, string>> {
  const files = (await readdir(dir)).sort();
  const digest = async (file: string) =>
    createHash("sha256")
      .update(await readFile(join(dir, file)))
      .digest("hex");
  return Object.fromEntries(await Promise.all(files.map(async (file) => [file, await digest(file)])));
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "corpus-"));
  corpus = join(folder, "a");
  await buildCorpus(options("a"), (p) => progress.push(p));
}, 120_000);
afterAll(() => rm(folder, { recursive: true }));

describe("a corpus", () => {
  it("is byte-identical for the same seed and another for another", async () => {
    await buildCorpus(options("b"));
    await buildCorpus(options("c", { seed: 4 }));
    expect(await hashes(join(folder, "b"))).toEqual(await hashes(corpus));
    expect(await hashes(join(folder, "c"))).not.toEqual(await hashes(corpus));
  }, 120_000);

  it("has a manifest that counts and checks what is there", async () => {
    const { manifest } = await openCorpus(corpus);
    const sums = await hashes(corpus);
    let records = 0;
    for (const [name, split] of Object.entries(manifest.splits)) {
      for (const shard of split.shards) expect(sums[shard.file]).toBe(shard.sha256);
      const entries = await entriesOf(corpus, name);
      expect(entries).toHaveLength(split.records);
      expect(new Set(entries.map((e) => e.record.photo)).size).toBe(split.photos);
      expect(new Set(entries.map((e) => e.record.key)).size).toBe(entries.length);
      records += entries.length;
    }
    expect(Object.values(manifest.counts).reduce((sum, n) => sum + n, 0)).toBe(records);
    expect(manifest.splits.train!.shards.length).toBeGreaterThan(1);
    expect(progress.at(-1)).toMatchObject({ phase: "building", done: 160, total: 160, records });
  });

  it("keeps all records of a photo in one split, and none of the test photos", async () => {
    const photos = async (split: string) => new Set((await entriesOf(corpus, split)).map((e) => e.record.photo));
    const [train, val] = [await photos("train"), await photos("val")];
    expect(val.size).toBeGreaterThan(10);
    expect([...val].every((id) => isValidationPhoto(id, 0.2) && !train.has(id))).toBe(true);
    expect([...train].every((id) => !isValidationPhoto(id, 0.2))).toBe(true);
    for await (const photo of openPool(dataRoot, "test", datasets)) {
      expect(train.has(photo.id) || val.has(photo.id)).toBe(false);
    }
  });

  it("uses template and training wordings only", async () => {
    const entries = await entriesOf(corpus, "train");
    const share = entries.filter((e) => e.record.wording === "template").length / entries.length;
    expect(share).toBeGreaterThan(0.2);
    expect(share).toBeLessThan(0.4);
    expect(entries.every((e) => e.record.wording !== "unseen" && e.record.instruction.length > 0)).toBe(true);
    for (const { record } of entries.filter((e) => e.record.task === "depth")) {
      const { template, train, unseen } = bank.depth;
      expect(unseen).not.toContain(record.instruction);
      expect(record.wording === "template" ? [template] : train).toContain(record.instruction);
    }
    for (const { record } of entries) {
      const { task, slots } = parseInstruction(record.instruction);
      expect([task, slots.category], record.instruction).toEqual([record.task, record.slots.category]);
    }
  });

  it("asks about present and absent categories in the agreed proportions", async () => {
    const { manifest } = await openCorpus(corpus);
    const { counts } = manifest;
    for (const dataset of ["coco", "oxford-pets", "oxford-pets-37breeds"]) {
      expect(counts[`${dataset}/classification/absent`]).toBe(counts[`${dataset}/classification/present`]);
    }
    const share = counts["coco/segmentation/absent"]! / counts["coco/segmentation/present"]!;
    expect(share).toBeGreaterThan(0.1);
    expect(share).toBeLessThan(0.35);
  });

  it("holds answers that its tasks read back", async () => {
    for (const { record, image, target, depth } of await entriesOf(corpus, "val")) {
      const photo = await readPicture(image);
      const drawn = await readPicture(target);
      for (const picture of [photo, drawn]) expect([picture.width, picture.height]).toEqual([size, size]);
      const floats = { ...drawn, data: Float32Array.from(drawn.data, (v) => v / 255) };
      const result = getTask(record.task).decode(floats, photo, record.slots, { width: size, height: size });
      if (result.task === "classification") expect(result.present).toBe(record.present);
      if (result.task === "segmentation" && record.negative) expect(result.area).toBe(0);
      if (result.task === "detection") {
        expect(record.boxes!.length > 0).toBe(!record.negative);
        if (record.negative) expect(drawn.data).toEqual(photo.data);
      }
      if (result.task === "depth") {
        const { data } = await readGrey16(depth!);
        const errors = result.metres.map((m, i) => Math.abs(m - data[i]! / 1000));
        expect(Math.max(...errors)).toBeLessThan(0.04);
      }
    }
  });
});

describe("building", () => {
  it("leaves nothing after an abort, and refuses a folder in use", async () => {
    const out = options("aborted");
    const controller = new AbortController();
    const watch = ({ phase, done }: CorpusProgress) => phase === "building" && done === 5 && controller.abort();
    await expect(buildCorpus(out, watch, controller.signal)).rejects.toThrow(/abort/i);
    expect((await readdir(folder)).filter((name) => name.includes("aborted"))).toEqual([]);
    await mkdir(out.out);
    await writeFile(join(out.out, "mine.txt"), "");
    await expect(buildCorpus({ ...out, overwrite: true })).rejects.toThrow(/not empty/);
    await expect(buildCorpus(options("a"))).rejects.toThrow(/not empty.*overwrite/);
  });

  it("replaces a corpus when asked to", async () => {
    await buildCorpus(options("d", { limit: 10 }));
    const manifest = await buildCorpus(options("d", { limit: 20, overwrite: true }));
    expect((await openCorpus(join(folder, "d"))).manifest).toEqual(manifest);
  });

  it("names the dataset folder that is missing", async () => {
    const nowhere = { ...options("e"), dataRoot: join(folder, "nowhere") };
    await expect(buildCorpus(nowhere)).rejects.toThrow(`${join(folder, "nowhere", "nyuv2")}: expected`);
    expect((await readdir(folder)).some((name) => name.startsWith("e."))).toBe(false);
  });
});

describe("reading", () => {
  it("refuses what is no corpus, an unknown split and a damaged shard", async () => {
    await expect(openCorpus(folder)).rejects.toThrow(/manifest\.json: expected the manifest/);
    const whole = await openCorpus(corpus);
    expect(() => whole.records("test")).toThrow(/no split "test"\. It has train, val/);
    const manifest = await buildCorpus(options("damaged", { limit: 20 }));
    const shard = join(folder, "damaged", manifest.splits.train!.shards[0]!.file);
    const bytes = await readFile(shard);
    await writeFile(shard, bytes.subarray(0, bytes.length >> 1));
    await expect(entriesOf(join(folder, "damaged"), "train")).rejects.toThrow(/train-000000\.tar: damaged shard/);
    bytes[bytes.length >> 1]! ^= 1;
    await writeFile(shard, bytes);
    await expect(entriesOf(join(folder, "damaged"), "train")).rejects.toThrow(/damaged shard/);
    await rm(shard);
    await expect(entriesOf(join(folder, "damaged"), "train")).rejects.toThrow(/damaged shard/);
  });
});
