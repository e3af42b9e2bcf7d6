/** A graph cut at what one input alone decides computes what the whole graph computes. */
import { describe, expect, test } from "vitest";
import { multiplyAdds, peakBytes, weightBytes } from "./memory.js";
import { OnnxOps } from "./ops.js";
import { encodeModel, type OnnxGraph } from "./proto.js";
import { type ArrayTensor, openSession } from "./session.js";
import { splitGraph } from "./split.js";

const array = (shape: number[], start = 0) => ({
  shape,
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i + start)),
});
async function run(graph: OnnxGraph, feeds: Record<string, ArrayTensor>): Promise<Record<string, ArrayTensor>> {
  const session = await openSession(encodeModel(graph), { threads: 1 });
  const inputs = Object.fromEntries(graph.inputs.map(({ name }) => [name, feeds[name]!]));
  try {
    return await session.run(inputs);
  } finally {
    await session.close();
  }
}

/** y = (x W) attends to (text K, text V), with text also used directly. */
function example(usesTextItself: boolean): OnnxGraph {
  const ops = new OnnxOps();
  const x = ops.input("x", [1, 1, 4, 6]);
  const text = ops.input("text", [1, 1, 3, 6]);
  const weight = ops.sqrt(ops.constant(array([6, 6], 9).data.map(Math.abs), [6, 6]));
  const key = ops.tanh(ops.linear(text, weight, null));
  const value = ops.mul(ops.linear(text, weight, null), 2);
  const seen = ops.attention(ops.linear(x, weight, null), key, value);
  return ops.graph({ y: usesTextItself ? ops.add(seen, ops.mean(ops.mul(text, x.shape[0]!), [2], true)) : seen });
}

describe("splitGraph", () => {
  const feeds = { x: array([1, 1, 4, 6]), text: array([1, 1, 3, 6], 5) };
  test.each([false, true])("gives the same result in two parts (text used itself: %s)", async (itself) => {
    const whole = example(itself);
    const { prelude, main } = splitGraph(whole, "text")!;
    expect(prelude.inputs.map(({ name }) => name)).toEqual(["text"]);
    expect(main.inputs.map(({ name }) => name)).not.toContain("text");
    const handed = await run(prelude, feeds);
    expect(Object.keys(handed)).toEqual(itself ? ["text.0", "text.1", "text.2"] : ["text.0", "text.1"]);
    expect(await run(main, { ...feeds, ...handed })).toEqual(await run(whole, feeds));
    expect(main.nodes.length + prelude.nodes.length).toBeLessThanOrEqual(whole.nodes.length + 1);
  });

  test("an input that the rest needs too stays one of its inputs", async () => {
    const ops = new OnnxOps();
    const [x, t] = [ops.input("x", [2]), ops.input("t", [2])];
    const whole = ops.graph({ y: ops.mul(ops.add(x, t), ops.exp(t)) });
    const { prelude, main } = splitGraph(whole, "t")!;
    expect(main.inputs.map(({ name }) => name).sort()).toEqual(["t", "t.0", "x"]);
    const inputs = { x: array([2]), t: array([2], 3) };
    expect(await run(main, { ...inputs, ...(await run(prelude, inputs)) })).toEqual(await run(whole, inputs));
  });

  test("null where nothing depends on the input alone", () => {
    const ops = new OnnxOps();
    const graph = ops.graph({ y: ops.add(ops.input("x", [2]), ops.input("t", [2])) });
    expect(splitGraph(graph, "t")).toBeNull();
  });
});

describe("what a graph takes, by hand", () => {
  test("peak of live values: views are free, some operations write in place, a skip stays alive", () => {
    const ops = new OnnxOps();
    const x = ops.input("x", [1, 4, 10]);
    const wide = ops.linear(x, ops.constant(array([30, 10]).data, [30, 10]), null); // 4 x 30
    const shifted = ops.add(ops.relu(wide), 1); // both in place
    const back = ops.linear(shifted, ops.constant(array([10, 30]).data, [10, 30]), null); // 4 x 10
    expect(peakBytes(ops.graph({ y: back }))).toBe(4 * (4 * 30 + 4 * 10));
    const kept = ops.graph({ y: ops.concat([back, wide], -1) }); // wide survives: relu's result is a copy
    expect(peakBytes(kept)).toBe(4 * Math.max(4 * 30 + 4 * 30 + 4 * 10, 4 * 30 + 4 * 10 + 4 * 40));
  });

  test("multiply-adds and weights", () => {
    const ops = new OnnxOps();
    const x = ops.input("x", [2, 3, 8, 8]);
    const kernel = { dtype: "F16", shape: [5, 3, 3, 3], start: 0, end: 270 } as const;
    const y = ops.conv2d(x, ops.parameter("w.weight", kernel, "w"), null, { stride: 2, padding: 1 });
    const graph = ops.graph({ y: ops.matmul(y, ops.constant(array([4, 7]).data, [4, 7])) });
    expect(multiplyAdds(graph)).toBe(2 * 5 * 16 * 27 + 2 * 5 * 4 * 7 * 4);
    expect(weightBytes(graph)).toEqual({ stored: 4 * 28, folded: 540 });
  });
});
