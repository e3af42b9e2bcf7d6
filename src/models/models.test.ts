import { describe, expect, it } from "vitest";
import { createRng } from "../random.js";
import { CLIPTextModel } from "./clip-text.js";
import { countParameters, initialValue } from "./initial-value.js";
import { Conv2d, Embedding, GroupNorm, LayerNorm, Linear } from "./layers.js";
import { Parameter } from "./module.js";
import { UNet2DConditionModel } from "./unet.js";
import { type UNetConfig, unetLevels } from "./unet-config.js";

const config: UNetConfig = {
  in_channels: 4,
  out_channels: 4,
  block_out_channels: [8, 16],
  down_block_types: ["DownBlock2D", "CrossAttnDownBlock2D"],
  up_block_types: ["CrossAttnUpBlock2D", "UpBlock2D"],
  attention_head_dim: [1, 4],
  cross_attention_dim: 8,
  norm_num_groups: 4,
};

describe("initialValue", () => {
  const std = (values: Float32Array) => Math.sqrt(values.reduce((sum, v) => sum + v * v, 0) / values.length);

  it("fills by kind, with PyTorch's bounds", () => {
    const linear = new Linear(64, 100);
    const weight = initialValue(linear.weight, createRng(1));
    expect(weight).toHaveLength(6400);
    expect(Math.max(...weight.map(Math.abs))).toBeLessThanOrEqual(1 / 8);
    expect(std(weight)).toBeCloseTo(1 / 8 / Math.sqrt(3), 3);
    expect(Math.max(...initialValue(linear.bias!, createRng(1)).map(Math.abs))).toBeLessThanOrEqual(1 / 8);
    const kernel = initialValue(new Conv2d(4, 32, 3).weight, createRng(1));
    expect(Math.max(...kernel.map(Math.abs))).toBeLessThanOrEqual(1 / 6);
    expect(std(initialValue(new Embedding(200, 50, 0.02).weight, createRng(1)))).toBeCloseTo(0.02, 3);
    expect([...initialValue(new GroupNorm(1, 3, 1e-5).weight, createRng(1))]).toEqual([1, 1, 1]);
    expect([...initialValue(new LayerNorm(3).bias, createRng(1))]).toEqual([0, 0, 0]);
  });

  it("gives the same bits for the same seed, others for another", () => {
    const { weight } = new Linear(8, 8);
    expect(initialValue(weight, createRng("a"))).toEqual(initialValue(weight, createRng("a")));
    expect(initialValue(weight, createRng("a"))).not.toEqual(initialValue(weight, createRng("b")));
  });

  it("counts a scalar as one", () => {
    expect(initialValue(new Parameter([], { kind: "ones" }), createRng(0))).toEqual(Float32Array.of(1));
    expect(countParameters(new Linear(3, 5))).toBe(20);
  });
});

describe("configs", () => {
  it("are read level by level, numbers standing for every level", () => {
    expect(unetLevels(config)).toEqual([
      {
        channels: 8,
        layers: 2,
        heads: 1,
        transformerLayers: 1,
        contextFeatures: 8,
        down: "DownBlock2D",
        up: "UpBlock2D",
      },
      {
        channels: 16,
        layers: 2,
        heads: 4,
        transformerLayers: 1,
        contextFeatures: 8,
        down: "CrossAttnDownBlock2D",
        up: "CrossAttnUpBlock2D",
      },
    ]);
  });

  it.each<[Partial<UNetConfig>, RegExp]>([
    [{ layers_per_block: [1, 2, 3] }, /layers_per_block must have 2 entries like block_out_channels, found 3/],
    [{ up_block_types: ["UpBlock2D"] }, /up_block_types must have 2 entries, found 1/],
    [{ norm_num_groups: 3 }, /norm_num_groups 3 does not divide 8/],
    [{ attention_head_dim: 5 }, /number of heads\) 5 does not divide 16/],
  ])("that contradict themselves are refused: %o", (change, message) => {
    expect(() => new UNet2DConditionModel({ ...config, ...change })).toThrow(message);
  });

  it("need heads that divide the text features", () => {
    const text = { vocab_size: 9, hidden_size: 10, intermediate_size: 8, num_hidden_layers: 1 };
    expect(() => new CLIPTextModel({ ...text, num_attention_heads: 3, max_position_embeddings: 4 })).toThrow(
      /num_attention_heads 3 does not divide hidden_size 10/,
    );
  });
});

describe("parameters", () => {
  it("cannot be read before they are bound, nor bound to another shape", () => {
    const { weight } = new Linear(2, 3);
    expect(() => weight.value).toThrow(/before/);
    expect(() => weight.bind({ shape: [2, 3], dtype: "float32" })).toThrow(/expects shape \[3,2\], found \[2,3\]/);
  });
});
