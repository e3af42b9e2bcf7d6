/** What `instructcv export` writes, run as a page runs it (examples/onnx/run-bundle.mjs), draws what this package draws. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cropResize, readPicture } from "../src/image/io.js";
import type { FloatPicture } from "../src/image/picture.js";
import { defaultModel } from "../src/inference/default-model.js";
import { type ExportedBundle, exportOnnx } from "../src/inference/export/export.js";
import { drawMirrored } from "../src/inference/mirrored.js";
import { LoadedModel } from "../src/inference/model.js";
import { perceiveWith } from "../src/inference/perceive.js";
import { fromPlanes, toPlanes } from "../src/inference/planes.js";
import { ClipTokenizer } from "../src/models/tokenizer.js";
import { createRng } from "../src/random.js";
import { toPicture } from "../src/tasks/codec.js";
import { tinyAutoencoder, writeTinyCheckpoint } from "./helpers/tiny-checkpoint.js";

interface Runner {
  draw(planes: Float32Array, ids: readonly number[], options?: { noise?: () => number }): Promise<Float32Array>;
  close(): Promise<unknown>;
}
type OpenBundle = (ort: unknown, bytes: (file: string) => Promise<Uint8Array>, options?: object) => Promise<Runner>;
const example = resolve(import.meta.dirname, "../examples/onnx/run-bundle.mjs");
const { openBundle } = (await import(example)) as { openBundle: OpenBundle };

/** The WebAssembly build that browsers load, and the native one. */
const engines = ["onnxruntime-web", "onnxruntime-node"];
const photoPath = resolve(import.meta.dirname, "../examples/cat.jpg");

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "instructcv-bundle-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function open(engine: string, { out }: ExportedBundle): Promise<Runner> {
  const ort = await import(engine);
  const wasm = (ort.env ?? ort.default.env).wasm;
  if (wasm) wasm.numThreads = 1;
  const { InferenceSession, Tensor } = ort.InferenceSession ? ort : ort.default;
  const bytes = async (file: string) => new Uint8Array(await readFile(join(out, file)));
  return openBundle({ InferenceSession, Tensor }, bytes, { logSeverityLevel: 3 });
}

async function inputs(model: string, sentence: string, side: number) {
  const photo = await readPicture(photoPath);
  const small = await cropResize(photo, [0, 0, photo.width, photo.height], { width: side, height: side }, false);
  const tokenizer = await ClipTokenizer.fromFiles(join(model, "tokenizer"));
  return { small, planes: toPlanes(small), ids: tokenizer.encode(sentence) };
}

function largestDifference({ data: a }: FloatPicture, { data: b }: FloatPicture): number {
  expect(a.length).toBe(b.length);
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
}

/** The same normal numbers every time. */
function noiseOf(seed: number): () => number {
  const rng = createRng(seed);
  return () => rng.normal();
}

describe("the small model", () => {
  const sentence = "Segment the cat";
  let made: ExportedBundle;
  let model: LoadedModel;
  beforeAll(async () => {
    made = await exportOnnx(defaultModel, { out: join(folder, "nano") });
    model = await LoadedModel.open(defaultModel, { threads: 1 });
  });
  afterAll(() => model.close());

  test("bundle.json says what a page must know", () => {
    const { bundle, bytes } = made;
    expect(bytes).toBeLessThan(24e6);
    expect(bundle).toMatchObject({
      format: "instructcv-onnx/1",
      name: "nano",
      picture: { width: 96, height: 96, fit: "squash" },
      latents: { channels: 48, width: 24, height: 24 },
      conditions: [{ image: true, text: true, weight: 1 }],
      steps: [{ timestep: 999, blank: true, denoised: { a: 1, b: 0 } }],
      mirror: true,
      restate: true,
      box_outline: 0.2,
      tokenizer: {
        files: ["tokenizer/vocab.json", "tokenizer/merges.txt", "tokenizer/tokenizer_config.json"],
        length: 32,
      },
    });
    expect(bundle.tasks.map(({ task, template }) => [task, template])).toContainEqual([
      "segmentation",
      "Segment the {category}",
    ]);
    expect(bundle.categories).toContain("cat");
    const names = Object.values(bundle.networks).map((network) =>
      [network.inputs, network.outputs].map((side) => side.map(({ name }) => name)),
    );
    expect(names).toEqual([
      [["ids"], ["states"]],
      [["noisy", "image", "timestep", "states"], ["prediction"]],
      [["picture"], ["latents"]],
      [["latents"], ["picture"]],
    ]);
  });

  test.each(engines)("%s draws the cat as perceive does", async (engine) => {
    const { small, planes, ids } = await inputs(defaultModel, sentence, 96);
    const runner = await open(engine, made);
    const drawn = fromPlanes(await runner.draw(planes, ids), small);
    await runner.close();
    const { steps, guidance } = model.folder.defaults;
    const ours = await drawMirrored(model, small, sentence, { steps, guidance, seed: 0, sampler: model.sampler });
    expect(largestDifference(drawn, ours.drawn)).toBeLessThan(1e-4);
    const { signal } = new AbortController();
    const { picture } = await perceiveWith(model, photoPath, sentence, { signal });
    expect(toPicture(drawn).data.every((value, i) => Math.abs(value - picture.data[i]!) <= 1)).toBe(true);
  });
});

describe("a model with an autoencoder, several steps and guidance", () => {
  let tiny: string;
  beforeAll(async () => {
    tiny = join(folder, "tiny-model");
    await writeTinyCheckpoint(tiny, {
      ...tinyAutoencoder(3),
      resolution: 32,
      defaults: { steps: 3, guidance: { text: 3, image: 1.5 }, sampler: "ddim" },
    });
  });

  /** How far the bundle is from our own drawing, with the same noise. */
  async function gap(engine: string, made: ExportedBundle): Promise<number> {
    const { small, planes, ids } = await inputs(tiny, "Detect the dog", 32);
    const runner = await open(engine, made);
    const drawn = fromPlanes(await runner.draw(planes, ids, { noise: noiseOf(5) }), small);
    await runner.close();
    const model = await LoadedModel.open(tiny, { threads: 1 });
    const { steps, guidance } = model.folder.defaults;
    const noise = noiseOf(5);
    const ours = await model.draw(small, "Detect the dog", { steps, guidance, seed: 0, sampler: "ddim", noise });
    await model.close();
    return largestDifference(drawn, ours.drawn);
  }

  test.each(engines)("weights in data files beside the graphs: %s", async (engine) => {
    const out = join(folder, `data-${engine}`);
    const made = await exportOnnx(tiny, { out, limits: { inside: 0, dataFile: 40_000 } });
    const { unet } = made.bundle.networks;
    expect(unet.data.length).toBeGreaterThan(2);
    expect(unet.data.slice(0, 2)).toEqual(["unet.onnx.data", "unet.onnx.data.1"]);
    expect((await readdir(out)).filter((name) => name.startsWith("unet"))).toHaveLength(1 + unet.data.length);
    expect(await gap(engine, made)).toBeLessThan(1e-4);
  });

  test("float16 weights halve the files and move the drawing a little; widened again they change nothing", async () => {
    const [full, half] = [
      await exportOnnx(tiny, { out: join(folder, "full") }),
      await exportOnnx(tiny, { out: join(folder, "half"), weights: "float16" }),
    ];
    const weightBytes = (bytes: number) => bytes / 1e5;
    expect(weightBytes(half.bytes)).toBeLessThan(0.75 * weightBytes(full.bytes));
    const moved = await gap("onnxruntime-web", half);
    expect(moved).toBeGreaterThan(1e-6);
    expect(moved).toBeLessThan(0.02);
    const stored = join(folder, "stored-half");
    await writeTinyCheckpoint(stored, { dtype: "F16" });
    const drawings: Float32Array[] = [];
    for (const weights of ["stored", "float32"] as const) {
      const made = await exportOnnx(stored, { out: join(folder, `from-half-${weights}`), weights });
      const { planes, ids } = await inputs(stored, "Segment the cat", 16);
      const runner = await open("onnxruntime-web", made);
      drawings.push(await runner.draw(planes, ids, { noise: noiseOf(1) }));
      await runner.close();
    }
    expect(drawings[1]).toEqual(drawings[0]);
  });

  test("another size and number of steps", async () => {
    const { bundle } = await exportOnnx(tiny, { out: join(folder, "wide"), size: { width: 48, height: 24 }, steps: 7 });
    expect(bundle).toMatchObject({ picture: { width: 48, height: 24 }, latents: { width: 12, height: 6 } });
    expect(bundle.steps).toHaveLength(7);
    expect(bundle.conditions).toEqual([
      { image: false, text: false, weight: -0.5 },
      { image: true, text: false, weight: -1.5 },
      { image: true, text: true, weight: 3 },
    ]);
    await expect(exportOnnx(tiny, { out: join(folder, "odd"), size: { width: 50, height: 24 } })).rejects.toThrow(
      /size must be multiples of 8 pixels, found 50x24/,
    );
  });

  test("the same bytes twice; an earlier bundle is replaced, another folder is not; an abort leaves nothing", async () => {
    const out = join(folder, "twice");
    await exportOnnx(tiny, { out });
    const first = await readFile(join(out, "unet.onnx"));
    await writeFile(join(out, "left.txt"), "");
    await exportOnnx(tiny, { out });
    expect((await readFile(join(out, "unet.onnx"))).equals(first)).toBe(true);
    expect(await readdir(out)).not.toContain("left.txt");

    await mkdir(join(folder, "other"));
    await writeFile(join(folder, "other/notes.txt"), "");
    await expect(exportOnnx(tiny, { out: join(folder, "other") })).rejects.toThrow(
      /holds something else than a bundle/,
    );
    const stop = new AbortController();
    const aborted = { out: join(folder, "aborted"), signal: stop.signal, onProgress: () => stop.abort() };
    await expect(exportOnnx(tiny, aborted)).rejects.toThrow(/abort/i);
    expect((await readdir(folder)).filter((name) => /aborted|\.tmp/.test(name))).toEqual([]);
  });
});
