/** Optimizer arithmetic against the formulas in double precision. */
import { expect, test } from "vitest";
import { createTorch } from "./index.js";
import { adamwStep, clipGradNorm, emaUpdate } from "./optim.js";

const torch = createTorch({ threads: 1, device: process.env.INSTRUCTCV_DEVICE ?? "cpu" });
const vector = (values: number[], requiresGrad = false) =>
  torch.tensor(Float32Array.from(values), [values.length], { requiresGrad });

test("adamwStep is AdamW", () => {
  const start = [[0.5, -1, 2], [3]];
  const slopes = [
    [[0.1, -0.2, 0.3], [4]],
    [[-1, 0.5, 0], [1e-3]],
    [[0.2, 0.2, 0.2], [-2]],
  ];
  const options = { lr: 0.01, betas: [0.9, 0.99] as const, eps: 1e-8, weightDecay: 0.1 };
  torch.tidy(() => {
    const params = start.map((values) => vector(values, true));
    const m = start.map((values) => vector(values.map(() => 0)));
    const v = start.map((values) => vector(values.map(() => 0)));
    const want = start.flat();
    const first = want.map(() => 0);
    const second = want.map(() => 0);
    for (const [i, slope] of slopes.entries()) {
      const step = i + 1;
      adamwStep(
        torch,
        params,
        slope.map((values) => vector(values)),
        m,
        v,
        step,
        options,
      );
      for (const [k, g] of slope.flat().entries()) {
        first[k] = 0.9 * first[k]! + 0.1 * g;
        second[k] = 0.99 * second[k]! + 0.01 * g * g;
        const update = first[k]! / (1 - 0.9 ** step) / (Math.sqrt(second[k]! / (1 - 0.99 ** step)) + 1e-8);
        want[k] = want[k]! * (1 - 0.01 * 0.1) - 0.01 * update;
      }
    }
    const got = params.flatMap((p) => [...torch.read(p)]);
    for (const [k, value] of got.entries()) expect(Math.abs(value - want[k]!)).toBeLessThan(1e-6);
    for (const [k, value] of m.flatMap((t) => [...torch.read(t)]).entries()) expect(value).toBeCloseTo(first[k]!, 6);
  });
});

test("clipGradNorm returns the joint norm and scales only what is longer", () => {
  torch.tidy(() => {
    const grads = [vector([3, 0]), vector([4])];
    expect(clipGradNorm(torch, grads, 10)).toBeCloseTo(5, 5);
    expect(torch.read(grads[1]!)[0]).toBe(4);
    expect(clipGradNorm(torch, grads, 1)).toBeCloseTo(5, 5);
    expect([...torch.read(grads[0]!), ...torch.read(grads[1]!)].map((x) => x.toFixed(4))).toEqual([
      "0.6000",
      "0.0000",
      "0.8000",
    ]);
    expect(clipGradNorm(torch, [vector([Number.NaN, 1])], 1)).toBeNaN();
  });
});

test("emaUpdate moves the average by 1 - decay", () => {
  torch.tidy(() => {
    const [ema, params] = [vector([1, 2]), vector([2, 0], true)];
    emaUpdate(torch, [ema], [params], 0.75);
    expect([...torch.read(ema)]).toEqual([1.25, 1.5]);
    expect([...torch.read(params)]).toEqual([2, 0]);
  });
});
