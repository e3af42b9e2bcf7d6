/** A tiny checkpoint with a KL autoencoder quantised whole. */
import { mkdtemp, open, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { tinyAutoencoder, writeTinyCheckpoint } from "../../../tests/helpers/tiny-checkpoint.js";
import { readSafetensors } from "../../checkpoints/safetensors.js";
import { encodePng } from "../../image/io.js";
import { createRng } from "../../random.js";
import { LoadedModel } from "../model.js";
import { type Quantized, type QuantizeOptions, quantize } from "../quantize.js";

const root = await mkdtemp(join(tmpdir(), "instructcv-autoencoder-"));
afterAll(() => rm(root, { recursive: true }));
const dir = join(root, "tiny");
const file = join(dir, "vae/int8.safetensors");
const photos = [0, 1, 2].map((i) => join(root, `${i}.png`));
const options: QuantizeOptions = { photos, steps: 2, samples: 8, threads: 1, weightBits: 7, autoencoder: true };
const progress = new Map<string, string>();
let made: Quantized;

beforeAll(async () => {
  const rng = createRng(8);
  for (const photo of photos) {
    const data = Uint8Array.from({ length: 20 * 24 * 3 }, () => rng.int(256));
    await writeFile(photo, await encodePng({ width: 20, height: 24, data }));
  }
  await writeTinyCheckpoint(dir, tinyAutoencoder(2));
  const onProgress: QuantizeOptions["onProgress"] = ({ phase, done, total }) => progress.set(phase, `${done}/${total}`);
  made = await quantize(dir, { ...options, onProgress });
});

async function draw(precision: "float32" | "int8") {
  const photo = { width: 16, height: 16, data: Uint8Array.from({ length: 768 }, (_, i) => (i * 37) % 256) };
  const model = await LoadedModel.open(dir, { threads: 1, precision });
  const { guidance } = model.folder.defaults;
  const { drawn } = await model.draw(photo, "Segment the cat", { steps: 2, seed: 1, guidance, sampler: "ddim" });
  await model.close();
  return drawn.data;
}
const furthest = (a: Float32Array, b: Float32Array) =>
  a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);

test("its 3x3 convolutions become bytes, and the loss of the autoencoder alone is in its file", async () => {
  const { autoencoder, loss } = made;
  expect(autoencoder).toMatchObject({ path: file });
  const { metadata, entries } = await readSafetensors(file);
  expect(JSON.parse(metadata.loss!)).toEqual(loss.autoencoder);
  expect(JSON.parse(metadata.calibration!)).toEqual({ photos: 3, drawings: 4 });
  expect(entries.get("decoder.up_blocks.0.upsamplers.0.conv.weight")).toMatchObject({
    dtype: "I8",
    shape: [8, 8, 3, 3],
  });
  expect(entries.get("encoder.conv_in.weight")).toMatchObject({ dtype: "F32" });
  expect([...entries.keys()].filter((name) => name.endsWith(".output_ranges"))).toHaveLength(autoencoder!.layers);
  // Eight channels of random weights: 35 dB and more is what 8 bits of inputs and outputs give.
  for (const psnr of [loss.autoencoder!.photos, loss.autoencoder!.drawings, loss.psnr]) {
    expect(psnr).toBeGreaterThan(30);
    expect(psnr).toBeLessThan(80);
  }
});

test("progress counts the autoencoder's calibration", () => {
  // Two passes over 8 evaluations, 3 photos through encoder and decoder, 4 drawings through the decoder.
  expect(progress.get("calibrate")).toBe("36/36");
});

test("the model draws with it, nearly as before; without it, the autoencoder is the float one", async () => {
  const [float, both] = [await draw("float32"), await draw("int8")];
  const saved = await readFile(file);
  await rm(file);
  const denoiser = await draw("int8");
  await writeFile(file, saved);
  expect(furthest(float, both)).toBeLessThan(0.2);
  expect(float.reduce((sum, value, i) => sum + Math.abs(value - both[i]!), 0) / float.length).toBeLessThan(0.03);
  expect(furthest(both, denoiser)).toBeGreaterThan(1e-5);
  expect(furthest(float, denoiser)).toBeGreaterThan(1e-7);
});

test("the same inputs give the same bits, and an interrupted run leaves the old files and nothing else", async () => {
  const [first, unet] = [await readFile(file), await readFile(made.path)];
  await quantize(dir, options);
  expect((await readFile(file)).equals(first)).toBe(true);
  const stop = new AbortController();
  const onProgress: QuantizeOptions["onProgress"] = ({ phase }) => phase === "measure" && stop.abort();
  await expect(quantize(dir, { ...options, onProgress, signal: stop.signal })).rejects.toMatchObject({
    name: "AbortError",
  });
  expect((await readFile(made.path)).equals(unet)).toBe(true);
  expect(await readdir(join(dir, "vae"))).toEqual([
    "config.json",
    "diffusion_pytorch_model.safetensors",
    "int8.safetensors",
  ]);
});

test("one made from other weights is refused with a cure", async () => {
  const path = join(dir, "vae/diffusion_pytorch_model.safetensors");
  const saved = await readFile(path);
  const weights = await open(path, "r+");
  await weights.write(Buffer.of(1, 2, 3), 0, 3, saved.length - 100);
  await weights.close();
  await expect(LoadedModel.open(dir, { threads: 1, precision: "int8" })).rejects.toThrow(
    /vae\/int8\.safetensors: was made from other weights than .*vae.*\. Make it: instructcv quantize/,
  );
  await writeFile(path, saved);
});

test("a checkpoint without an autoencoder says so", async () => {
  const nano = join(root, "nano");
  await writeTinyCheckpoint(nano, {});
  await expect(quantize(nano, options)).rejects.toMatchObject({
    code: "usage",
    message: expect.stringMatching(/--autoencoder: nano has none to quantise.*SpaceToDepth.*Leave it out\./),
  });
});
