/** Writes what scripts/oracles/training.py needs to repeat the tiny run in PyTorch: `npx vite-node tests/helpers/dump-training.ts DIR`. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TensorData, writeSafetensors } from "../../src/checkpoints/safetensors.js";
import { hash32 } from "../../src/random.js";
import { createLoader } from "../../src/training/batch.js";
import { learningRate } from "../../src/training/lr.js";
import { decays } from "../../src/training/optimizer.js";
import { createSession } from "../../src/training/session.js";
import { drawsOf } from "../../src/training/step.js";
import { inOrder } from "./in-order.js";
import { goldenUpdates, tinyConfig, tinyStore, tinyTokenizer } from "./tiny-training.js";

const folder = process.argv[2]!;
await mkdir(folder, { recursive: true });
const config = await tinyConfig();
const store = tinyStore();
const session = await createSession(config, store, await tinyTokenizer());
const { torch, stepOptions } = session;
const loader = createLoader(store, config, session.tokenizer);

const tensors = new Map<string, TensorData>();
for (const { name, weight } of session.optimizer.slots) {
  tensors.set(`weight/${name}`, { shape: weight.shape, data: torch.read(weight) });
}
const { batch: B, accumulate } = config.optimizer;
const [S, L] = [config.model.resolution, config.model.text_encoder.max_position_embeddings];
const batches = await inOrder(Array(goldenUpdates * accumulate).keys(), async (index) => {
  const batch = await loader.batch(index);
  const draws = drawsOf(config.seed, index, B, stepOptions);
  torch.manualSeed(hash32(`${config.seed}/noise/${index}`));
  const noise = torch.randn([B, config.model.unet.out_channels, S / 4, S / 4]);
  const put = (name: string, shape: number[], data: Float32Array) => tensors.set(`${index}/${name}`, { shape, data });
  put("image", [B, 3, S, S], batch.image);
  put("target", [B, 3, S, S], batch.target);
  put("pixel_weights", [B, 1, S, S], batch.pixelWeights);
  put("ids", [B, L], Float32Array.from(batch.ids, Number));
  put("noise", [...noise.shape], torch.read(noise));
  return { tasks: batch.tasks, ...draws };
});
await writeSafetensors(join(folder, "inputs.safetensors"), tensors);
const request = {
  config,
  text: session.textConfig,
  empty: stepOptions.emptyIds.map(Number),
  alphas: [...stepOptions.schedule.alphasCumprod],
  lrs: Array.from({ length: goldenUpdates }, (_, i) => learningRate(config.optimizer, i / goldenUpdates)),
  decayed: session.optimizer.slots.filter(({ name, weight }) => decays(name, weight.shape)).map(({ name }) => name),
  batches,
};
await writeFile(join(folder, "request.json"), JSON.stringify(request));
