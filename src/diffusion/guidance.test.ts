/** Dual guidance: which evaluations are made, and what they add up to. */
import { describe, expect, it } from "vitest";
import { type Condition, type ConditionedModel, type GuidanceScales, guidanceWeights, guided } from "./guidance.js";

const outputs = { none: 1, image: 3, both: 10 };

/** The guided output at one element, and what the network was asked for. */
async function evaluated(scales: GuidanceScales): Promise<{ output: number; asked: Condition[][] }> {
  const asked: Condition[][] = [];
  const model: ConditionedModel = (noisy, _t, conditions) => {
    asked.push([...conditions]);
    return conditions.map((condition) => noisy.map(() => outputs[condition]));
  };
  const [output] = await guided(model, scales)(Float32Array.of(0), 5);
  return { output: output!, asked };
}

describe("guidance", () => {
  it.each<[text: number, image: number, conditions: Condition[]]>([
    [7.5, 1.5, ["none", "image", "both"]],
    [1, 1, ["both"]],
    [7.5, 1, ["image", "both"]],
    [1, 1.5, ["none", "image", "both"]],
    [1.5, 1.5, ["none", "both"]],
    [7.5, 7.5, ["none", "both"]],
    [0, 1.5, ["none", "image"]],
    [0, 1, ["image"]],
    [0, 0, ["none"]],
    [1, 0, ["none", "image", "both"]],
  ])("of text %d and image %d evaluates only what has weight, once, in one batch", async (text, image, conditions) => {
    const { output, asked } = await evaluated({ text, image });
    expect(asked).toEqual([conditions]);
    const { none, image: seen, both } = outputs;
    expect(output).toBe(none + image * (seen - none) + text * (both - seen));
    const total = guidanceWeights({ text, image }).reduce((sum, { weight }) => sum + weight, 0);
    expect(total).toBe(1);
  });
});
