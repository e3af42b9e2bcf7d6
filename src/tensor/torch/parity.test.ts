/** Every operation against PyTorch's outputs and gradients (tests/goldens/ops.json, made by scripts/oracles/ops.py). */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { caseCotangent, caseInputs, cases } from "../../../tests/tensor/cases.js";
import { createTorch } from "./index.js";

interface Golden {
  shape: number[];
  output: number[];
  /** Of sum(output * cotangent), one for each input (null for integers). */
  gradients?: (number[] | null)[];
}
const goldens: Record<string, Golden> = JSON.parse(
  readFileSync(new URL("../../../tests/goldens/ops.json", import.meta.url), "utf8"),
);
const torch = createTorch({ threads: 1, device: process.env.INSTRUCTCV_DEVICE ?? "cpu" });

/** Largest difference, relative to the largest number when that is above 1: float32 sums are no better. */
function worst(want: number[], got: Float32Array): number {
  if (want.length !== got.length) return Number.NaN;
  const scale = Math.max(1, ...want.map(Math.abs));
  return Math.max(0, ...want.map((value, i) => Math.abs(value - got[i]!))) / scale;
}

test.each(cases)("$name", (opCase) => {
  const golden = goldens[opCase.name]!;
  const tolerance = opCase.tolerance ?? 1e-5;
  const differentiable = opCase.differentiable ?? true;
  torch.tidy(() => {
    const specs = caseInputs(opCase);
    const inputs = specs.map(({ shape, dtype, values }) =>
      dtype === "int64"
        ? torch.tensor(BigInt64Array.from(values, BigInt), shape)
        : torch.tensor(Float32Array.from(values), shape, { requiresGrad: differentiable }),
    );
    const output = opCase.run(torch.ops, inputs);
    expect(output.shape).toEqual(golden.shape);
    expect(worst(golden.output, torch.read(output))).toBeLessThanOrEqual(tolerance);

    const isFloat = specs.map(({ dtype }) => dtype !== "int64");
    if (!differentiable || !isFloat.includes(true)) return;
    const cotangent = torch.tensor(Float32Array.from(caseCotangent(opCase, golden.output.length)), golden.shape);
    torch.backward(torch.ops.sum(torch.ops.mul(output, cotangent)));
    expect(golden.gradients).toHaveLength(inputs.length);
    for (const [i, input] of inputs.entries()) {
      if (!isFloat[i]) continue;
      expect(worst(golden.gradients![i]!, torch.read(torch.grad(input)!)), `input ${i}`).toBeLessThanOrEqual(tolerance);
    }
  });
  expect(torch.liveTensors()).toBe(0);
});
