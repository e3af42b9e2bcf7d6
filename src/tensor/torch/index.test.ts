/** The engine's surface: scopes, gradients, randomness, precision, operators by name, and what its errors say. */
import { describe, expect, test } from "vitest";
import { InstructCvError } from "../../errors.js";
import type { Tensor } from "../tensor.js";
import { createTorch } from "./index.js";

const device = process.env.INSTRUCTCV_DEVICE ?? "cpu";
const torch = createTorch({ threads: 1, device });
const { ops } = torch;
const floats = (...values: number[]) => Float32Array.from(values);

/** The message of the InstructCvError that `fn` throws. */
function problem(fn: () => unknown): string {
  try {
    fn();
  } catch (error) {
    expect(error).toBeInstanceOf(InstructCvError);
    expect((error as InstructCvError).code).toBe("engine");
    return (error as Error).message;
  }
  throw new Error("nothing was thrown");
}

describe("scopes", () => {
  test("what tidy returns passes to the enclosing scope, the rest is released", () => {
    const before = torch.liveTensors();
    let inner: Tensor | undefined;
    torch.tidy(() => {
      const { pair } = torch.tidy(() => {
        inner = torch.randn([3]);
        return { pair: [ops.neg(inner), ops.exp(inner)] };
      });
      expect(torch.liveTensors() - before).toBe(2);
      expect(pair.map(({ shape }) => shape)).toEqual([[3], [3]]);
    });
    expect(torch.liveTensors()).toBe(before);
    expect(problem(() => torch.read(inner!))).toContain("a tensor was used after its scope ended");
  });

  test("a released tensor never reads as the one that took its place", () => {
    const stale = torch.tidy(() => ({ hide: () => kept, kept: undefined }));
    let kept: Tensor | undefined;
    torch.tidy(() => {
      kept = torch.tensor(floats(1), [1]);
    });
    torch.tidy(() => {
      torch.tensor(floats(2), [1]);
      expect(problem(() => torch.read(stale.hide()!))).toContain("scope ended");
    });
  });

  test("an exception releases everything", () => {
    const before = torch.liveTensors();
    expect(() =>
      torch.tidy(() => {
        torch.randn([2]);
        throw new RangeError("mine");
      }),
    ).toThrow(RangeError);
    expect(torch.liveTensors()).toBe(before);
  });

  test("kept tensors live until disposed of", () => {
    const before = torch.liveTensors();
    const kept = torch.tidy(() => torch.tidy(() => torch.keep(torch.tensor(floats(4, 9), [2]))));
    expect([...torch.read(kept)]).toEqual([4, 9]);
    torch.dispose([kept]);
    torch.dispose([kept]);
    expect(torch.liveTensors()).toBe(before);
  });

  test("operations need a scope, host data does not", () => {
    const x = torch.tensor(floats(1), [1]);
    const before = torch.liveTensors();
    expect(problem(() => ops.neg(x))).toBe("an operation ran outside every scope. Wrap it in torch.tidy(() => ...).");
    expect(torch.liveTensors()).toBe(before);
    torch.dispose(x);
  });

  test("tidy refuses an async function", () => {
    expect(problem(() => torch.tidy(async () => {}))).toContain("async function");
  });
});

describe("host data", () => {
  test("floats, bytes and 64-bit integers come back as they went", () => {
    torch.tidy(() => {
      expect([...torch.read(torch.tensor(Uint8Array.of(0, 255), [2]))]).toEqual([0, 255]);
      const ids = torch.tensor(BigInt64Array.of(-1n, 1n << 60n), [1, 2]);
      expect(ids).toMatchObject({ dtype: "int64", shape: [1, 2] });
      expect([...torch.readInt64(ids)]).toEqual([-1n, 1n << 60n]);
      expect(torch.read(torch.tensor(new Float32Array(0), [0, 3]))).toHaveLength(0);
      const half = torch.tensor(floats(1, 1.001, 257), [3], { dtype: "bfloat16" });
      expect(half.dtype).toBe("bfloat16");
      expect([...torch.read(half)]).toEqual([1, 1, 256]);
    });
  });

  test("the copy is independent of the array, and write() replaces values in place", () => {
    torch.tidy(() => {
      const data = floats(1, 2);
      const x = torch.tensor(data, [2], { requiresGrad: true });
      data[0] = 7;
      expect([...torch.read(x)]).toEqual([1, 2]);
      torch.write(x, floats(5, 6));
      torch.backward(ops.sum(ops.mul(x, x)));
      expect([...torch.read(torch.grad(x)!)]).toEqual([10, 12]);
    });
  });

  test("non-contiguous tensors read in row-major order", () => {
    torch.tidy(() => {
      const x = torch.tensor(floats(1, 2, 3, 4, 5, 6), [2, 3]);
      expect([...torch.read(ops.permute(x, [1, 0]))]).toEqual([1, 4, 2, 5, 3, 6]);
    });
  });
});

describe("gradients", () => {
  test("accumulate until zeroGrad, stop at noGrad", () => {
    const w = torch.tensor(floats(3), [1], { requiresGrad: true });
    torch.tidy(() => {
      expect(torch.grad(w)).toBeNull();
      const square = () => ops.sum(ops.mul(w, w));
      torch.backward(square());
      torch.backward(square());
      expect(torch.item(torch.grad(w)!)).toBe(12);
      torch.zeroGrad([w]);
      expect(torch.grad(w)).toBeNull();
      const silent = torch.noGrad(square);
      expect(problem(() => torch.backward(silent))).toContain("backward: element 0 of tensors does not require grad");
    });
    torch.dispose(w);
  });

  test("noGrad ends with an exception too", () => {
    torch.tidy(() => {
      expect(() => torch.noGrad(() => expect.fail("stop"))).toThrow("stop");
      const w = torch.tensor(floats(2), [1], { requiresGrad: true });
      torch.backward(ops.sum(ops.exp(w)));
      expect(torch.item(torch.grad(w)!)).toBeCloseTo(Math.exp(2), 4);
    });
  });
});

describe("randomness", () => {
  const draw = () => torch.tidy(() => [...torch.read(torch.randn([100]))]);
  test("same seed, same bits", () => {
    torch.manualSeed(42);
    const first = draw();
    torch.manualSeed(42);
    expect(draw()).toEqual(first);
    expect(draw()).not.toEqual(first);
  });
  test("a saved state resumes exactly", () => {
    torch.manualSeed(1);
    draw();
    const state = torch.rngState();
    const next = [draw(), draw()];
    torch.setRngState(state);
    expect([draw(), draw()]).toEqual(next);
  });
});

describe("bfloat16", () => {
  const half = createTorch({ threads: 1, computeDtype: "bfloat16", device });
  const noise = (shape: number[]) => half.tensor(half.read(half.randn(shape)), shape, { requiresGrad: true });

  test("products compute in bfloat16, weights and their gradients stay float32", () => {
    half.tidy(() => {
      half.manualSeed(3);
      const [x, w] = [noise([2, 8]), noise([4, 8])];
      const y = half.ops.linear(x, w, null);
      expect(y.dtype).toBe("bfloat16");
      half.backward(half.ops.sum(half.ops.cast(y, "float32")));
      expect(half.grad(w)!.dtype).toBe("float32");
      const exact = torch.tidy(() => torch.read(ops.linear(x, w, null)));
      for (const [i, value] of half.read(y).entries()) expect(Math.abs(value - exact[i]!)).toBeLessThan(0.1);
    });
  });

  test("a block of convolution, norm, activation, attention runs forward and backward", () => {
    half.tidy(() => {
      half.manualSeed(4);
      const [x, w, scale, shift] = [noise([2, 4, 6, 6]), noise([8, 4, 3, 3]), noise([8]), noise([8])];
      const o = half.ops;
      const h = o.silu(o.groupNorm(o.conv2d(x, w, null, { padding: 1 }), 4, scale, shift, 1e-5));
      expect(h.dtype).toBe("bfloat16");
      const tokens = o.permute(o.reshape(h, [2, 1, 8, 36]), [0, 1, 3, 2]);
      const mixed = o.layerNorm(o.attention(tokens, tokens, tokens, { causal: true }), scale, shift, 1e-5);
      expect(mixed.dtype).toBe("bfloat16");
      half.backward(o.mean(o.cast(mixed, "float32")));
      for (const leaf of [x, w, scale, shift]) {
        expect(half.grad(leaf)!.dtype).toBe("float32");
        expect(half.read(half.grad(leaf)!).every(Number.isFinite)).toBe(true);
      }
    });
  });
});

describe("operators by name", () => {
  test("positional and named arguments, lists, several results", () => {
    torch.tidy(() => {
      const x = torch.tensor(floats(3, 1, 2), [3]);
      const [values, indices] = torch.call("aten::sort", [x], { descending: true }) as Tensor[];
      expect([...torch.read(values!)]).toEqual([3, 2, 1]);
      expect([...torch.readInt64(indices!)]).toEqual([0n, 2n, 1n]);
      const parts = torch.call("aten::split.Tensor", [x, 2]) as Tensor[];
      expect(parts.map(({ shape }) => shape)).toEqual([[2], [1]]);
      expect(torch.call("aten::equal", [x, x])).toBe(true);
      expect(torch.call("aten::item", [parts[1]!])).toBe(2);
    });
  });

  test("errors name the operator and take one line", () => {
    torch.tidy(() => {
      const x = torch.randn([2, 3]);
      const messages = [
        problem(() => ops.matmul(x, x)),
        problem(() => ops.conv2d(torch.randn([1, 3, 8, 8]), torch.randn([4, 2, 3, 3]), null)),
        problem(() => ops.reshape(x, [5, 5])),
        problem(() => torch.call("aten::no_such_operator", [])),
        problem(() => torch.call("aten::softmax.int", [x, 0.5])),
        problem(() => torch.call("aten::softmax.int", [x])),
        problem(() => torch.call("aten::neg", ["x"])),
        problem(() => torch.call("aten::neg", [x, 1, 2])),
        problem(() => torch.call("aten::sum", [x], { dimension: 0 })),
        problem(() => torch.tensor(floats(1, 2, 3), [2, 2])),
        problem(() => torch.item(x)),
        problem(() => ops.neg({ shape: [1], dtype: "float32" })),
      ];
      for (const message of messages) expect(message).not.toContain("\n");
      expect(messages[0]).toMatch(/^aten::matmul: mat1 and mat2 shapes cannot be multiplied/);
      expect(messages[1]).toMatch(/^aten::conv2d: Given groups=1, weight of size \[4, 2, 3, 3\]/);
      expect(messages[2]).toMatch(/^aten::reshape: shape '\[5, 5\]' is invalid/);
      expect(messages[3]).toMatch(/^libtorch [\d.]+\S* has no operator aten::no_such_operator\.$/);
      expect(messages[4]).toBe("aten::softmax.int: argument 'dim': expected a whole number, found 0.5");
      expect(messages[5]).toBe("aten::softmax.int: argument 'dim' is missing");
      expect(messages[6]).toBe("aten::neg: argument 'self': expected a number");
      expect(messages[7]).toContain("too many arguments for aten::neg(Tensor self)");
      expect(messages[8]).toBe("aten::sum has no argument 'dimension'; it has self, dtype.");
      expect(messages[9]).toBe("tensor: shape holds 4 numbers, the array 3");
      expect(messages[10]).toBe("item: expected one number, found shape [2,3].");
      expect(messages[11]).toBe("a tensor of another engine was given to libtorch.");
    });
  });
});

test("a CPU has no count of its memory", () => {
  expect(createTorch({ threads: 1 }).peakBytes()).toBeNull();
});
