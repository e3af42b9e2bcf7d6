/**
 * Writes what `npm run parity:export` trains: a corpus, a text-to-image model to start from and the recipes, DIR/<case>.yaml, whose runs
 * are DIR/<case>: `npx vite-node tests/helpers/dump-export.ts DIR`.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stringify } from "yaml";
import { parseConfig } from "../../src/training/config.js";
import { pix2pixConfig, pix2pixLora, writePix2PixStart } from "./pix2pix-training.js";
import { writeTinyCorpus } from "./tiny-corpus.js";
import { tinyConfig } from "./tiny-training.js";

const folder = process.argv[2]!;
await mkdir(folder, { recursive: true });
const corpus = join(folder, "corpus");
await writeTinyCorpus(corpus);
await writePix2PixStart(join(folder, "start"));

const schedule = { num_train_timesteps: 1000, beta_start: 0.00085, beta_end: 0.012, beta_schedule: "scaled_linear" };
const ancestral = { ...schedule, _class_name: "EulerAncestralDiscreteScheduler", steps_offset: 1 };
const ddim = { ...schedule, _class_name: "DDIMScheduler", clip_sample: false, prediction_type: "v_prediction" };
const trailing = { ...ddim, rescale_betas_zero_snr: true, timestep_spacing: "trailing" };
const output = { log_every: 2, sample_every: null, checkpoint_minutes: null };
/** Large steps of the weights and averages that follow them: what is written must be what was trained. */
const optimizer = { lr: 0.01, ema: { decay: 0.5 } };

/** A model in the architecture of Stable Diffusion. */
async function latentDiffusion(init: string, scheduler: object, more: { model?: object; optimizer?: object } = {}) {
  const recipe = await pix2pixConfig(init, "epsilon");
  // As Python, which goes by the scheduler's class.
  const { sampler: _, ...inference } = recipe.model.inference;
  return {
    ...recipe,
    model: { ...recipe.model, inference, scheduler, ...more.model },
    optimizer: { ...recipe.optimizer, ...optimizer, ...more.optimizer },
  };
}

/** As models/nano: fresh, its own vocabulary, pooled text beside the timestep, no autoencoder. */
async function small() {
  const recipe = await tinyConfig();
  const unet = { ...recipe.model.unet, addition_embed_type: "text", addition_embed_type_num_heads: 2 };
  return { ...recipe, model: { ...recipe.model, unet }, optimizer: { ...recipe.optimizer, ...optimizer } };
}

const cases = {
  float32: await latentDiffusion(join(folder, "start"), ancestral),
  float16: await latentDiffusion(join(folder, "start"), trailing, { optimizer: { train_text_encoder: true } }),
  lora: await latentDiffusion(join(folder, "float32/model"), ancestral, { model: { lora: pix2pixLora } }),
  small: await small(),
};
for (const [name, recipe] of Object.entries(cases)) {
  const weights = name === "float16" ? "float16" : "float32";
  const own = { name, duration: { steps: 4 }, data: { ...recipe.data, corpus } };
  const config = parseConfig({ ...recipe, ...own, output: { ...output, weights } }, name);
  await writeFile(join(folder, `${name}.yaml`), stringify(config));
}
