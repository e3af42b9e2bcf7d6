/** A split in memory and one that is read as it is drawn are the same split, and damage is named in both. */
import { createHash } from "node:crypto";
import { cp, mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { inOrder } from "../../tests/helpers/in-order.js";
import { writeTinyCorpus } from "../../tests/helpers/tiny-corpus.js";
import { tinyConfig, tinySize } from "../../tests/helpers/tiny-training.js";
import { createLoader } from "./batch.js";
import type { TrainConfig } from "./config.js";
import { type Located, RasterReader } from "./rasters.js";
import { openStores } from "./store.js";

let folder: string;
let config: TrainConfig;
const tokenizer = { encode: (text: string) => [text.length, text.charCodeAt(text.length - 1)] };
/** One photo and a bit: less than any batch needs. */
const little = (3.5 * tinySize ** 2) / 2 ** 20;
const using = (data: Partial<TrainConfig["data"]>): TrainConfig => ({ ...config, data: { ...config.data, ...data } });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "instructcv-store-"));
  await writeTinyCorpus(join(folder, "corpus"));
  config = await tinyConfig();
  config.data = { ...config.data, corpus: join(folder, "corpus"), pairs: 0.6, word_noise: 0.2, template_share: 0.5 };
  config.loss.auxiliary = { sentence: 0, presence: 0.1, extent: 0.1, asked: 0.1, photos: 4 };
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test("batches and photos are the same to the bit, in memory or read as they are drawn", async () => {
  const notes: string[] = [];
  const made = async (recipe: TrainConfig) => {
    const { train } = await openStores(recipe, (line) => notes.push(line));
    const loader = createLoader(train, recipe, tokenizer);
    const found = await inOrder([0, 1, 2, 3, 4, 5, 6, 7], async (step) => [
      await loader.batch(step),
      await loader.photos(step, 4),
    ]);
    await loader.close();
    return { found, samples: train.samples };
  };
  const whole = await made(using({ memory_mb: 10 }));
  expect(notes).toEqual([]);
  const read = await made(using({ memory_mb: little }));
  expect(notes).toEqual([
    expect.stringMatching(/corpus: "train" takes 1 MB decoded, data\.memory_mb is 1: pictures are decoded as they are/),
  ]);
  expect(read.found).toEqual(whole.found);

  // A photo is one object for all its records, in memory that threads share, or one place in a shard.
  const photosOf = ({ samples }: typeof whole) => new Set(samples.map(({ photo }) => photo));
  expect([photosOf(whole).size, photosOf(read).size]).toEqual([6, 6]);
  for (const { photo, mask, millimetres } of whole.samples) {
    for (const raster of [photo, mask, millimetres]) {
      if (raster) expect((raster as Uint8Array).buffer).toBeInstanceOf(SharedArrayBuffer);
    }
  }
  expect(read.samples.every(({ photo, mask }) => "shard" in photo && (!mask || "shard" in mask))).toBe(true);
});

test("the last rasters used are kept, as many as the budget holds", async () => {
  const { train } = await openStores(using({ memory_mb: little }));
  const [a, b, c] = [...new Set(train.samples.map(({ photo }) => photo))] as Located[] as [Located, Located, Located];
  const reader = new RasterReader(tinySize, 2 * 3 * tinySize ** 2);
  const [first, second] = [await reader.get<Uint8Array>(a), await reader.get<Uint8Array>(b)];
  expect(await reader.get(a)).toBe(first);
  await reader.get(c);
  expect(await reader.get(a)).toBe(first);
  const again = await reader.get<Uint8Array>(b);
  expect(again).not.toBe(second);
  expect(again).toEqual(second);
  await reader.close();
});

/** The corpus with the first shard of a split changed, and, if asked, its checksum in the manifest too. */
async function damagedCorpus(name: string, split: string, change: (path: string) => Promise<void>, sealed = false) {
  const corpus = join(folder, name);
  await cp(join(folder, "corpus"), corpus, { recursive: true });
  const manifest = JSON.parse(await readFile(join(corpus, "manifest.json"), "utf8"));
  const shard = manifest.splits[split].shards[0];
  const path = join(corpus, shard.file);
  await change(path);
  if (sealed)
    shard.sha256 = createHash("sha256")
      .update(await readFile(path))
      .digest("hex");
  await writeFile(join(corpus, "manifest.json"), JSON.stringify(manifest));
  return { corpus, file: shard.file as string };
}
/** Overwrites what comes after a text of the file. */
const spoil = (after: string, skip: number) => async (path: string) => {
  const bytes = await readFile(path);
  const at = bytes.indexOf(after) + skip;
  bytes.fill(0, at, at + 64);
  await writeFile(path, bytes);
};

test.each([
  ["in memory", 10],
  ["as it is drawn", little],
])(
  "damage is found before training, %s: by checksum, by record and byte where it can be told",
  async (way, memory_mb) => {
    const name = way.replaceAll(" ", "-");
    // The second picture of a record begins 512 bytes after its name in the tar header.
    const picture = await damagedCorpus(`${name}-picture`, "train", spoil(".image.jpg", 520));
    await expect(openStores(using({ corpus: picture.corpus, memory_mb }))).rejects.toThrow(
      new RegExp(`${picture.file}: record 0-\\S+ at byte 512: .*image\\.jpg.* data check ${picture.corpus}`),
    );
    const sentence = await damagedCorpus(`${name}-json`, "val", async (path) => {
      const text = (await readFile(path)).toString("latin1");
      await writeFile(path, Buffer.from(text.replace('"template"', '"tampered"'), "latin1"));
    });
    await expect(openStores(using({ corpus: sentence.corpus, memory_mb }))).rejects.toThrow(
      new RegExp(`${sentence.file}: damaged shard: its checksum is not the manifest's`),
    );
    const cut = await damagedCorpus(`${name}-cut`, "train", (path) => truncate(path, 2000));
    await expect(openStores(using({ corpus: cut.corpus, memory_mb }))).rejects.toThrow(
      new RegExp(`${cut.file}: damaged shard: .*at byte 512`),
    );
  },
);

test("a picture that was never whole is named when it is decoded", async () => {
  const { corpus, file } = await damagedCorpus("sealed", "train", spoil(".image.jpg", 520), true);
  const says = new RegExp(`${file}: record 0-\\S+ at byte 512: .*image\\.jpg`);
  await expect(openStores(using({ corpus, memory_mb: 10 }))).rejects.toThrow(says);
  const recipe = using({ corpus, memory_mb: little });
  const { train } = await openStores(recipe);
  const loader = createLoader(train, recipe, tokenizer);
  await expect(inOrder(Array(20).keys(), (step) => loader.batch(step))).rejects.toThrow(says);
  await loader.close();
});
