import { expect, test } from "vitest";
import { CountingOps } from "./counting.js";
import type { Tensor } from "./tensor.js";

const of = (...shape: number[]): Tensor => ({ shape, dtype: "float32" });

test("a tiny network, against the count by hand", () => {
  const weights = { conv: of(4, 3, 3, 3), frozen: of(4, 4, 1, 1), linear: of(5, 4), bias: of(5) };
  const ops = new CountingOps([weights.conv, weights.linear, weights.bias]);
  const picture = ops.constant(new Float32Array(2 * 3 * 8 * 8), [2, 3, 8, 8]);
  // 2 x 4 x 4 x 4 outputs of 27 products each; the picture needs no gradient, so only the weight's comes back.
  const folded = ops.conv2d(picture, weights.conv, null, { stride: 2, padding: 1 });
  expect([folded.shape, ops.forward, ops.backward]).toEqual([[2, 4, 4, 4], 3456, 3456]);
  // 128 outputs of 4 products: a frozen weight still passes the gradient on to its input.
  const mixed = ops.conv2d(ops.relu(folded), weights.frozen, null);
  expect([ops.forward, ops.backward]).toEqual([3456 + 512, 3456 + 512]);
  // 32 rows of 4 to 5: both gradients.
  const tokens = ops.permute(ops.reshape(mixed, [2, 4, 16]), [0, 2, 1]);
  const out = ops.linear(ops.mul(tokens, 2), weights.linear, weights.bias);
  expect(out.shape).toEqual([2, 16, 5]);
  expect([ops.forward, ops.backward]).toEqual([3968 + 640, 3968 + 1280]);
});

test("attention is two products forward and four backward", () => {
  const [q, k, v] = [of(2, 3, 8, 4), of(2, 3, 6, 4), of(2, 3, 6, 4)];
  const all = new CountingOps([q, k, v]);
  expect(all.attention(q, k, v).shape).toEqual([2, 3, 8, 4]);
  const one = 2 * 3 * 8 * 6 * 4;
  expect([all.forward, all.backward]).toEqual([2 * one, 4 * one]);
  // Keys and values of a frozen text encoder without trained projections need no gradient.
  const queries = new CountingOps([q]);
  queries.attention(q, k, v);
  expect([queries.forward, queries.backward]).toEqual([2 * one, 2 * one]);
});

test("what is not trained has no backward pass", () => {
  const ops = new CountingOps();
  const ids = ops.constant(new BigInt64Array(6), [2, 3]);
  const hidden = ops.layerNorm(ops.embedding(ids, of(10, 4)), of(4), of(4));
  ops.linear(ops.add(hidden, of(3, 4)), of(7, 4), null);
  expect([ids.dtype, ops.forward, ops.backward]).toEqual(["int64", 2 * 3 * 4 * 7, 0]);
});

test("shapes follow PyTorch's", () => {
  const ops = new CountingOps();
  const x = of(1, 2, 4, 6);
  expect(ops.pad2d(x, [1, 2, 3, 4]).shape).toEqual([1, 2, 11, 9]);
  expect(ops.upsampleNearest(x, 2).shape).toEqual([1, 2, 8, 12]);
  expect(ops.concat([x, ops.slice(x, 1, 0, 1)], 1).shape).toEqual([1, 3, 4, 6]);
  expect(ops.mean(x, [2, 3], true).shape).toEqual([1, 2, 1, 1]);
  expect(ops.expand(of(1, 6), [4, 6]).shape).toEqual([4, 6]);
  expect(ops.cast(x, "bfloat16").dtype).toBe("bfloat16");
  expect(ops.softmax(x, 1).shape).toEqual([1, 2, 4, 6]);
});
