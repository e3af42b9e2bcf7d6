/** The weight names and shapes are exactly those of diffusers and transformers, at the size of the real models. */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { AutoencoderKL } from "../../src/models/autoencoder.js";
import { CLIPTextModel } from "../../src/models/clip-text.js";
import { countParameters } from "../../src/models/initial-value.js";
import type { Module } from "../../src/models/module.js";
import { UNet2DConditionModel } from "../../src/models/unet.js";
import { diskNames } from "../../src/models/weight-names.js";
import { OnnxOps } from "../../src/tensor/onnx/ops.js";

interface StateDict {
  config: never;
  shapes: Record<string, number[]>;
}
const packed = readFileSync("tests/goldens/models/state-dicts.json.gz");
const goldens: Record<string, StateDict> = JSON.parse(gunzipSync(packed).toString());

const cases: [name: string, build: (config: never) => Module, weights: number, parameters: number][] = [
  ["sd-1.5", (config) => new UNet2DConditionModel(config), 686, 859_520_964],
  ["instruct-pix2pix", (config) => new UNet2DConditionModel(config), 686, 859_532_484],
  ["sd-2.1", (config) => new UNet2DConditionModel(config), 686, 865_910_724],
  ["autoencoder", (config) => new AutoencoderKL(config), 248, 83_653_863],
  ["clip-l", (config) => new CLIPTextModel(config), 196, 123_060_480],
];

describe("state dicts", () => {
  it.each(cases)("%s", (name, build, weights, parameters) => {
    const { config, shapes } = goldens[name]!;
    const module = build(config);
    const found = Object.fromEntries([...module.namedParameters()].map(([key, { shape }]) => [key, shape]));
    expect(found).toEqual(shapes);
    expect(Object.keys(found)).toHaveLength(weights);
    expect(countParameters(module)).toBe(parameters);
  });

  it("lists the spellings a weight may have on disk", () => {
    const path = "decoder.mid_block.attentions.0";
    expect(diskNames(`${path}.to_out.0.bias`)).toEqual([`${path}.to_out.0.bias`, `${path}.proj_attn.bias`]);
    expect(diskNames(`${path}.to_q.weight`)).toEqual([`${path}.to_q.weight`, `${path}.query.weight`]);
    expect(diskNames(`${path}.group_norm.weight`)).toEqual([`${path}.group_norm.weight`]);
    const final = "final_layer_norm.weight";
    expect(diskNames(`text_model.${final}`)).toEqual([`text_model.${final}`, final]);
    expect(diskNames("mid_block.attentions.0.transformer_blocks.0.attn1.to_q.weight")).toHaveLength(1);
  });
});

describe("full-size shapes, without any weight in memory", () => {
  it.each([
    [64, 64],
    [36, 52],
    [33, 47],
  ])("instruct-pix2pix maps %i x %i latents to noise of the same size", (height, width) => {
    const ops = new OnnxOps();
    const unet = new UNet2DConditionModel(goldens["instruct-pix2pix"]!.config);
    unet.bind((name, { shape }) => ops.parameter(name, { dtype: "F32", shape, start: 0, end: 0 }, "weights"));
    const noise = unet.forward(ops, {
      sample: ops.input("sample", [3, 8, height, width]),
      timestep: ops.input("timestep", [3]),
      encoderHiddenStates: ops.input("text", [3, 77, 768]),
    });
    expect(noise.shape).toEqual([3, 4, height, width]);
  });

  it("the autoencoder is 8 times smaller inside", () => {
    const ops = new OnnxOps();
    const vae = new AutoencoderKL(goldens.autoencoder!.config);
    vae.bind((name, { shape }) => ops.parameter(name, { dtype: "F32", shape, start: 0, end: 0 }, "weights"));
    const { mean, logvar } = vae.encode(ops, ops.input("image", [1, 3, 512, 384]));
    expect([mean.shape, logvar.shape]).toEqual([
      [1, 4, 64, 48],
      [1, 4, 64, 48],
    ]);
    expect(vae.decode(ops, mean).shape).toEqual([1, 3, 512, 384]);
  });
});
