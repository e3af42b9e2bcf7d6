/** A whole tiny checkpoint quantised and run. */
import { appendFile, mkdtemp, open, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeTinyCheckpoint } from "../../tests/helpers/tiny-checkpoint.js";
import { readSafetensors } from "../checkpoints/safetensors.js";
import { encodePng } from "../image/io.js";
import { createRng } from "../random.js";
import { LoadedModel } from "./model.js";
import { type Quantized, type QuantizeOptions, quantize } from "./quantize.js";

const root = await mkdtemp(join(tmpdir(), "instructcv-quantize-"));
afterAll(() => rm(root, { recursive: true }));
const dir = join(root, "tiny");
const file = join(dir, "unet/int8.safetensors");
const photos = [0, 1, 2].map((i) => join(root, `${i}.png`));
const options: QuantizeOptions = { photos, steps: 2, samples: 16, threads: 1, weightBits: 7 };
let made: Quantized;

beforeAll(async () => {
  const rng = createRng(8);
  for (const photo of photos) {
    const data = Uint8Array.from({ length: 20 * 24 * 3 }, () => rng.int(256));
    await writeFile(photo, await encodePng({ width: 20, height: 24, data }));
  }
  await writeTinyCheckpoint(dir, { defaults: { guidance: { text: 3, image: 1.5 } } });
  made = await quantize(dir, options);
});

// Sixteen channels of random weights hardly average errors out: a real network loses a fifth of this.
test("the loss is bounded and is in the file, with what it was calibrated on", async () => {
  expect(made).toMatchObject({ path: file, weightBits: 7 });
  expect(made.loss.prediction).toBeGreaterThan(1e-5);
  expect(made.loss.prediction).toBeLessThan(0.2);
  expect(made.loss.psnr).toBeGreaterThan(25);
  const { metadata, entries } = await readSafetensors(file);
  expect(JSON.parse(metadata.loss!)).toEqual(made.loss);
  expect(JSON.parse(metadata.calibration!)).toEqual({
    photos: 3,
    sentences: [
      "Segment the cat",
      "Detect the cat",
      "Estimate the depth of this image",
      "Show green if the picture has a cat, otherwise show red",
    ],
    steps: 2,
    samples: 16,
  });
  expect(entries.get("mid_block.resnets.0.conv1.weight")).toMatchObject({ dtype: "I8", shape: [288, 32] });
  expect(entries.get("conv_in.weight")).toMatchObject({ dtype: "F32" });
  expect([...entries.keys()].filter((name) => name.endsWith(".input_range"))).toHaveLength(made.layers);
});

test("the same inputs give the same bits", async () => {
  const first = await readFile(file);
  await quantize(dir, options);
  expect((await readFile(file)).equals(first)).toBe(true);
});

test("the model draws with it, nearly as before and not quite", async () => {
  const photo = { width: 16, height: 16, data: new Uint8Array(768).fill(90) };
  const draw = async (precision: "float32" | "int8") => {
    const model = await LoadedModel.open(dir, { threads: 1, precision });
    const { guidance } = model.folder.defaults;
    const { drawn } = await model.draw(photo, "Segment the cat", { steps: 2, seed: 1, guidance, sampler: "ddim" });
    await model.close();
    return drawn.data;
  };
  const [float, int8] = [await draw("float32"), await draw("int8")];
  const worst = float.reduce((most, value, i) => Math.max(most, Math.abs(value - int8[i]!)), 0);
  expect(worst).toBeGreaterThan(1e-6);
  expect(worst).toBeLessThan(0.1);
});

test("progress counts each phase to its end", async () => {
  const last = new Map<string, string>();
  await quantize(dir, { ...options, onProgress: ({ phase, done, total }) => last.set(phase, `${done}/${total}`) });
  // 4 drawings of 2 steps under 3 conditions; both passes over 16 of these; 3 drawings of at least 16 evaluations.
  expect([...last]).toEqual([
    ["draw", "24/24"],
    ["calibrate", "32/32"],
    ["measure", "3/3"],
  ]);
});

test("an interrupted run leaves the old file and nothing else", async () => {
  const before = await readFile(file);
  const stop = new AbortController();
  const onProgress: QuantizeOptions["onProgress"] = ({ phase }) => phase === "measure" && stop.abort();
  await expect(quantize(dir, { ...options, onProgress, signal: stop.signal })).rejects.toMatchObject({
    name: "AbortError",
  });
  expect((await readFile(file)).equals(before)).toBe(true);
  expect(await readdir(join(dir, "unet"))).toEqual([
    "config.json",
    "diffusion_pytorch_model.safetensors",
    "int8.safetensors",
  ]);
});

test("bad input is named before anything is computed", async () => {
  const refused = (changes: Partial<QuantizeOptions>) => quantize(dir, { ...options, ...changes });
  await expect(refused({ photos: [] })).rejects.toThrow("No photos to calibrate on. Give some with --photos.");
  await expect(refused({ photos: [join(root, "none.png")] })).rejects.toMatchObject({
    code: "image",
    message: /none\.png/,
  });
  await expect(refused({ instructions: ["hello"] })).rejects.toMatchObject({ code: "instruction" });
  await expect(quantize(photos[0]!, options)).rejects.toMatchObject({ code: "usage", message: /this is a file/ });
});

test("an int8 file that is missing, damaged or of other weights is refused with a cure", async () => {
  const damaged = join(root, "damaged");
  await writeTinyCheckpoint(damaged, {});
  const refusal = () =>
    LoadedModel.open(damaged, { threads: 1, precision: "int8" }).catch(
      (error: Error) => error.message,
    ) as Promise<string>;
  expect(await refusal()).toMatch(/int8\.safetensors: cannot be opened \(ENOENT\)\. Make it: instructcv quantize/);
  await quantize(damaged, options);
  await appendFile(join(damaged, "unet/int8.safetensors"), "x");
  expect(await refusal()).toMatch(/int8\.safetensors: describes .* Make it: instructcv quantize/);
  await quantize(damaged, options);
  // One weight changes in the middle of the float file.
  const weights = await open(join(damaged, "unet/diffusion_pytorch_model.safetensors"), "r+");
  await weights.write(Buffer.of(1, 2, 3), 0, 3, 30_000);
  await weights.close();
  expect(await refusal()).toMatch(
    /int8\.safetensors: was made from other weights than .*diffusion_pytorch_model\.safetensors\. Make it/,
  );
});
