/** Activation checkpointing on small graphs: the gradients of the whole graph, and nothing left behind. */
import { expect, test } from "vitest";
import { checkpointed, cut } from "../scope.js";
import type { Tensor } from "../tensor.js";
import { createTorch } from "./index.js";

const torch = createTorch({ threads: 1, activationCheckpointing: true });
const plain = createTorch({ threads: 1 });
const { ops } = torch;
const leaf = (...values: number[]) => torch.tensor(Float32Array.from(values), [values.length], { requiresGrad: true });
const numbers = (t: Tensor) => [...torch.read(t)];
const gradient = (t: Tensor) => torch.tidy(() => numbers(torch.grad(t)!));

test("a checkpointed function runs again in backward, and its weights and input get their gradients", () => {
  const [w, x] = [leaf(2, 3), leaf(5, 7)];
  let runs = 0;
  torch.tidy(() => {
    const square = (a: Tensor) =>
      checkpointed(ops, () => {
        runs++;
        return ops.mul(ops.mul(a, a), w);
      });
    // w (w x^2)^2 = w^3 x^4
    const y = square(square(x));
    expect(numbers(y)).toEqual([8 * 625, 27 * 2401]);
    expect(runs).toBe(2);
    torch.backward(ops.sum(y));
    expect(runs).toBe(4);
    expect(() => torch.read(y)).toThrow(/after its scope ended/);
  });
  expect(gradient(w)).toEqual([3 * 4 * 625, 3 * 9 * 2401]);
  expect(gradient(x)).toEqual([8 * 4 * 125, 27 * 4 * 343]);
  torch.dispose([w, x]);
  expect(torch.liveTensors()).toBe(0);
});

test("a value that several functions use is gone through once, when all have said their part", () => {
  const [w, v] = [leaf(2), leaf(3)];
  torch.tidy(() => {
    const shared = cut(ops, ops.mul(w, w));
    const parts = [2, 5].map((n) => checkpointed(ops, () => ops.mul(ops.mul(shared, v), n)));
    torch.backward(ops.sum(ops.add(ops.mul(parts[0]!, parts[1]!), shared)));
  });
  // 10 w^4 v^2 + w^2
  expect([gradient(w), gradient(v)]).toEqual([[40 * 8 * 9 + 4], [20 * 16 * 3]]);
  torch.dispose([w, v]);
});

test("what no gradient reaches is not made again, nor what nothing trained stands behind", () => {
  const w = leaf(2);
  let unused = 0;
  torch.tidy(() => {
    checkpointed(ops, () => {
      unused++;
      return ops.mul(w, 3);
    });
    const constant = checkpointed(ops, () => ops.constant(Float32Array.of(4), [1]));
    torch.backward(ops.sum(ops.mul(constant, w)));
  });
  expect([unused, gradient(w)]).toEqual([1, [4]]);
  torch.dispose(w);
});

test("checkpoints inside a checkpoint, and inside scopes that end before backward", () => {
  const w = leaf(3);
  torch.tidy(() => {
    const cube = (a: Tensor) =>
      checkpointed(ops, () => {
        const square = checkpointed(ops, () => ops.mul(a, a));
        return checkpointed(ops, () => ops.mul(square, a));
      });
    const y = torch.tidy(() => ops.mul(cube(cube(w)), 2));
    torch.backward(ops.sum(y));
  });
  expect(gradient(w)).toEqual([2 * 9 * 3 ** 8]);
  torch.dispose(w);
  expect(torch.liveTensors()).toBe(0);
});

test("nothing is recorded without gradients, and a leaf is its own cut", () => {
  const w = leaf(3);
  torch.tidy(() => {
    const history = ops.mul(w, 2);
    torch.noGrad(() => {
      const before = torch.liveTensors();
      expect(cut(ops, history)).toBe(history);
      expect(numbers(checkpointed(ops, () => ops.mul(ops.mul(w, 2), 2)))).toEqual([12]);
      expect(torch.liveTensors()).toBe(before + 1);
    });
    expect(cut(ops, w)).toBe(w);
    const answer = ops.mul(w, 1);
    torch.backward(ops.sum(answer));
    expect(numbers(answer)).toEqual([3]);
  });
  expect(gradient(w)).toEqual([1]);
  torch.dispose(w);
});

test.each(["never comes", "throws"])("nothing is left when backward %s", (what) => {
  const w = leaf(3);
  const before = torch.liveTensors();
  let failing = false;
  const run = () =>
    torch.tidy(() => {
      const h = cut(ops, ops.mul(w, 2));
      const y = checkpointed(ops, () => {
        if (failing) throw new RangeError("mine");
        return ops.mul(h, h);
      });
      failing = what === "throws";
      if (failing) torch.backward(ops.sum(ops.mul(y, y)));
      return null;
    });
  if (what === "throws") expect(run).toThrow("mine");
  else run();
  expect(torch.liveTensors()).toBe(before);
  failing = false;
  torch.zeroGrad([w]);
  torch.tidy(() => torch.backward(ops.sum(checkpointed(ops, () => ops.mul(w, 5)))));
  expect(gradient(w)).toEqual([5]);
  torch.dispose(w);
});

test("an engine that was not asked for it has neither", () => {
  expect([plain.ops.checkpoint, plain.ops.cut]).toEqual([undefined, undefined]);
});
