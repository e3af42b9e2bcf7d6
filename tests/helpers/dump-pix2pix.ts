/**
 * Writes what scripts/oracles/training_instruct_pix2pix.py needs to run diffusers' step on our batches and draws:
 * `npx vite-node tests/helpers/dump-pix2pix.ts DIR`.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TensorData, writeSafetensors } from "../../src/checkpoints/safetensors.js";
import { hash32 } from "../../src/random.js";
import { createLoader } from "../../src/training/batch.js";
import { drawNoise } from "../../src/training/noise.js";
import { createSession } from "../../src/training/session.js";
import { type Draws, drawsOf } from "../../src/training/step.js";
import { inOrder } from "./in-order.js";
import { pix2pixCases, pix2pixConfig, pix2pixLora, pix2pixUpdates, writePix2PixStart } from "./pix2pix-training.js";
import { tinyStore } from "./tiny-training.js";

const folder = process.argv[2]!;
await mkdir(folder, { recursive: true });
const start = join(folder, "start");
await writePix2PixStart(start);
const store = tinyStore();
const config = await pix2pixConfig(start, "epsilon");
const session = await createSession(config, store);
const { torch, models, stepOptions } = session;
const loader = createLoader(store, config, session.tokenizer);
const { batch: B } = config.optimizer;
const S = config.model.resolution;

const tensors = new Map<string, TensorData>();
const steps = await inOrder(Array(pix2pixUpdates).keys(), async (index) => {
  const batch = await loader.batch(index);
  const draws = drawsOf(config.seed, index, B, stepOptions);
  torch.tidy(() => {
    torch.manualSeed(hash32(`${config.seed}/noise/${index}`));
    const { latents, posterior } = drawNoise(torch, models, config.loss, [B, 4, S / 4, S / 4]);
    tensors.set(`${index}/noise`, { shape: latents.shape, data: torch.read(latents) });
    tensors.set(`${index}/posterior`, { shape: latents.shape, data: torch.read(posterior!) });
  });
  tensors.set(`${index}/original`, { shape: [B, 3, S, S], data: batch.image });
  tensors.set(`${index}/edited`, { shape: [B, 3, S, S], data: batch.target });
  const ids = Array.from({ length: B }, (_, i) => [...batch.ids.subarray((i * batch.ids.length) / B)].slice(0, 16));
  return { ids: ids.map((row) => row.map(Number)), timesteps: draws.timesteps, dropout: dropoutNumbers(draws) };
});
const adapted = await createSession(await pix2pixConfig(start, "lora"), store);
for (const { name, weight } of adapted.optimizer.slots) {
  tensors.set(`lora/${name.replace("unet.", "")}`, { shape: weight.shape, data: torch.read(weight) });
}
await writeSafetensors(join(folder, "inputs.safetensors"), tensors);
const { optimizer, model } = config;
const request = {
  cases: pix2pixCases,
  lora: pix2pixLora,
  optimizer,
  scheduler: model.scheduler,
  empty: stepOptions.emptyIds.map(Number),
  steps,
};
await writeFile(join(folder, "request.json"), JSON.stringify(request));

/** One uniform number a sample for which the script's rule, with probability 0.1, drops what our draws drop. */
function dropoutNumbers({ keepText, keepImage }: Draws): number[] {
  return keepText.map((text, i) => (text ? (keepImage[i] ? 0.6 : 0.25) : keepImage[i] ? 0.05 : 0.15));
}
