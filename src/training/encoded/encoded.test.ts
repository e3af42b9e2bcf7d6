/** Training from an encoded corpus is training from pictures, whatever stops the encoding, and no other corpus is taken for it. */
import { appendFile, cp, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { pix2pixConfig, writePix2PixStart } from "../../../tests/helpers/pix2pix-training.js";
import { writeTinyCorpus } from "../../../tests/helpers/tiny-corpus.js";
import { readSafetensors } from "../../checkpoints/safetensors.js";
import { type Batch, collate, createLoader, type Loader } from "../batch.js";
import type { TrainConfig } from "../config.js";
import { digestWeights } from "../distributed.js";
import { drawNoise } from "../noise.js";
import { RasterReader } from "../rasters.js";
import { train } from "../run.js";
import { createSession } from "../session.js";
import { drawsOf, stepLoss } from "../step.js";
import { openStores, type Store } from "../store.js";
import { runUpdate } from "../update.js";
import { countUpdate } from "../work.js";
import type { EncodedBatch } from "./batch.js";
import { checkEncoded } from "./check.js";
import { encodeCorpus } from "./encode.js";
import { createEncodedLoader, createViewDrawer } from "./loader.js";
import { type Encoded, openEncoded } from "./open.js";
import { createViews } from "./views.js";

let folder: string;
let config: TrainConfig;
let store: Store;
/** 9 views a shard: 84 views are 9 whole shards and a rest. */
const small = { views: 2, shardBytes: 9 * 13 * 64 * 4 };
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "instructcv-encoded-"));
  await writeTinyCorpus(join(folder, "corpus"));
  await writePix2PixStart(join(folder, "start"));
  config = await pix2pixConfig(join(folder, "start"), "epsilon");
  config.data = { ...config.data, corpus: join(folder, "corpus"), encoded: join(folder, "encoded"), pairs: 0.3 };
  config.output = { ...config.output, log_every: 1, sample_every: 3, val_records: 4 };
  store = (await openStores({ ...config, data: { ...config.data, encoded: null } })).train;
  await encodeCorpus(config, join(folder, "encoded"), small);
});
afterAll(() => rm(folder, { recursive: true }));

async function opened<T>(recipe: TrainConfig, use: (encoded: Encoded) => Promise<T>): Promise<T> {
  const encoded = await openEncoded(recipe);
  try {
    return await use(encoded);
  } finally {
    await encoded.close();
  }
}

/** Of the recipe's pictures, the batches whose examples an encoded loader gives. */
async function picturesOf(recipe: TrainConfig): Promise<Loader<Batch>> {
  const session = await createSession({ ...recipe, data: { ...recipe.data, encoded: null } }, store);
  const draw = createViewDrawer(store, recipe, small.views);
  const example = createViews(store, recipe, new RasterReader(store.size, 0));
  return {
    ...createLoader(store, recipe, session.tokenizer),
    async batch(step) {
      const drawn = Array.from({ length: recipe.optimizer.batch }, (_, i) => draw(step, i));
      const examples = await Promise.all(drawn.map(({ record, view }) => example(record, view)));
      return collate(examples, session.tokenizer);
    },
  };
}

/** Losses, samples' losses and, after four updates, the digest of the weights. */
async function updatesOf(recipe: TrainConfig, loader: Loader) {
  const session = await createSession(recipe, store);
  const results = [];
  for (let update = 1; update <= 4; update++) {
    const { loss, gradNorm, tasks } = await runUpdate(session, loader, update, recipe.optimizer.lr);
    results.push({ loss, gradNorm, tasks });
  }
  return { results, weights: digestWeights(session).toString("hex") };
}

const cases: Record<string, (recipe: TrainConfig) => TrainConfig> = {
  "samples of the posterior": (recipe) => recipe,
  "the mode, with dropped conditions": (recipe) => ({
    ...recipe,
    loss: { ...recipe.loss, target_latents: "mode", dropout: { text: 0.3, image: 0.3, both: 0.3 } },
  }),
  "an adapter": (recipe) => ({
    ...recipe,
    model: { ...recipe.model, lora: { rank: 3, alpha: 6, targets: ["to_q", "conv_in"] } },
  }),
  "two batches in an update": (recipe) => ({ ...recipe, optimizer: { ...recipe.optimizer, accumulate: 2 } }),
};

test.each(Object.keys(cases))("updates from shards are those from pictures, to the bit: %s", async (name) => {
  const recipe = cases[name]!(config);
  const fromShards = await opened(recipe, (encoded) => updatesOf(recipe, createEncodedLoader(store, recipe, encoded)));
  const pictures = { ...recipe, data: { ...recipe.data, encoded: null } };
  expect(fromShards).toEqual(await updatesOf(pictures, await picturesOf(recipe)));
});

test("in bfloat16 too, and with float16 shards to a thousandth", async () => {
  const lossOf = async (recipe: TrainConfig, loader: Loader) => {
    const session = await createSession(recipe, store);
    const { torch, models, stepOptions } = session;
    const batch = await loader.batch(0);
    return torch.noGrad(() =>
      torch.tidy(() => {
        torch.manualSeed(5);
        const noise = drawNoise(torch, models, recipe.loss, [4, 4, 8, 8]);
        return torch.item(stepLoss(torch.ops, models, batch, drawsOf(1, 0, 4, stepOptions), noise, stepOptions).loss);
      }),
    );
  };
  const bf16 = { ...config, compute: { ...config.compute, dtype: "bfloat16" as const } };
  bf16.data = { ...config.data, encoded: join(folder, "bf16") };
  await encodeCorpus(bf16, bf16.data.encoded!, small);
  const shards = await opened(bf16, (encoded) => lossOf(bf16, createEncodedLoader(store, bf16, encoded)));
  const pictures = { ...bf16, data: { ...bf16.data, encoded: null } };
  expect(shards).toBe(await lossOf(pictures, await picturesOf(bf16)));

  const half = { ...config, data: { ...config.data, encoded: join(folder, "half") } };
  await encodeCorpus(half, half.data.encoded!, { ...small, dtype: "float16" });
  const rounded = await opened(half, (encoded) => lossOf(half, createEncodedLoader(store, half, encoded)));
  const exact = await opened(config, (encoded) => lossOf(config, createEncodedLoader(store, config, encoded)));
  expect(Math.abs(rounded / exact - 1)).toBeLessThan(1e-3);
  expect(rounded).not.toBe(exact);
});

test("a batch follows from its number, and weights that are not 1 are in it", async () => {
  await opened(config, async (encoded) => {
    const loader = createEncodedLoader(store, config, encoded);
    const [third, again] = [await loader.batch(3), await createEncodedLoader(store, config, encoded).batch(3)];
    const bytes = (batch: EncodedBatch) => Buffer.from(batch.targetMean.buffer).toString("base64");
    expect(bytes(again)).toBe(bytes(third));
    expect(bytes(await loader.batch(4))).not.toBe(bytes(third));
    const weighted = { ...config, loss: { ...config.loss, detection_pixels: { outline: 4, copy: 0.5 } } };
    weighted.data = { ...config.data, encoded: join(folder, "weighted") };
    await encodeCorpus(weighted, weighted.data.encoded!, small);
    await opened(weighted, async (other) => {
      const batches = createEncodedLoader(store, weighted, other);
      const weights = await Promise.all(Array.from({ length: 8 }, (_, i) => batches.batch(i)));
      const values = new Set(weights.flatMap(({ latentWeights }) => [...latentWeights]));
      expect([...values].some((value) => value > 1)).toBe(true);
      expect(values.has(0.5)).toBe(true);
    });
  });
});

test("only the UNet is counted", async () => {
  await opened(config, async (encoded) => {
    const session = await createSession(config, store);
    const unet = await countUpdate(session, createEncodedLoader(store, config, encoded));
    const release = session.openFrozen();
    const all = await countUpdate(session, await picturesOf(config));
    release();
    expect(unet).toBeGreaterThan(0);
    expect(all).toBeGreaterThan(1.2 * unet);
  });
});

test("a run from shards stops, resumes to the bit and exports every weight; in between the frozen ones are not held", async () => {
  const quiet = { onProgress: () => {}, onNote: () => {} };
  const recipe = { ...config, duration: { steps: 6 } };
  const whole = await train(recipe, { out: join(folder, "whole"), ...quiet });
  const stop = new AbortController();
  const out = join(folder, "halves");
  await train(recipe, { out, ...quiet, signal: stop.signal, onProgress: ({ step }) => step === 3 && stop.abort() });
  await train(recipe, { out, ...quiet, resume: "auto" });
  for (const file of ["unet/diffusion_pytorch_model.safetensors", "vae/diffusion_pytorch_model.safetensors"])
    expect((await readFile(join(out, "model", file))).equals(await readFile(join(whole.model!, file)))).toBe(true);
  const name = "encoder.conv_in.weight";
  const [made, start] = await Promise.all(
    [whole.model!, join(folder, "start")].map((dir) =>
      readSafetensors(join(dir, "vae/diffusion_pytorch_model.safetensors")),
    ),
  );
  expect(made!.read(name)).toEqual(start!.read(name));

  const session = await createSession(recipe, store);
  const before = session.torch.liveTensors();
  const release = session.openFrozen();
  const all = [...session.models.vae.namedParameters(), ...session.models.textEncoder.namedParameters()].length;
  expect(session.torch.liveTensors()).toBe(before + all);
  session.withAverages(() => expect(session.torch.liveTensors()).toBe(before + all));
  release();
  expect(session.torch.liveTensors()).toBe(before);
});

test("stopped, the encoding keeps whole shards, goes on with the others and ends with the same bytes", async () => {
  const dir = join(folder, "stopped");
  const stop = new AbortController();
  const half = encodeCorpus(config, dir, small, ({ done }) => done > 40 && stop.abort(), stop.signal);
  await expect(half).rejects.toMatchObject({ name: "AbortError" });
  const names = await readdir(dir);
  expect(names.filter((name) => /^views.*\.safetensors$/.test(name))).toHaveLength(4);
  expect(names.filter((name) => name.endsWith(".tmp"))).toEqual([]);
  await expect(openEncoded({ ...config, data: { ...config.data, encoded: dir } })).rejects.toThrow(
    /not finished.*data encode/,
  );
  // As a kill between a shard and its note leaves it, and one inside a shard.
  await rm(join(dir, "views-000003.json"));
  await writeFile(join(dir, ".views-000004.safetensors.1-00.tmp"), "half");
  const kept: number[] = [];
  await encodeCorpus(config, dir, small, ({ kept: found }) => kept.push(found));
  expect(kept[0]).toBe(27);
  const names2 = (await readdir(dir)).sort();
  expect(names2).toEqual((await readdir(join(folder, "encoded"))).sort());
  for (const name of names2)
    expect((await readFile(join(dir, name))).equals(await readFile(join(folder, "encoded", name))), name).toBe(true);
});

test("each key that decides what is encoded is named when it differs, and what does not decide may", async () => {
  const open = (change: Partial<TrainConfig>) => opened({ ...config, ...change }, async () => {});
  await expect(open({ seed: 7 })).rejects.toThrow(/encoded: .* seed: expected 7 as in the recipe, found 1\. Run/);
  await expect(open({ data: { ...config.data, flip: 0.1 } })).rejects.toThrow(/data\.flip: expected 0\.1/);
  await expect(open({ model: { ...config.model, resolution: 64 } })).rejects.toThrow(/model\.resolution: expected 64/);
  const other = join(folder, "other-start");
  await cp(join(folder, "start"), other, { recursive: true });
  const path = join(other, "vae/diffusion_pytorch_model.safetensors");
  const bytes = await readFile(path);
  bytes[bytes.length - 1]! ^= 1;
  await writeFile(path, bytes);
  await expect(open({ model: { ...config.model, init: other } })).rejects.toThrow(
    /model\.init \(its vae's weights\): expected SHA-256 .* found /,
  );
  const corpus = join(folder, "other-corpus");
  await cp(join(folder, "corpus"), corpus, { recursive: true });
  await appendFile(join(corpus, "manifest.json"), "\n");
  await expect(open({ data: { ...config.data, corpus } })).rejects.toThrow(/data\.corpus/);
  await open({
    data: { ...config.data, weights: { ...config.data.weights, depth: 3 }, category_balance: 0 },
    optimizer: { ...config.optimizer, batch: 3, lr: 1 },
    loss: { ...config.loss, target_latents: "mode", min_snr_gamma: 5 },
  });
  await expect(encodeCorpus({ ...config, seed: 7 }, join(folder, "encoded"), small)).rejects.toThrow(
    /plan\.json: was begun with another seed/,
  );
});

test("a number that is none is never stored", async () => {
  const start = join(folder, "endless-start");
  await cp(join(folder, "start"), start, { recursive: true });
  const path = join(start, "vae/diffusion_pytorch_model.safetensors");
  const { entries } = await readSafetensors(path);
  const bytes = await readFile(path);
  bytes.writeFloatLE(Number.NaN, entries.get("encoder.conv_in.weight")!.start);
  await writeFile(path, bytes);
  const broken = { ...config, model: { ...config.model, init: start } };
  await expect(encodeCorpus(broken, join(folder, "endless"), small)).rejects.toThrow(
    /views-000000\.safetensors: expected numbers that F32 holds, found NaN/,
  );
  expect((await readdir(join(folder, "endless"))).sort()).toEqual(["plan.json"]);
});

test("recipes whose step needs more than the UNet are refused by key", async () => {
  const encode = (change: Partial<TrainConfig>) => encodeCorpus({ ...config, ...change }, join(folder, "never"));
  await expect(encode({ optimizer: { ...config.optimizer, train_text_encoder: true } })).rejects.toThrow(
    /optimizer\.train_text_encoder: .* false/,
  );
  await expect(encode({ loss: { ...config.loss, space: "pixels" } })).rejects.toThrow(/loss\.space/);
  const auxiliary = { ...config.loss.auxiliary, sentence: 1 };
  await expect(encode({ loss: { ...config.loss, auxiliary } })).rejects.toThrow(/loss\.auxiliary/);
  const vae = { _class_name: "SpaceToDepth", factor: 4, in_channels: 3, basis: "pixels" } as const;
  await expect(encode({ model: { ...config.model, vae } })).rejects.toThrow(/model\.vae\._class_name/);
  expect(await stat(join(folder, "never")).catch(() => null)).toBeNull();
});

test("a missing, cut or changed shard is named with its cure", async () => {
  const dir = join(folder, "damaged");
  await cp(join(folder, "encoded"), dir, { recursive: true });
  const recipe = { ...config, data: { ...config.data, encoded: dir } };
  const shard = join(dir, "views-000002.safetensors");
  expect(await checkEncoded(dir)).toMatchObject({ problems: [], records: 42, views: 84 });
  const { size } = await stat(shard);
  const bytes = await readFile(shard);
  bytes[size - 3]! ^= 64;
  await writeFile(shard, bytes);
  expect((await checkEncoded(dir)).problems).toEqual(["views-000002.safetensors: its checksum is not the manifest's"]);
  await truncate(shard, size - 4);
  const cut = new RegExp(
    `views-000002\\.safetensors: damaged: expected ${size} bytes, found ${size - 4}\\. Remove the file`,
  );
  await expect(openEncoded(recipe)).rejects.toThrow(cut);
  await rm(shard);
  await expect(openEncoded(recipe)).rejects.toThrow(/views-000002\.safetensors: damaged: .* found no file/);
  expect((await checkEncoded(dir)).problems).toEqual(["views-000002.safetensors: missing"]);
  await encodeCorpus(config, dir, small);
  expect((await checkEncoded(dir)).problems).toEqual([]);
});
