/** A checkpoint that was not made here, by its name on the hub: fetched, loaded, asked, its answers in the photo's own pixels. */
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readCheckpoint } from "../src/checkpoints/folder.js";
import { type TensorData, writeSafetensors } from "../src/checkpoints/safetensors.js";
import { encodePng, load, type Perceiver, type Picture } from "../src/index.js";
import { createRng } from "../src/random.js";
import { type FakeHub, startFakeHub } from "./helpers/fake-hub.js";
import { runCli } from "./helpers/run-cli.js";
import { tinyAutoencoder, writeTinyCheckpoint } from "./helpers/tiny-checkpoint.js";

const root = await mkdtemp(join(tmpdir(), "instructcv-foreign-"));
const cache = join(root, "cache");
const source = join(root, "source");
const name = "someone/pix2pix";
let hub: FakeHub;
let model: Perceiver;

beforeAll(async () => {
  await writeTinyCheckpoint(source, {
    ...tinyAutoencoder(4),
    scheduler: {
      _class_name: "EulerAncestralDiscreteScheduler",
      beta_schedule: "scaled_linear",
      beta_start: 0.00085,
      beta_end: 0.012,
    },
  });
  const paths = (await readdir(source, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  const files = new Map<string, Buffer>();
  for (const { parentPath, name: file } of paths) {
    const path = join(parentPath, file);
    // Foreign: it does not say what it does when the caller says nothing.
    if (file !== "instructcv.json") files.set(path.slice(source.length + 1), await readFile(path));
  }
  hub = await startFakeHub({ name, commit: "c".repeat(40), files });
  model = await load(name, { cache, endpoint: hub.url, threads: 1 });
});
afterAll(async () => {
  await model.close();
  await hub.close();
  await rm(root, { recursive: true });
});

const rng = createRng(1);
const photo: Picture = { width: 90, height: 60, data: Uint8Array.from({ length: 16200 }, () => rng.int(256)) };

test("the paper's defaults hold, and the photo's aspect is kept", async () => {
  expect(model.name).toBe(name);
  expect(model.defaults).toMatchObject({
    steps: 100,
    guidance: { text: 7.5, image: 1.5 },
    resolution: 512,
    fit: "crop",
  });
  const seen = await model.perceive(photo, "Segment the cat", { steps: 2, resolution: 128 });
  if (seen.task !== "segmentation") throw new Error(seen.task);
  // 90x60 at 128: the shorter side 85.3 rounds up to 128, the longer is 192.
  expect(seen.picture).toMatchObject({ width: 192, height: 128 });
  expect(seen.mask.length).toBe(90 * 60);
  expect(seen.model).toBe(name);
  await expect(model.perceive(photo, "Segment the cat", { resolution: 100 })).rejects.toMatchObject({
    code: "usage",
    message: /multiple of 64/,
  });
});

test("what the crop leaves out is answered by its neighbour, in the photo's own pixels", async () => {
  const data = Uint8Array.from({ length: 160 * 100 * 3 }, () => rng.int(256));
  const pixels: Picture = { width: 160, height: 100, data };
  const seen = await model.perceive(pixels, "Estimate the depth of this image", { steps: 1, resolution: 64 });
  if (seen.task !== "depth") throw new Error(seen.task);
  // 160x100 at 64: 64x64 of the middle 100 columns; 30 are left out on each side.
  expect(seen.picture).toMatchObject({ width: 64, height: 64 });
  const row = (y: number) => Array.from(seen.metres.subarray(160 * y, 160 * (y + 1)));
  for (const y of [0, 50, 99]) {
    expect(new Set(row(y).slice(0, 28)).size).toBe(1);
    expect(new Set(row(y).slice(132)).size).toBe(1);
    expect(new Set(row(y).slice(30, 130)).size).toBeGreaterThan(20);
  }
});

test("the same seed and weights whether by name, by folder or through the command line, offline too", async () => {
  const [folder] = (await readdir(join(cache, "models--someone--pix2pix", "snapshots"))) as [string];
  const byFolder = await load(join(cache, "models--someone--pix2pix", "snapshots", folder), { threads: 1 });
  const options = { steps: 2, resolution: 64, seed: 3, sampler: "dpm++2m" } as const;
  const ask = async (one: Perceiver) => (await one.perceive(photo, "Segment the cat", options)).picture;
  const expected = await ask(model);
  expect(await ask(byFolder)).toEqual(expected);
  await byFolder.close();

  const file = join(root, "photo.png");
  await writeFile(file, await encodePng(photo));
  const before = hub.requests.length;
  const args = [
    "--steps",
    "2",
    "--resolution",
    "64",
    "--seed",
    "3",
    "--sampler",
    "dpm++2m",
    "--threads",
    "1",
    "--offline",
  ];
  const env = { HF_HUB_CACHE: cache, HF_ENDPOINT: hub.url };
  const { code, stdout, stderr } = await runCli(["run", file, "Segment the cat", "--model", name, "--json", ...args], {
    cwd: root,
    env,
  });
  expect(stderr).toBe("");
  expect(code).toBe(0);
  const answer = JSON.parse(stdout) as { model: string; output: string };
  expect(answer.model).toBe(name);
  expect(await readFile(join(root, answer.output))).toEqual(await encodePng(expected));
  expect(hub.requests.length).toBe(before);
  const plan = await runCli(["run", file, "Segment the cat", "--model", name, "--dry-run", "--offline"], {
    cwd: root,
    env,
  });
  expect(plan.stdout).toMatch(
    /^someone\/pix2pix: 1 answer, drawn at 576x384 pixels at most\n {2}memory of its own +0\.\d+ GB\n/,
  );
});

describe("tiles", () => {
  test("a large drawing in tiles takes less at once and looks much like the whole", async () => {
    const ask = async (tiles: "always" | "never") =>
      (await model.perceive(photo, "Segment the cat", { steps: 1, resolution: 576, tiles })).picture;
    const [whole, tiled] = [await ask("never"), await ask("always")];
    expect(tiled).toMatchObject({ width: 576, height: 384 });
    const apart = whole.data.map((value, i) => Math.abs(value - tiled.data[i]!));
    // Group norms see a tile instead of the whole: not equal, but close, and nowhere far.
    expect(apart.reduce((a, b) => a + b, 0) / apart.length).toBeLessThan(6);
    expect(whole.data).not.toEqual(tiled.data);
  });
});

describe("LoRA", () => {
  const layer = "down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_v";
  async function writeLora(path: string, scale: number): Promise<TensorData> {
    const { weights } = (await readCheckpoint(source)).unet;
    const [outputs, inputs] = weights.entries.get(`${layer}.weight`)!.shape as [number, number];
    const factor = (shape: number[]) => ({
      shape,
      data: Float32Array.from({ length: shape[0]! * shape[1]! }, () => scale * rng.normal()),
    });
    const [down, up] = [factor([2, inputs]), factor([outputs, 2])];
    await writeSafetensors(
      path,
      new Map([
        [`unet.${layer}.lora_A.weight`, down],
        [`unet.${layer}.lora_B.weight`, up],
      ]),
    );
    const base = weights.read(`${layer}.weight`);
    const data = base.map((value, i) => {
      const [o, j] = [Math.floor(i / inputs), i % inputs];
      return value + 0.5 * (up.data[2 * o]! * down.data[j]! + up.data[2 * o + 1]! * down.data[inputs + j]!);
    });
    return { shape: [outputs, inputs], data };
  }

  test("merged at load with its weight, as if the checkpoint had it", async () => {
    const path = join(root, "lora.safetensors");
    const merged = await writeLora(path, 1);
    const other = join(root, "merged");
    await writeTinyCheckpoint(other, tinyAutoencoder(4));
    const { weights } = (await readCheckpoint(source)).unet;
    const tensors = new Map([...weights.entries].map(([key, { shape }]) => [key, { shape, data: weights.read(key) }]));
    tensors.set(`${layer}.weight`, merged as never);
    await cp(source, other, { recursive: true });
    await writeSafetensors(join(other, "unet/diffusion_pytorch_model.safetensors"), tensors);

    const options = { steps: 2, resolution: 16, seed: 1 } as const;
    const ask = async (loras?: { path: string; weight: number }[], dir = source) => {
      const one = await load(dir, { threads: 1, loras });
      const { picture } = await one.perceive(photo, "Segment the cat", options);
      await one.close();
      return picture.data;
    };
    const base = await ask();
    expect(await ask([{ path, weight: 0 }])).toEqual(base);
    const half = await ask([{ path, weight: 0.5 }]);
    expect(half).not.toEqual(base);
    const expected = await ask(undefined, other);
    expect(Math.max(...half.map((value, i) => Math.abs(value - expected[i]!)))).toBeLessThanOrEqual(1);
  });

  test("does not go with int8, and one of another model is refused", async () => {
    const path = join(root, "strange.safetensors");
    const data = new Float32Array(4);
    await writeSafetensors(
      path,
      new Map([
        ["unet.mid_block.nothing.lora_A.weight", { shape: [2, 2], data }],
        ["unet.mid_block.nothing.lora_B.weight", { shape: [2, 2], data }],
      ]),
    );
    const loras = [{ path, weight: 1 }];
    await expect(load(source, { loras, precision: "int8" })).rejects.toMatchObject({ code: "usage", message: /int8/ });
    await expect(load(source, { loras })).rejects.toMatchObject({ code: "checkpoint", message: /mid_block\.nothing/ });
    await expect(load(source, { precision: "int8" })).rejects.toMatchObject({ message: /instructcv quantize/ });
  });
});
