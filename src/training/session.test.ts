/** The paper's setting in small: an autoencoder, a frozen text encoder, epsilon, and a text-to-image model to start from. */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeTinyCheckpoint } from "../../tests/helpers/tiny-checkpoint.js";
import { tinyConfig, tinyStore } from "../../tests/helpers/tiny-training.js";
import { readCheckpoint } from "../checkpoints/folder.js";
import { createLoader } from "./batch.js";
import { parseConfig, type TrainConfig } from "./config.js";
import { writeModel } from "./export.js";
import { createSession } from "./session.js";
import { runUpdate } from "./update.js";

let folder: string;
let config: TrainConfig;
const vae = {
  _class_name: "AutoencoderKL" as const,
  block_out_channels: [8, 8],
  down_block_types: ["DownEncoderBlock2D" as const, "DownEncoderBlock2D" as const],
  up_block_types: ["UpDecoderBlock2D" as const, "UpDecoderBlock2D" as const],
  latent_channels: 4,
  norm_num_groups: 4,
};
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "instructcv-session-"));
  const start = join(folder, "start");
  await writeTinyCheckpoint(start, { resolution: 32, vae, unet: { in_channels: 4, out_channels: 4 } });
  const recipe = await tinyConfig();
  const unet = { ...recipe.model.unet, in_channels: 8, out_channels: 4, use_linear_projection: false };
  const scheduler = { prediction_type: "epsilon", beta_schedule: "scaled_linear" };
  const text = { ...recipe.model.text_encoder, max_position_embeddings: 16 };
  config = parseConfig(
    {
      ...recipe,
      model: { ...recipe.model, init: start, unet, vae, scheduler, text_encoder: text },
      optimizer: { ...recipe.optimizer, train_text_encoder: false },
    },
    "test",
  );
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test("only the UNet moves; its new input channels start at zero", async () => {
  const store = tinyStore();
  const session = await createSession(config, store);
  const { torch, optimizer } = session;
  const convIn = optimizer.slots.find(({ name }) => name === "unet.conv_in.weight")!;
  const values = torch.read(convIn.weight);
  expect(convIn.weight.shape).toEqual([16, 8, 3, 3]);
  expect(values.subarray(0, 36).every((value) => value !== 0)).toBe(true);
  expect(values.subarray(36, 72).every((value) => value === 0)).toBe(true);
  expect(optimizer.slots.every(({ name }) => name.startsWith("unet."))).toBe(true);

  const loader = createLoader(store, config, session.tokenizer);
  const { loss } = await runUpdate(session, loader, 1, 1e-3);
  expect(loss).toBeGreaterThan(0.5);
  expect(loss).toBeLessThan(5);
  expect(
    torch
      .read(convIn.weight)
      .subarray(36, 72)
      .some((value) => value !== 0),
  ).toBe(true);

  await mkdir(join(folder, "out"));
  await writeModel(join(folder, "out"), session, store, "float16");
  const written = await readCheckpoint(join(folder, "out"));
  const start = await readCheckpoint(join(folder, "start"));
  expect(written.vae.weights!.entries.size).toBe(start.vae.weights!.entries.size);
  const name = "text_model.final_layer_norm.weight";
  expect(written.textEncoder.weights.read(name)).toEqual(start.textEncoder.weights.read(name));
  expect(written.unet.weights.entries.get("conv_in.weight")!.dtype).toBe("F16");
});

test("bfloat16 compute gives nearly the loss of float32", async () => {
  const store = tinyStore();
  const loss = async (dtype: "float32" | "bfloat16") => {
    const session = await createSession({ ...config, compute: { ...config.compute, dtype, threads: 1 } }, store);
    return (await runUpdate(session, createLoader(store, config, session.tokenizer), 1, 1e-3)).loss;
  };
  const exact = await loss("float32");
  expect(Math.abs((await loss("bfloat16")) - exact)).toBeLessThan(0.03 * exact);
});

test("a start that does not fit the recipe names the tensor and both shapes", async () => {
  const unet = { ...config.model.unet, block_out_channels: [16, 64] };
  const wrong = { ...config, model: { ...config.model, unet } };
  await expect(createSession(wrong, tinyStore())).rejects.toThrow(/has shape \[.*\], the recipe expects \[.*\]/);
});
