/** An adapter trained on a frozen text-to-image UNet: what moves, what is written, and that inference merges it to the same network. */
import "../tensor/onnx/no-telemetry.js";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { inOrder } from "../../tests/helpers/in-order.js";
import { pix2pixConfig, pix2pixLora, writePix2PixStart } from "../../tests/helpers/pix2pix-training.js";
import { tinyStore } from "../../tests/helpers/tiny-training.js";
import { readCheckpoint } from "../checkpoints/folder.js";
import { readLora } from "../checkpoints/lora.js";
import type { SafetensorsFile } from "../checkpoints/safetensors.js";
import { loraDeltas, mergedParameter, type WeightedLora } from "../inference/merge-lora.js";
import { UNet2DConditionModel } from "../models/unet.js";
import { createRng } from "../random.js";
import { OnnxOps } from "../tensor/onnx/ops.js";
import { openSession } from "../tensor/onnx/session.js";
import type { Ops, Tensor } from "../tensor/tensor.js";
import { createLoader } from "./batch.js";
import { parseConfig, type TrainConfig } from "./config.js";
import { writeModel } from "./export.js";
import { freshProgress } from "./run-progress.js";
import { createSession, type Session } from "./session.js";
import { loadState, saveState } from "./state.js";
import { runUpdate } from "./update.js";

let folder: string;
let start: string;
/** A run on a model that has the photo's channels already, so that its adapter fits that model. */
let config: TrainConfig;
let session: Session;
const store = tinyStore();
const toQ = "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "instructcv-lora-training-"));
  start = join(folder, "text-to-image");
  await writePix2PixStart(start);
  const recipe = await pix2pixConfig(start, "lora");
  // A model of our own first: the text-to-image one with its inputs widened.
  const first = await createSession({ ...recipe, model: { ...recipe.model, lora: null } }, store);
  await runUpdate(first, createLoader(store, recipe, first.tokenizer), 1, 1e-3);
  await mkdir(join(folder, "base"));
  await writeModel(join(folder, "base"), first, store, "float32");
  config = { ...recipe, model: { ...recipe.model, init: join(folder, "base") } };
  session = await createSession(config, store);
  const loader = createLoader(store, config, session.tokenizer);
  for (let update = 1; update <= 4; update++) await runUpdate(session, loader, update, 3e-3);
  await mkdir(join(folder, "model"));
  await writeModel(join(folder, "model"), session, store, "float32");
});
afterAll(() => rm(folder, { recursive: true }));

const rng = createRng("inputs");
const shapes = { sample: [1, 8, 8, 8], timestep: [1], states: [1, 16, 16] } as const;
const inputs = {
  sample: Float32Array.from({ length: 8 * 64 }, () => rng.normal()),
  timestep: Float32Array.of(321),
  states: Float32Array.from({ length: 256 }, () => rng.normal()),
};
const forward = (ops: Ops, unet: UNet2DConditionModel, input: (name: keyof typeof shapes) => Tensor) =>
  unet.forward(ops, { sample: input("sample"), timestep: input("timestep"), encoderHiddenStates: input("states") });

/** What the averaged network of the training session says. */
function trained(): Float32Array {
  const { torch, models } = session;
  return session.withAverages(() =>
    torch.noGrad(() =>
      torch.tidy(() => {
        models.adapter!.merge(torch.ops);
        return torch.read(forward(torch.ops, models.unet, (name) => torch.ops.constant(inputs[name], shapes[name])));
      }),
    ),
  );
}

/** What inference computes from a weight file with adapters merged. */
async function inferred(weights: SafetensorsFile, loras: readonly WeightedLora[]): Promise<Float32Array> {
  const ops = new OnnxOps();
  const unet = new UNet2DConditionModel(config.model.unet as never);
  const deltas = loraDeltas(loras, "unet", unet);
  unet.bind((name) =>
    mergedParameter(ops, ops.parameter(name, weights.entries.get(name)!, basename(weights.path)), deltas.get(name)),
  );
  const y = forward(ops, unet, (name) => ops.input(name, shapes[name]));
  const network = await openSession(ops.finish({ y }), { weightsFolder: dirname(weights.path), threads: 1 });
  const fed = (name: keyof typeof shapes) => ({ data: inputs[name], shape: shapes[name] });
  const out = await network.run({ sample: fed("sample"), timestep: fed("timestep"), states: fed("states") });
  await network.close();
  return out.y!.data as Float32Array;
}
const worst = (got: Float32Array, want: Float32Array) =>
  got.reduce((most, value, i) => Math.max(most, Math.abs(value - want[i]!)), 0);

test("the exported adapter merged at inference gives the trained network's outputs, and so does the exported model", async () => {
  const base = await readCheckpoint(join(folder, "base"));
  const model = await readCheckpoint(join(folder, "model"));
  const adapter = await readLora(join(folder, "model/lora"));
  const expected = trained();
  expect(worst(await inferred(base.unet.weights, []), expected)).toBeGreaterThan(1e-3);
  expect(worst(await inferred(base.unet.weights, [{ adapter, weight: 1 }]), expected)).toBeLessThan(1e-5);
  expect(worst(await inferred(model.unet.weights, []), expected)).toBeLessThan(1e-5);
});

test("only the factors are trained, by default of the attention; the file says how strongly they count", async () => {
  const { torch, optimizer } = session;
  expect(optimizer.slots.every(({ name }) => /\.lora_[AB]\.weight$/.test(name))).toBe(true);
  expect(optimizer.slots.find(({ name }) => name === `unet.${toQ}.lora_A.weight`)!.weight.shape).toEqual([3, 16]);
  expect(optimizer.slots.find(({ name }) => name === "unet.conv_in.lora_A.weight")!.weight.shape).toEqual([3, 8, 3, 3]);
  expect(optimizer.slots.find(({ name }) => name === "unet.conv_in.lora_B.weight")!.weight.shape).toEqual([8, 3, 1, 1]);
  const { layers } = await readLora(join(folder, "model/lora"));
  expect(layers).toHaveLength(optimizer.slots.length / 2);
  expect(layers.every(({ scale, rank }) => scale === pix2pixLora.alpha / pix2pixLora.rank && rank === 3)).toBe(true);
  // What is no target, and the other networks, are as they were.
  const [base, model] = await Promise.all(["base", "model"].map((name) => readCheckpoint(join(folder, name))));
  const same = (name: string) => expect(model!.unet.weights.read(name)).toEqual(base!.unet.weights.read(name));
  same("conv_out.weight");
  same("conv_in.bias");
  const bytes = (name: string) => readFile(join(folder, name, "text_encoder/model.safetensors"));
  expect((await bytes("model")).equals(await bytes("base"))).toBe(true);
  // W' = W + 2 up down, by hand, at one place of one weight.
  const read = (name: string) =>
    torch.read(optimizer.slots.find((slot) => slot.name === `unet.${toQ}.${name}`)!.average);
  const [down, up] = [read("lora_A.weight"), read("lora_B.weight")];
  const change = 2 * [0, 1, 2].reduce((sum, r) => sum + up[5 * 3 + r]! * down[r * 16 + 7]!, 0);
  const at = (weights: SafetensorsFile) => weights.read(`${toQ}.weight`)[5 * 16 + 7]!;
  expect(at(model!.unet.weights) - at(base!.unet.weights)).toBeCloseTo(change, 7);
  expect(Math.abs(change)).toBeGreaterThan(1e-6);
});

test("a fresh adapter changes nothing", async () => {
  const lora = { rank: 2, alpha: null, targets: ["to_k"] };
  const fresh = await createSession({ ...config, model: { ...config.model, lora } }, store);
  const plain = await createSession({ ...config, model: { ...config.model, lora: null } }, store);
  const lossOf = async (one: Session) =>
    (await runUpdate(one, createLoader(store, config, one.tokenizer), 1, 1e-3)).loss;
  expect(await lossOf(fresh)).toBe(await lossOf(plain));
  expect(fresh.optimizer.slots.length).toBeLessThan(plain.optimizer.slots.length);
});

test("a run goes on from its checkpoint to the bit", async () => {
  const loader = createLoader(store, config, session.tokenizer);
  const checkpoint = await saveState(join(folder, "checkpoints"), session, store, { ...freshProgress, step: 4 });
  const resumed = await createSession(config, store);
  await loadState(checkpoint, resumed);
  const [on, again] = await inOrder([session, resumed], (one) =>
    inOrder([5, 6], async (update) => (await runUpdate(one, loader, update, 1e-3)).loss),
  );
  expect(again).toEqual(on);
  for (const [i, slot] of session.optimizer.slots.entries()) {
    const other = resumed.optimizer.slots[i]!;
    expect(resumed.torch.read(other.weight)).toEqual(session.torch.read(slot.weight));
    expect(resumed.torch.read(other.average)).toEqual(session.torch.read(slot.average));
  }
});

test("a target that is not there, and a text-to-image model without conv_in, are errors", async () => {
  const withTargets = (targets: string[], init = config.model.init) =>
    createSession({ ...config, model: { ...config.model, init, lora: { rank: 2, alpha: null, targets } } }, store);
  await expect(withTargets(["to_q", "o_q"])).rejects.toThrow(/has no linear layer or convolution "o_q"/);
  await expect(withTargets(["norm1"])).rejects.toThrow(/no linear layer or convolution "norm1"/);
  await expect(withTargets(["to_q"], start)).rejects.toThrow(
    /leaves out conv_in, where the photo comes in\. Add conv_in/,
  );
  const recipe = (change: object) => parseConfig({ ...config, ...change }, "x.yaml");
  expect(() => recipe({ optimizer: { ...config.optimizer, train_text_encoder: true } })).toThrow(
    /model\.lora: changes the UNet/,
  );
});
