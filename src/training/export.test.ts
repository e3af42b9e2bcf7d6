/** The exported folder has the files, keys, classes, tensors and shapes of one that diffusers saved (scripts/oracles/pipeline.py). */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { tinyConfig, tinyStore } from "../../tests/helpers/tiny-training.js";
import { readSafetensors } from "../checkpoints/safetensors.js";
import { parseConfig } from "./config.js";
import { writeModel } from "./export.js";
import { completeFromStart } from "./from-start.js";
import { createSession } from "./session.js";

const golden = resolve(import.meta.dirname, "../../tests/goldens/pipeline");
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "instructcv-export-"));
  const recipe = await tinyConfig();
  const { unet, vae, text_encoder, scheduler, ...model } = recipe.model;
  const started = { ...recipe, model: { ...model, init: golden } };
  const config = parseConfig(await completeFromStart(started), "a recipe");
  const store = tinyStore();
  await writeModel(folder, await createSession(config, store), store, "float16");
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const json = async (dir: string, file: string): Promise<Record<string, unknown>> =>
  JSON.parse(await readFile(join(dir, file), "utf8"));

/** Paths of the files in a folder, with `/`. */
async function filesOf(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(dir.length + 1))
    .sort();
}

test("the files are diffusers', the tokenizer's in the older form that every version of transformers reads", async () => {
  const saved = (await filesOf(golden)).filter(
    (file) => !["drawings.safetensors", "tokenizer/tokenizer.json"].includes(file),
  );
  const own = ["instructcv.json", "tokenizer/merges.txt", "tokenizer/vocab.json"];
  expect(await filesOf(folder)).toEqual([...saved, ...own].sort());
});

test("model_index.json names the same pipeline, parts and classes", async () => {
  const { _diffusers_version, ...saved } = await json(golden, "model_index.json");
  expect(await json(folder, "model_index.json")).toEqual(saved);
});

/** What diffusers and transformers write that we leave to their defaults, because no key of ours can change it. */
const left = {
  "unet/config.json": [
    "_diffusers_version",
    "addition_time_embed_dim",
    "class_embeddings_concat",
    "mid_block_only_cross_attention",
    "projection_class_embeddings_input_dim",
    "reverse_transformer_layers_per_block",
    "upcast_attention",
  ],
  "vae/config.json": ["_diffusers_version", "force_upcast", "sample_size"],
  "text_encoder/config.json": [
    "attention_dropout",
    "initializer_factor",
    "initializer_range",
    "projection_dim",
    "transformers_version",
  ],
  "scheduler/scheduler_config.json": ["_diffusers_version"],
  "tokenizer/tokenizer_config.json": ["backend", "do_lower_case", "is_local", "local_files_only"],
};
test.each(Object.entries(left))("%s has the saved keys and values", async (file, keys) => {
  const saved = Object.entries(await json(golden, file)).filter(([key]) => !keys.includes(key));
  const written = await json(folder, file);
  // Ours are the tokenizer's own, where the random model kept CLIP's default.
  if (file.startsWith("text_encoder")) delete written.pad_token_id;
  const expected = Object.fromEntries(
    saved.filter(([key]) => !(file.startsWith("text_encoder") && key === "pad_token_id")),
  );
  expect(written).toEqual(expected);
});

test.each([
  "unet/diffusion_pytorch_model.safetensors",
  "vae/diffusion_pytorch_model.safetensors",
  "text_encoder/model.safetensors",
])("%s has the saved tensors and shapes", async (file) => {
  const shapes = async (dir: string) => {
    const { entries, metadata } = await readSafetensors(join(dir, file));
    // transformers 5 leaves the prefix out when it saves; it reads both, its earlier versions need it.
    const all = [...entries].map(([name, { shape }]) => [name.replace(/^text_model\./, ""), shape]);
    return { format: metadata.format, tensors: Object.fromEntries(all) };
  };
  expect(await shapes(folder)).toEqual(await shapes(golden));
});

test("half precision is of every tensor, and the text encoder's config has Python widen it as it widens the others", async () => {
  for (const file of ["unet/diffusion_pytorch_model", "vae/diffusion_pytorch_model", "text_encoder/model"]) {
    const { entries } = await readSafetensors(join(folder, `${file}.safetensors`));
    expect(new Set([...entries.values()].map(({ dtype }) => dtype))).toEqual(new Set(["F16"]));
  }
  expect(await json(folder, "text_encoder/config.json")).toMatchObject({ dtype: "float32" });
});
