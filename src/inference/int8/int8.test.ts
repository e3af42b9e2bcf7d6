/** The parts of quantising that are plain arithmetic. */
import { describe, expect, test } from "vitest";
import { createRng } from "../../random.js";
import type { TaskResult } from "../../tasks/task.js";
import { agreementOf } from "./agreement.js";
import { isQuantised } from "./layers.js";
import { bestRange } from "./ranges.js";
import { scalingFor } from "./smoothing.js";
import { quantiseWeight } from "./weights.js";

describe("ranges", () => {
  test("a lone outlier is cut off as far as the mean squared error of all says", () => {
    const counts = new Float64Array(2048);
    const rng = createRng(2);
    // Standard normal values between -4 and 4 of a range of -4..60, one value at 60.
    for (let n = 0; n < 100_000; n++)
      counts[Math.floor(((Math.max(-4, Math.min(4, rng.normal())) + 4) / 64) * 2048)]! += 1;
    counts[2047] = 1;
    const [lowest, highest] = bestRange(counts, [-4, 60]);
    expect(lowest).toBeLessThan(-3);
    // By hand: (60 - h)^2 + 100001 (h + 4)^2 / 255^2 / 12 is least at h = 52.7; a 64th of 60 is the step of the search.
    expect(Math.abs(highest - 52.7)).toBeLessThan(60 / 64);
  });

  test("values that are never negative keep 0 as the end of their range", () => {
    expect(bestRange(new Float64Array(2048).fill(1), [0, 8])[0]).toBe(0);
  });
});

describe("weights", () => {
  test("each output's largest weight becomes the limit; taps come first", () => {
    // [O 2, I 2, K 1x2]
    const weight = Float32Array.of(1, -2, 0.5, 0.25, 0, 0, 0, 10);
    const { shape, bytes, scales } = quantiseWeight(weight, [2, 2, 1, 2], 64);
    expect(shape).toEqual([4, 2]);
    expect([...scales]).toEqual([2 / 64, Math.fround(10 / 64)]);
    // tap 0: input 0, input 1; tap 1: input 0, input 1; each for both outputs.
    expect([...bytes]).toEqual([32, 0, 16, 0, -64, 0, 8, 64]);
  });

  test("scaled channels: the product of scaled input and scaled weight is the original one", () => {
    const extremes = Float32Array.of(-4, -1, 100, 0.01);
    const { range, channels } = scalingFor(extremes, () => Float32Array.of(0.25, 1));
    expect([...channels!]).toEqual([20, 1]);
    expect(range).toEqual([-1, 5]);
    const { bytes, scales } = quantiseWeight(Float32Array.of(0.25, 1), [1, 2], 127, channels!);
    const restored = [...bytes].map((byte, i) => (byte * scales[0]!) / channels![i]!);
    expect(restored[0]).toBeCloseTo(0.25, 3);
    expect(restored[1]).toBeCloseTo(1, 1);
  });

  test("a dead channel, a dead layer and a row of zeros do not divide by zero", () => {
    expect([...scalingFor(Float32Array.of(0, -1, 0, 1), () => Float32Array.of(1, 1)).channels!]).toEqual([1, 1]);
    expect(scalingFor(Float32Array.of(0, 0), () => new Float32Array(1))).toEqual({ range: [0, 1] });
    expect([...quantiseWeight(new Float32Array(2), [1, 2], 127).scales]).toEqual([1]);
  });
});

test.each([
  ["conv_in", false],
  ["conv_out", false],
  ["time_embedding.linear_1", false],
  ["down_blocks.0.resnets.0.time_emb_proj", false],
  ["up_blocks.3.resnets.1.conv_shortcut", false],
  ["mid_block.attentions.0.transformer_blocks.0.attn2.to_k", false],
  ["mid_block.attentions.0.transformer_blocks.0.attn2.to_q", true],
  ["mid_block.attentions.0.transformer_blocks.0.attn1.to_k", true],
  ["down_blocks.0.resnets.0.conv1", true],
  ["up_blocks.0.upsamplers.0.conv", true],
])("%s quantised: %s", (layer, expected) => expect(isQuantised(layer)).toBe(expected));

test("agreement by task: masks, boxes, metres, answers", () => {
  const size = { width: 2, height: 1 };
  const results = (parts: object[]) =>
    parts.map((part) => ({ size, admissibility: 1, ...part }) as unknown as TaskResult);
  const box = (x: number, score: number) => ({ xyxy: [x, 0, x + 10, 10], score, label: "cat" });
  const float = results([
    { task: "segmentation", mask: Uint8Array.of(1, 1) },
    { task: "segmentation", mask: Uint8Array.of(0, 0) },
    { task: "detection", boxes: [box(0, 0.8), box(50, 0.5), box(90, 0.1)] },
    { task: "depth", metres: Float32Array.of(1, 3) },
    { task: "classification", present: true },
    { task: "classification", present: true },
  ]);
  const int8 = results([
    { task: "segmentation", mask: Uint8Array.of(1, 0) },
    { task: "segmentation", mask: Uint8Array.of(0, 0) },
    { task: "detection", boxes: [box(1, 0.7)] },
    { task: "depth", metres: Float32Array.of(1.2, 2.8) },
    { task: "classification", present: true },
    { task: "classification", present: false },
  ]);
  const found = agreementOf(float.map((result, i) => [result, int8[i]!] as const));
  expect(found.map(({ task, n }) => [task, n])).toEqual([
    ["segmentation", 2],
    ["detection", 1],
    ["depth", 1],
    ["classification", 2],
  ]);
  expect(found.map(({ value }) => value)).toEqual([0.75, 2 / 3, expect.closeTo(0.1, 5), 0.5]);
});
