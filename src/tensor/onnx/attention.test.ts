/** Attention over many pixels is computed for some queries at a time, which changes its memory and nothing else. */
import { expect, test } from "vitest";
import { peakBytes } from "./memory.js";
import { OnnxOps } from "./ops.js";
import { encodeModel } from "./proto.js";
import { openSession } from "./session.js";

test("6,001 queries in two parts give what each gives alone", async () => {
  const [length, features] = [6001, 4];
  const values = (phase: number) =>
    Float32Array.from({ length: length * features }, (_, i) => Math.sin(i * 0.7 + phase));
  const input = (phase: number) => ({ data: values(phase), shape: [1, 1, length, features] });
  const ops = new OnnxOps();
  const [q, k, v] = ["q", "k", "v"].map((name) => ops.input(name, [1, 1, length, features])) as [never, never, never];
  const graph = ops.graph({ y: ops.attention(q, k, v) });
  expect(graph.nodes.filter(({ op }) => op === "Softmax").map(({ output }) => output.shape)).toEqual([
    [1, 1, 3001, length],
    [1, 1, 3000, length],
  ]);
  expect(peakBytes(graph)).toBeLessThan(1.1 * 3001 * length * 4);

  const session = await openSession(encodeModel(graph), { threads: 2 });
  const feeds = { q: input(0), k: input(1), v: input(2) };
  const { y } = await session.run(feeds);
  await session.close();
  for (const row of [0, 3000, 3001, 6000]) {
    const dot = (j: number) => {
      let sum = 0;
      for (let d = 0; d < features; d++) sum += feeds.q.data[row * features + d]! * feeds.k.data[j * features + d]!;
      return Math.exp(sum / 2);
    };
    const weights = Array.from({ length }, (_, j) => dot(j));
    const total = weights.reduce((a, b) => a + b, 0);
    for (let d = 0; d < features; d++) {
      const expected = weights.reduce((sum, weight, j) => sum + weight * feeds.v.data[j * features + d]!, 0) / total;
      expect(Number(y!.data[row * features + d])).toBeCloseTo(expected, 5);
    }
  }
});
