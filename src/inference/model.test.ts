/** The drawing pipeline in this thread: real files, real graphs, random weights. */
import { appendFile, mkdtemp, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { type TinyOptions, tinyAutoencoder, writeTinyCheckpoint } from "../../tests/helpers/tiny-checkpoint.js";
import { readSafetensors, writeSafetensors } from "../checkpoints/safetensors.js";
import type { FloatPicture, Picture } from "../image/picture.js";
import { createRng } from "../random.js";
import { type DrawOptions, LoadedModel } from "./model.js";

const root = await mkdtemp(join(tmpdir(), "instructcv-model-"));
afterAll(() => rm(root, { recursive: true }));

const rng = createRng(1);
const photo: Picture = { width: 16, height: 16, data: Uint8Array.from({ length: 768 }, () => rng.int(256)) };
const plain: DrawOptions = { steps: 1, seed: 3, guidance: { text: 1, image: 1 }, sampler: "ddim" };

async function write(name: string, options?: TinyOptions): Promise<string> {
  const dir = join(root, name);
  await writeTinyCheckpoint(dir, options);
  return dir;
}
const draw = async (model: LoadedModel, options: Partial<DrawOptions> = {}, text = "Segment the cat") =>
  (await model.draw(photo, text, { ...plain, ...options })).drawn;

const difference = (a: FloatPicture, b: FloatPicture) =>
  a.data.reduce((most, x, i) => Math.max(most, Math.abs(x - b.data[i]!)), 0);

const dir = await write("tiny");
const model = await LoadedModel.open(dir, { threads: 1 });
afterAll(() => model.close());

describe("drawing", () => {
  test("same seed, same bits, also in a fresh model; another seed, sentence or photo, another picture", async () => {
    const first = await draw(model);
    expect(first).toMatchObject({ width: 16, height: 16 });
    expect(first.data.length).toBe(768);
    expect(await draw(model)).toEqual(first);
    const fresh = await LoadedModel.open(dir, { threads: 1 });
    expect(await draw(fresh)).toEqual(first);
    await fresh.close();
    expect(difference(await draw(model, { seed: 4 }), first)).toBeGreaterThan(1e-3);
    expect(difference(await draw(model, {}, "Detect the dog"), first)).toBeGreaterThan(1e-6);
    const black = { ...photo, data: new Uint8Array(768) };
    expect(difference((await model.draw(black, "Segment the cat", plain)).drawn, first)).toBeGreaterThan(1e-4);
  });

  test("with blank_pure_noise a single step does not depend on the seed; further steps see their noise", async () => {
    const blank = await LoadedModel.open(await write("blank", { defaults: { blank_pure_noise: true } }), {
      threads: 1,
    });
    const first = await draw(blank);
    expect(await draw(blank, { seed: 4 })).toEqual(first);
    const twice = await draw(blank, { steps: 2 });
    expect(difference(await draw(blank, { steps: 2, seed: 4 }), twice)).toBeGreaterThan(1e-4);
    await blank.close();
  });

  test("guidance combines three evaluations as the paper does; scales 1 and 1 are the plain picture", async () => {
    const both = await draw(model);
    const at = (text: number, image: number) => draw(model, { guidance: { text, image } });
    const [none, image, guided] = [await at(0, 0), await at(0, 1), await at(7.5, 1.5)];
    // One step of sample prediction is linear in the evaluations.
    const data = none.data.map((n, i) => n + 1.5 * (image.data[i]! - n) + 7.5 * (both.data[i]! - image.data[i]!));
    expect(difference(guided, { ...none, data })).toBeLessThan(1e-5);
    expect(difference(none, image)).toBeGreaterThan(1e-4);
  });

  test("steps are reported and an abort stops between two of them", async () => {
    const seen: [number, number][] = [];
    await draw(model, { steps: 4, onStep: (step, of) => seen.push([step, of]) });
    expect(seen).toEqual([1, 2, 3, 4].map((step) => [step, 4]));
    const controller = new AbortController();
    const onStep = (step: number) => void (step === 2 && controller.abort());
    const aborted = draw(model, { steps: 50, signal: controller.signal, onStep });
    await expect(aborted).rejects.toMatchObject({ name: "AbortError" });
    await expect(draw(model, { steps: 0 })).rejects.toMatchObject({ code: "usage", message: /steps/ });
  });

  test("epsilon prediction with Euler ancestral steps, and a KL autoencoder in half precision", async () => {
    const paper = await write("paper", {
      dtype: "F16",
      ...tinyAutoencoder(2),
      scheduler: { _class_name: "EulerAncestralDiscreteScheduler", beta_schedule: "scaled_linear", beta_end: 0.012 },
    });
    const paperModel = await LoadedModel.open(paper, { threads: 1 });
    const sampler = paperModel.sampler;
    expect(sampler).toBe("euler-ancestral");
    const options = { steps: 3, sampler, guidance: { text: 7.5, image: 1.5 } };
    const first = await draw(paperModel, options);
    expect(first.data.every(Number.isFinite)).toBe(true);
    expect(await draw(paperModel, options)).toEqual(first);
    expect(difference(await draw(paperModel, { ...options, seed: 9 }), first)).toBeGreaterThan(1e-3);
    await paperModel.close();
  });

  test("weights may be links into a blob store, as in a hub cache", async () => {
    const linked = await write("linked");
    const weights = join(linked, "unet/diffusion_pytorch_model.safetensors");
    await rm(weights);
    await symlink(join(dir, "unet/diffusion_pytorch_model.safetensors"), weights);
    const linkedModel = await LoadedModel.open(linked, { threads: 1 });
    expect(await draw(linkedModel)).toEqual(await draw(model));
    await linkedModel.close();
  });
});

describe("a checkpoint that cannot be used: one line naming the file", () => {
  const unet = (folder: string) => join(folder, "unet/diffusion_pytorch_model.safetensors");
  async function rewrite(
    path: string,
    change: (tensors: Map<string, { shape: number[]; data: Float32Array }>) => void,
  ) {
    const file = await readSafetensors(path);
    const tensors = new Map([...file.entries].map(([n, e]) => [n, { shape: [...e.shape], data: file.read(n) }]));
    change(tensors);
    await writeSafetensors(path, tensors);
  }
  const damage: [string, (folder: string) => Promise<unknown>, RegExp][] = [
    ["cut weights", (d) => truncate(unet(d), 5000), /unet\/diffusion_pytorch_model\.safetensors: /],
    ["bytes behind the weights", (d) => appendFile(unet(d), "x"), /describes \d+ bytes, the file has/],
    [
      "missing tensor",
      (d) => rewrite(unet(d), (t) => t.delete("conv_in.bias")),
      /unet\/.*: tensor "conv_in.bias" is missing/,
    ],
    [
      "wrong shape",
      (d) => rewrite(unet(d), (t) => t.set("conv_in.bias", { shape: [3], data: new Float32Array(3) })),
      /"conv_in.bias" has shape \[3\], expected \[16\]/,
    ],
    ["broken merges", (d) => writeFile(join(d, "tokenizer/merges.txt"), "a b c\n"), /merges\.txt/],
    [
      "other resolution",
      (d) => writeFile(join(d, "instructcv.json"), '{"resolution": 18}'),
      /resolution 18, expected a mult/,
    ],
  ];
  test.each(damage)("%s", async (name, change, message) => {
    const folder = await write(`damaged ${name}`);
    await change(folder);
    const error = await LoadedModel.open(folder, { threads: 1 }).catch((e: unknown) => e);
    expect(error).toMatchObject({ name: "InstructCvError", code: "checkpoint" });
    expect((error as Error).message).toMatch(message);
    expect((error as Error).message).not.toContain("\n");
  });

  test("a text-to-image model", async () => {
    const folder = await write("text-to-image", { unet: { in_channels: 48 } });
    await expect(LoadedModel.open(folder, { threads: 1 })).rejects.toMatchObject({
      code: "checkpoint",
      message: /unet in_channels 48, expected 96 .* instruction-tuned/,
    });
  });
});
