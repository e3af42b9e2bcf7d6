/** Optimizer arithmetic against the formulas in double precision. */
import { expect, test } from "vitest";
import type { Tensor } from "../tensor.js";
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

test("the fused kernel and the list kernels agree, also where a tensor is laid out channels last", () => {
  const shapes = [[4, 3, 3, 3], [64, 16], [17]];
  const lists = { ...torch, version: "1.13.0" };
  torch.tidy(() => {
    torch.manualSeed(4);
    const layOut = (t: Tensor) =>
      t.shape.length === 4 ? (torch.call("aten::contiguous", [t], { memory_format: 2 }) as Tensor) : t;
    const draw = () => shapes.map((shape) => layOut(torch.randn(shape)));
    const copy = (ts: readonly Tensor[]) => ts.map((t) => torch.call("aten::clone", [t]) as Tensor);
    const params = draw();
    const zeros = params.map((p) => torch.ops.mul(p, 0));
    const sides = [torch, lists].map((engine) => ({ engine, p: copy(params), m: copy(zeros), v: copy(zeros) }));
    for (let step = 1; step <= 20; step++) {
      const grads = draw();
      for (const { engine, p, m, v } of sides) adamwStep(engine, p, copy(grads), m, v, step, { lr: 1e-2 });
    }
    for (const field of ["p", "m", "v"] as const) {
      const [fused, list] = sides.map((side) => side[field].flatMap((t) => [...torch.read(t)]));
      expect(Math.max(...fused!.map((value, i) => Math.abs(value - list![i]!)))).toBeLessThan(2e-6);
    }
  });
});
