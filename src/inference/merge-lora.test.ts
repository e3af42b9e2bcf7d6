/** Adapters of every style merged into tiny networks, beside diffusers' pipeline (scripts/oracles/lora.py). */
import "../tensor/onnx/no-telemetry.js";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ort from "onnxruntime-node";
import { afterAll, expect, test } from "vitest";
import { readLora } from "../checkpoints/lora.js";
import type { LoraPart } from "../checkpoints/lora-names.js";
import { readSafetensors, type SafetensorsFile, writeSafetensors } from "../checkpoints/safetensors.js";
import { CLIPTextModel } from "../models/clip-text.js";
import type { Module } from "../models/module.js";
import { UNet2DConditionModel } from "../models/unet.js";
import { OnnxOps } from "../tensor/onnx/ops.js";
import { type ArrayTensor, openSession } from "../tensor/onnx/session.js";
import type { Tensor } from "../tensor/tensor.js";
import { loraDeltas, mergedParameter, type WeightedLora } from "./merge-lora.js";

const goldens = fileURLToPath(new URL("../../tests/goldens", import.meta.url));
const base = {
  unet: await readSafetensors(join(goldens, "models/unet-plain.safetensors")),
  text_encoder: await readSafetensors(join(goldens, "models/clip-quick-gelu.safetensors")),
};
const outputs = await readSafetensors(join(goldens, "lora/outputs.safetensors"));
const scratch = mkdtempSync(join(tmpdir(), "instructcv-lora-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const configOf = (file: SafetensorsFile) => JSON.parse(file.metadata.config!);
const shapeOf = (file: SafetensorsFile, name: string) => file.entries.get(name)!.shape;

/** Runs a network with the weights of its golden and adapters merged into them. */
async function run(
  part: LoraPart,
  network: Module,
  loras: readonly WeightedLora[],
  feeds: Readonly<Record<string, ArrayTensor>>,
  forward: (ops: OnnxOps) => Tensor,
): Promise<Float32Array> {
  const ops = new OnnxOps();
  const deltas = loraDeltas(loras, part, network);
  network.bind((name) => {
    const onDisk = `weights.${part === "text_encoder" ? name.replace("text_model.", "") : name}`;
    const stored = ops.parameter(onDisk, base[part].entries.get(onDisk)!, base[part].path.split("/").at(-1)!);
    return mergedParameter(ops, stored, deltas.get(name));
  });
  const session = await openSession(ops.finish({ y: forward(ops) }), {
    weightsFolder: join(goldens, "models"),
    threads: 1,
  });
  const { y } = await session.run(feeds);
  await session.close();
  return y!.data as Float32Array;
}

function runUnet(loras: readonly WeightedLora[]) {
  const network = new UNet2DConditionModel(configOf(base.unet));
  const fed = (name: string) => ({
    data: base.unet.read(`inputs.${name}`),
    shape: shapeOf(base.unet, `inputs.${name}`),
  });
  const feeds = Object.fromEntries(["sample", "timestep", "encoder_hidden_states"].map((name) => [name, fed(name)]));
  return run("unet", network, loras, feeds, (ops) => {
    const input = (name: string) => ops.input(name, feeds[name]!.shape);
    const [sample, timestep] = [input("sample"), input("timestep")];
    return network.forward(ops, { sample, timestep, encoderHiddenStates: input("encoder_hidden_states") });
  });
}

function runText(loras: readonly WeightedLora[]) {
  const network = new CLIPTextModel(configOf(base.text_encoder));
  const shape = shapeOf(base.text_encoder, "inputs.ids");
  const ids = { data: BigInt64Array.from(base.text_encoder.read("inputs.ids"), BigInt), shape };
  return run("text_encoder", network, loras, { ids }, (ops) => network.forward(ops, ops.input("ids", shape, "int64")));
}

const worst = (got: Float32Array, want: Float32Array) =>
  got.reduce((most, value, i) => Math.max(most, Math.abs(value - want[i]!)), 0);

const cases = ["peft", "rslora", "diffusers", "processor", "kohya"].flatMap((style) => [
  `${style}:1.0`,
  `${style}:0.6`,
]);
test.each([...cases, "peft:0.6+kohya:-0.4"])("%s gives the outputs of diffusers", async (label) => {
  const loras = await Promise.all(
    label.split("+").map(async (one): Promise<WeightedLora> => {
      const [style, weight] = one.split(":");
      return { adapter: await readLora(join(goldens, `lora/${style}.safetensors`)), weight: Number(weight) };
    }),
  );
  for (const [part, runPart] of [["unet", runUnet] as const, ["text_encoder", runText] as const]) {
    const got = await runPart(loras);
    const want = outputs.read(`${label}.${part}`);
    expect(got.length).toBe(want.length);
    expect(worst(got, want), part).toBeLessThan(2e-5);
  }
});

test("weight 0 is no adapter", async () => {
  const loras = [{ adapter: await readLora(join(goldens, "lora/peft.safetensors")), weight: 0 }];
  expect(await runUnet(loras)).toEqual(await runUnet([]));
  expect(worst(await runUnet([]), base.unet.read("outputs.sample"))).toBeLessThan(2e-5);
});

/** An adapter of rank 2 over one layer of 3 inputs and 2 outputs, at weight 0.5, merged into a weight of ones. */
async function smallMerge() {
  const path = join(scratch, "small.safetensors");
  const tensors = new Map([
    ["unet.proj.lora_A.weight", { shape: [2, 3], data: Float32Array.of(1, 2, 3, 0, 0, 1) }],
    ["unet.proj.lora_B.weight", { shape: [2, 2], data: Float32Array.of(10, 1, 20, 0) }],
    ["unet.proj.alpha", { shape: [], data: Float32Array.of(8) }],
  ]);
  await writeSafetensors(path, tensors);
  const adapter = await readLora(path);
  const ops = new OnnxOps();
  const stored = ops.constant(Float32Array.of(1, 1, 1, 1, 1, 1), [2, 3]);
  return { ops, merged: mergedParameter(ops, stored, [{ adapter, weight: 0.5, layer: adapter.layers[0]! }]) };
}

test("the merged weight is W + weight * alpha / rank * up down, computed by hand; the order of axes too", async () => {
  const { ops, merged } = await smallMerge();
  const session = await openSession(ops.finish({ y: merged }), { threads: 1 });
  // up down = [10 20 31; 20 40 60], times 8 / 2 * 0.5
  expect([...(await session.run({})).y!.data]).toEqual([21, 41, 63, 41, 81, 121]);
  await session.close();
});

test.each([
  ["disabled", 2],
  ["basic", 1],
  ["extended", 1],
] as const)("at graph optimisation %s, %d matrix products are left for each run", async (level, products) => {
  const { ops, merged } = await smallMerge();
  const model = ops.finish({ y: ops.linear(ops.input("x", [1, 3]), merged, null) });
  const optimizedModelFilePath = join(scratch, `${level}.onnx`);
  const options = { graphOptimizationLevel: level, optimizedModelFilePath, logSeverityLevel: 4 } as const;
  const session = await ort.InferenceSession.create(model, options);
  await session.release();
  // a node's operator is field 4: its tag, its length, its name
  const operator = `${String.fromCharCode(0x22, 4)}Gemm`;
  const parts = readFileSync(optimizedModelFilePath, "latin1").split(operator);
  expect(parts.length - 1).toBe(products);
});
