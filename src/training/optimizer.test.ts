import { expect, test } from "vitest";
import { decays, emaDecay } from "./optimizer.js";

test("only matrices and kernels decay", () => {
  expect(decays("unet.conv_in.weight", [8, 4, 3, 3])).toBe(true);
  expect(decays("unet.time_embedding.linear_1.weight", [8, 4])).toBe(true);
  expect(decays("unet.conv_in.bias", [8])).toBe(false);
  expect(decays("unet.conv_norm_out.weight", [8])).toBe(false);
  expect(decays("text_encoder.text_model.embeddings.token_embedding.weight", [600, 16])).toBe(false);
  expect(decays("text_encoder.text_model.embeddings.position_embedding.weight", [32, 16])).toBe(false);
});

test("the average forgets fast at first, then keeps its decay", () => {
  const tensorflow = { decay: 0.999, rule: "tensorflow" } as const;
  expect(emaDecay(tensorflow, 1)).toBeCloseTo(2 / 11, 12);
  expect(emaDecay(tensorflow, 90)).toBeCloseTo(0.91, 12);
  expect(emaDecay(tensorflow, 1e6)).toBe(0.999);
  const diffusers = { decay: 0.999, rule: "diffusers" } as const;
  expect(emaDecay(diffusers, 1)).toBe(0);
  expect(emaDecay(diffusers, 2)).toBeCloseTo(2 / 11, 12);
  expect(emaDecay(diffusers, 1e6)).toBe(0.999);
});
