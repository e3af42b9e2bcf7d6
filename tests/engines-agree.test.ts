/** A checkpoint read by the training engine and by the inference engine is the same network. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { readCheckpoint } from "../src/checkpoints/folder.js";
import { textNetwork, unetNetwork } from "../src/inference/networks.js";
import { CLIPTextModel } from "../src/models/clip-text.js";
import type { Module } from "../src/models/module.js";
import { UNet2DConditionModel } from "../src/models/unet.js";
import { createRng } from "../src/random.js";
import { encodeModel } from "../src/tensor/onnx/proto.js";
import { openSession, type Session } from "../src/tensor/onnx/session.js";
import { createTorch } from "../src/tensor/torch/index.js";
import { writeTinyCheckpoint } from "./helpers/tiny-checkpoint.js";
import { maxDifference } from "./models/engines.js";

const dir = await mkdtemp(join(tmpdir(), "instructcv-agree-"));
afterAll(() => rm(dir, { recursive: true }));

test("UNet and text encoder outputs of both engines differ by less than 1e-4", async () => {
  await writeTinyCheckpoint(dir);
  const folder = await readCheckpoint(dir);
  const rng = createRng("engines agree");
  const noise = (...shape: number[]) => {
    const size = shape.reduce((a, b) => a * b, 1);
    return { shape, data: Float32Array.from({ length: size }, () => rng.normal()) };
  };
  const feeds = {
    noisy: noise(1, 48, 4, 4),
    image: noise(2, 48, 4, 4),
    timestep: { data: Float32Array.of(999), shape: [1] },
  };
  const ids = { data: BigInt64Array.from({ length: 16 }, (_, i) => BigInt(i * 30)), shape: [1, 16] };
  const states = noise(2, 16, 16);

  const onnx = async (network: ReturnType<typeof textNetwork>, inputs: Parameters<Session["run"]>[0]) => {
    const session = await openSession(encodeModel(network.graph), { weightsFolder: network.weightsFolder, threads: 1 });
    const outputs = await session.run(inputs);
    await session.close();
    return Object.values(outputs)[0]!;
  };
  const prediction = await onnx(unetNetwork(folder, { width: 4, height: 4 }, 16, 2), { ...feeds, states });
  const encoded = await onnx(textNetwork(folder, 16), { ids });

  const torch = createTorch({ threads: 1 });
  torch.tidy(() => {
    const { ops } = torch;
    const bind = (module: Module, weights: typeof folder.unet.weights) =>
      module.bind((name, { shape }) => torch.tensor(weights.read(name), shape));
    const unet = new UNet2DConditionModel(folder.unet.config);
    bind(unet, folder.unet.weights);
    const text = new CLIPTextModel(folder.textEncoder.config);
    bind(text, folder.textEncoder.weights);
    const tensor = ({ data, shape }: { data: Float32Array | BigInt64Array; shape: number[] }) =>
      torch.tensor(data, shape);
    torch.noGrad(() => {
      const noisy = ops.expand(tensor(feeds.noisy), [2, 48, 4, 4]);
      const sample = ops.concat([noisy, tensor(feeds.image)], 1);
      const timestep = ops.expand(tensor(feeds.timestep), [2]);
      const out = unet.forward(ops, { sample, timestep, encoderHiddenStates: tensor(states) });
      expect(maxDifference({ data: torch.read(out), shape: out.shape }, prediction)).toBeLessThan(1e-4);
      const textOut = text.forward(ops, tensor(ids));
      expect(maxDifference({ data: torch.read(textOut), shape: textOut.shape }, encoded)).toBeLessThan(1e-4);
    });
  });
});
