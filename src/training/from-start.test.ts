import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { stringify } from "yaml";
import { tinyAutoencoder, writeTinyCheckpoint } from "../../tests/helpers/tiny-checkpoint.js";
import { tinyConfig, tinyStore } from "../../tests/helpers/tiny-training.js";
import { createLoader } from "./batch.js";
import { readConfig } from "./config.js";
import { completeFromStart } from "./from-start.js";
import { createSession } from "./session.js";
import { runUpdate } from "./update.js";

const folder = await mkdtemp(join(tmpdir(), "instructcv-from-start-"));
afterAll(() => rm(folder, { recursive: true }));
const start = join(folder, "start");
const { vae } = tinyAutoencoder(2);
await writeTinyCheckpoint(start, { vae: vae!, unet: { in_channels: 4, out_channels: 4 }, dtype: "F16" });
const { model, ...recipe } = await tinyConfig();
const { resolution, inference } = model;
recipe.optimizer.train_text_encoder = false;

/** Reads the recipe with these settings of the model. */
async function read(settings: object) {
  const path = join(folder, "recipe.yaml");
  await writeFile(path, stringify({ ...recipe, model: settings }));
  return readConfig(path);
}

test("a recipe without networks has those of the model it starts from, with the photo's channels, and trains", async () => {
  const config = await read({ init: start, resolution, inference });
  expect(config.model.unet).toMatchObject({ in_channels: 8, out_channels: 4, block_out_channels: [16, 32] });
  expect(config.model.vae).toMatchObject({ _class_name: "AutoencoderKL", block_out_channels: [8, 8] });
  expect(config.model.text_encoder).toMatchObject({ hidden_size: 16, max_position_embeddings: 16 });
  expect(config.model.scheduler).toMatchObject({ prediction_type: "sample", rescale_betas_zero_snr: true });
  const store = tinyStore();
  const session = await createSession(config, store);
  const { loss } = await runUpdate(session, createLoader(store, config, session.tokenizer), 1, 1e-3);
  expect(loss).toBeGreaterThan(0);
  expect(session.optimizer.slots.find(({ name }) => name === "unet.conv_in.weight")!.weight.shape).toEqual([
    16, 8, 3, 3,
  ]);
});

test("what the recipe gives goes before the model's", async () => {
  const scheduler = { prediction_type: "v_prediction" };
  const config = await read({ init: start, resolution, inference, scheduler });
  expect(config.model.scheduler).toEqual(scheduler);
});

test("a whole recipe does not read the folder", async () => {
  const whole = { ...recipe, model: { ...model, init: join(folder, "nowhere") } };
  expect(await completeFromStart(whole)).toBe(whole);
  const { vae: _, ...rest } = whole.model;
  await expect(completeFromStart({ ...whole, model: rest })).rejects.toThrow(/nowhere: does not exist/);
  const fresh = { ...recipe, model: { ...rest, init: null } };
  expect(await completeFromStart(fresh)).toBe(fresh);
});
