import { createHash } from "node:crypto";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type DatasetName, datasetNames, openPool } from "../datasets/pool.js";
import { readGrey16, readPicture } from "../image/io.js";
import { bank } from "../instructions/bank.js";
import { parseInstruction } from "../instructions/parse.js";
import { getTask } from "../tasks/registry.js";
import { decodeRle } from "../tasks/rle.js";
import { type BuildProgress, buildCorpus } from "./build.js";
import { type CorpusConfig, readCorpusConfig } from "./config.js";
import { isValidationPhoto } from "./plan.js";
import { openCorpus } from "./read.js";
import type { CorpusEntry, Manifest } from "./record.js";

const size = 48;
const root = resolve(import.meta.dirname, "../..");
const names: readonly DatasetName[] = datasetNames.filter((name) => name !== "voc2012");
let folder: string;
let corpus: string;
let config: CorpusConfig;
const progress: BuildProgress[] = [];

const at = (name: string) => ({ out: join(folder, name) });
const build = async (name: string, more: Partial<CorpusConfig> = {}): Promise<Manifest> => {
  const { manifest } = await buildCorpus({ ...config, ...more }, at(name));
  return manifest!;
};

async function entriesOf(dir: string, split: string): Promise<CorpusEntry[]> {
  const entries: CorpusEntry[] = [];
  for await (const entry of (await openCorpus(dir)).records(split)) entries.push(entry);
  return entries;
}

/** Of the shards and the manifest. */
async function hashes(dir: string): Promise<Record<string, string>> {
  const files = (await readdir(dir)).filter((name) => name.endsWith(".tar") || name === "manifest.json").sort();
  const digest = async (file: string) =>
    createHash("sha256")
      .update(await readFile(join(dir, file)))
      .digest("hex");
  return Object.fromEntries(await Promise.all(files.map(async (file) => [file, await digest(file)])));
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "corpus-"));
  corpus = join(folder, "a");
  const mini = await readCorpusConfig(join(root, "configs/mini.yaml"));
  config = {
    ...mini,
    size,
    seed: 3,
    datasets: mini.datasets.filter(({ name }) => name !== "voc2012").map((dataset) => ({ ...dataset, limit: 40 })),
    val_share: 0.2,
    shards: { photos: 25, megabytes: 256 },
  };
  await buildCorpus(config, at("a"), (p) => progress.push(p));
}, 120_000);
afterAll(() => rm(folder, { recursive: true }));

describe("a corpus", () => {
  it("has the same bytes whoever builds it: threads, parts, another folder; another seed gives others", async () => {
    const expected = await hashes(corpus);
    await buildCorpus(config, { ...at("threads"), workers: 3 });
    expect(await hashes(join(folder, "threads"))).toEqual(expected);

    const [complete, all] = (await buildCorpus(config, { ...at("parts"), part: { index: 1, of: 2 } })).shards;
    expect(complete).toBeLessThan(all);
    await expect(openCorpus(join(folder, "parts"))).rejects.toThrow(/manifest\.json: expected/);
    await buildCorpus(config, { ...at("parts"), part: { index: 2, of: 2 } });
    expect(await hashes(join(folder, "parts"))).toEqual(expected);

    await build("other", { seed: 4 });
    expect(await hashes(join(folder, "other"))).not.toEqual(expected);
  }, 240_000);

  it("can be put together from the folders of several machines", async () => {
    for (const index of [0, 1, 2]) await buildCorpus(config, { ...at(`machine-${index}`), part: { index, of: 3 } });
    for (const index of [1, 2]) {
      await cp(join(folder, `machine-${index}`), join(folder, "machine-0"), { recursive: true });
    }
    const { manifest, kept } = await buildCorpus(config, at("machine-0"));
    expect(kept).toBe(manifest!.splits.train!.shards.length + manifest!.splits.val!.shards.length);
    expect(await hashes(join(folder, "machine-0"))).toEqual(await hashes(corpus));
  }, 240_000);

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
    expect(progress.at(-1)).toMatchObject({ phase: "building", done: 160, total: 160, records, skipped: 0 });
    expect(manifest.datasets.map(({ name, photos }) => [name, photos])).toEqual(names.map((name) => [name, 40]));
    expect(manifest.datasets.every(({ licence }) => licence.length > 0)).toBe(true);
    expect(manifest.config).toMatchObject({ name: "mini", val_share: 0.2 });
    expect(manifest.skipped).toEqual([]);
  });

  it("has weights that draw every task equally often", async () => {
    const { manifest } = await openCorpus(corpus);
    const drawn: Record<string, number> = {};
    let all = 0;
    for (const { record } of await entriesOf(corpus, "train")) {
      drawn[record.task] = (drawn[record.task] ?? 0) + manifest.weights[record.task]!;
      all++;
    }
    expect(Object.keys(drawn)).toHaveLength(4);
    for (const share of Object.values(drawn)) expect(share).toBeCloseTo(all / 4, 6);
  });

  it("keeps all records of a photo in one split, and none of the test photos", async () => {
    const photos = async (split: string) => new Set((await entriesOf(corpus, split)).map((e) => e.record.photo));
    const [train, val] = [await photos("train"), await photos("val")];
    expect(val.size).toBeGreaterThan(10);
    expect([...val].every((id) => isValidationPhoto(id, 0.2) && !train.has(id))).toBe(true);
    expect([...train].every((id) => !isValidationPhoto(id, 0.2))).toBe(true);
    for await (const photo of openPool(config.data, "test", names)) {
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

  it("uses templates alone in FP mode", async () => {
    await build("fp", { instructions: { ...config.instructions, mode: "fp" }, datasets: config.datasets.slice(0, 1) });
    const entries = await entriesOf(join(folder, "fp"), "train");
    expect(entries.every(({ record }) => record.wording === "template")).toBe(true);
    expect(new Set(entries.filter((e) => e.record.task === "depth").map((e) => e.record.instruction)).size).toBe(1);
  });

  it("asks about present and absent categories in the agreed proportions", async () => {
    const { counts } = (await openCorpus(corpus)).manifest;
    for (const dataset of ["coco", "oxford-pets", "oxford-pets-37breeds"]) {
      expect(counts[`${dataset}/classification/absent`]).toBe(counts[`${dataset}/classification/present`]);
    }
    const share = counts["coco/segmentation/absent"]! / counts["coco/segmentation/present"]!;
    expect(share).toBeGreaterThan(0.1);
    expect(share).toBeLessThan(0.35);
  });

  it("asks a dataset for the tasks it is wanted for, and no others", async () => {
    const datasets = config.datasets.map((dataset) => ({ ...dataset, tasks: ["detection" as const], limit: 12 }));
    const { counts } = await build("boxes", { datasets: datasets.filter(({ name }) => name !== "nyuv2") });
    expect(Object.keys(counts).map((kind) => kind.split("/")[1])).toEqual(Object.keys(counts).map(() => "detection"));
  });

  it("holds answers that its tasks read back, and the labels they were drawn from", async () => {
    for (const { record, image, target, depth } of await entriesOf(corpus, "val")) {
      const photo = await readPicture(image);
      const drawn = await readPicture(target);
      for (const picture of [photo, drawn]) expect([picture.width, picture.height]).toEqual([size, size]);
      const floats = { ...drawn, data: Float32Array.from(drawn.data, (v) => v / 255) };
      const result = getTask(record.task).decode(floats, photo, record.slots, { width: size, height: size });
      if (result.task === "classification") expect(result.present).toBe(record.present);
      if (result.task === "segmentation") {
        expect(record.mask!.size).toEqual([record.size[1], record.size[0]]);
        const whole = decodeRle(record.mask!);
        const share = whole.reduce((sum, value) => sum + value, 0) / whole.length;
        if (record.negative) expect(share).toBe(0);
        if (!record.ignore)
          expect(Math.abs(result.area / size ** 2 - share)).toBeLessThan(record.negative ? 1e-9 : 0.1);
      }
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

  it("never draws what a mask ignores as background", async () => {
    const entries = await entriesOf(corpus, "train");
    const ignoring = entries.filter(({ record }) => record.ignore !== undefined);
    expect(ignoring.length).toBeGreaterThan(1);
    let unknown = 0;
    for (const { record, target } of ignoring) {
      const drawn = await readPicture(target);
      const greys = drawn.data.filter((_, i) => i % 3 === 0);
      expect([...new Set(greys)].every((grey) => [0, 128, 255].includes(grey))).toBe(true);
      const ignored = decodeRle(record.ignore!);
      const [width, height] = record.size;
      for (let i = 0; i < greys.length; i++) {
        if (greys[i] === 128) unknown++;
        if (greys[i] === 128) continue;
        const [x, y] = [i % size, Math.floor(i / size)];
        // All pixels that the target's pixel stands for, however they are rounded.
        const [left, right] = [Math.floor((x * width) / size), Math.ceil(((x + 1) * width) / size)];
        const [top, bottom] = [Math.floor((y * height) / size), Math.ceil(((y + 1) * height) / size)];
        let known = false;
        for (let row = top; row < bottom; row++)
          for (let column = left; column < right; column++) known ||= ignored[row * width + column] === 0;
        expect(known).toBe(true);
      }
    }
    expect(unknown).toBeGreaterThan(0);
  });
});

describe("building", () => {
  it("goes on after an abort with the shards that are missing, and refuses a folder in use", async () => {
    const controller = new AbortController();
    const watch = ({ phase, done }: BuildProgress) => phase === "building" && done === 60 && controller.abort();
    await expect(buildCorpus(config, at("aborted"), watch, controller.signal)).rejects.toThrow(/abort/i);
    const left = await readdir(join(folder, "aborted"));
    expect(left.filter((name) => name.endsWith(".tmp"))).toEqual([]);
    expect(left).not.toContain("manifest.json");
    // What a process that was killed leaves.
    await writeFile(join(folder, "aborted", ".train-000003.tar.123-0011aabb.tmp"), "half");
    const { kept } = await buildCorpus(config, { ...at("aborted"), workers: 2 });
    expect(kept).toBe(left.filter((name) => name.endsWith(".tar")).length);
    expect(kept).toBeGreaterThan(0);
    expect(await hashes(join(folder, "aborted"))).toEqual(await hashes(corpus));
    expect((await readdir(join(folder, "aborted"))).filter((name) => name.endsWith(".tmp"))).toEqual([]);

    await mkdir(join(folder, "mine"));
    await writeFile(join(folder, "mine", "mine.txt"), "");
    await expect(buildCorpus(config, { ...at("mine"), overwrite: true })).rejects.toThrow(/not empty/);
    await expect(build("a", { seed: 9 })).rejects.toThrow(/other settings.*overwrite/);
  }, 240_000);

  it("makes a shard again that was lost or cut, and nothing else", async () => {
    await cp(corpus, join(folder, "cut"), { recursive: true });
    const [first, second] = (await openCorpus(corpus)).manifest.splits.train!.shards;
    await rm(join(folder, "cut", first!.file));
    await writeFile(join(folder, "cut", second!.file), "cut");
    const done: number[] = [];
    await buildCorpus(config, at("cut"), ({ total }) => total !== undefined && done.push(total));
    expect(done.at(-1)).toBe(50);
    expect(await hashes(join(folder, "cut"))).toEqual(await hashes(corpus));
  });

  it("replaces a corpus when asked to", async () => {
    const few = (limit: number) => config.datasets.map((dataset) => ({ ...dataset, limit }));
    await build("d", { datasets: few(3) });
    const { manifest } = await buildCorpus({ ...config, datasets: few(5) }, { ...at("d"), overwrite: true });
    expect((await openCorpus(join(folder, "d"))).manifest).toEqual(manifest);
  });

  it("goes on in another file when a shard grows too large", async () => {
    const datasets = config.datasets.map((dataset) => ({ ...dataset, limit: 10 }));
    const { splits } = await build("small", { datasets, shards: { photos: 100, megabytes: 0.1 } });
    const { shards } = splits.train!;
    expect(shards.map(({ file }) => file).slice(0, 2)).toEqual(["train-000000.tar", "train-000000-1.tar"]);
    for (const { bytes } of shards) expect(bytes).toBeLessThanOrEqual(0.1 * 2 ** 20);
    expect(await entriesOf(join(folder, "small"), "train")).toHaveLength(splits.train!.records);
  });

  it("leaves out photos that cannot be used and lists them, up to the share that is allowed", async () => {
    const data = join(folder, "pets");
    await cp(join(config.data, "oxford-pets/annotations"), join(data, "annotations"), { recursive: true });
    const photos = (await readdir(join(config.data, "oxford-pets/images"))).filter((name) => /^Abyssinian/.test(name));
    await mkdir(join(data, "images"));
    for (const name of photos) await cp(join(config.data, "oxford-pets/images", name), join(data, "images", name));
    const list = (await readFile(join(data, "annotations/trainval.txt"), "utf8")).split("\n");
    const chosen = list.filter((line) => line.startsWith("Abyssinian")).slice(0, 20);
    const nameOf = (line: string) => line.split(" ")[0]!;
    await rm(join(data, "annotations/trainval.txt"));
    await writeFile(join(data, "annotations/trainval.txt"), [...chosen, chosen[3]].join("\n"));
    await rm(join(data, "images", `${nameOf(chosen[0]!)}.jpg`));
    await rm(join(data, "images", `${nameOf(chosen[1]!)}.jpg`));
    await writeFile(join(data, "images", `${nameOf(chosen[1]!)}.jpg`), "<html>not found</html>");
    const trimap = join(data, "annotations/trimaps", `${nameOf(chosen[2]!)}.png`);
    await rm(trimap);
    await cp(join(config.data, "oxford-pets/annotations/trimaps/beagle_1.png"), trimap).catch(() => {});
    const datasets = [{ ...config.datasets.find(({ name }) => name === "oxford-pets")!, folder: "pets", limit: null }];
    const pets = { data: folder, datasets, max_skipped: 0.2 };
    const manifest = await build("pets-corpus", pets);
    expect(manifest.skipped.map(({ photo }) => photo).sort()).toEqual(
      [0, 1, 2, 3].map((i) => `oxford-pets/${nameOf(chosen[i]!)}`).sort(),
    );
    const reasons = manifest.skipped.map(({ reason }) => reason).join("\n");
    expect(reasons).toMatch(/comes twice/);
    expect(reasons).toMatch(/web page/);
    expect(reasons).toMatch(/cannot be opened \(ENOENT\)/);
    expect(manifest.splits.train!.photos + manifest.splits.val!.photos).toBe(17);
    await expect(build("strict", { ...pets, max_skipped: 0.1 })).rejects.toThrow(
      /4 of 21 photos cannot be used, max_skipped allows 2; the first: .*comes twice/,
    );
  });

  it("names the dataset folder that is missing, and leaves nothing", async () => {
    await expect(build("e", { data: join(folder, "nowhere") })).rejects.toThrow(
      `${join(folder, "nowhere", "nyuv2")}: expected`,
    );
    expect(await readdir(folder)).not.toContain("e");
  });
});

describe("reading", () => {
  it("refuses what is no corpus, an unknown split and a damaged shard", async () => {
    await expect(openCorpus(folder)).rejects.toThrow(/manifest\.json: expected the manifest/);
    const whole = await openCorpus(corpus);
    expect(() => whole.records("test")).toThrow(/no split "test"\. It has train, val/);
    await cp(corpus, join(folder, "damaged"), { recursive: true });
    const shard = join(folder, "damaged", whole.manifest.splits.train!.shards[0]!.file);
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
