/** What running a graph will take, read off its shapes before anything is loaded. */
import type { OnnxGraph, OnnxValueInfo } from "./proto.js";

const width: Readonly<Record<string, number>> = {
  float32: 4,
  int64: 8,
  float16: 2,
  bfloat16: 2,
  int32: 4,
  int8: 1,
  uint8: 1,
};
/** Operations whose result is the input under another shape. */
const views: ReadonlySet<string> = new Set(["Reshape", "Identity"]);
/** Operations that ONNX Runtime lets write over an input nobody reads afterwards. */
const inPlace: ReadonlySet<string> = new Set(["Add", "Sub", "Mul", "Div", "Sigmoid", "Relu", "Tanh", "Neg", "Softmax"]);

const bytesOf = ({ type, shape }: Pick<OnnxValueInfo, "type" | "shape">) =>
  shape.reduce((product, n) => product * n, width[type]!);

/** Bytes of the values alive at once when the nodes run in their order; inputs and weights are not counted. */
export function peakBytes(graph: OnnxGraph): number {
  /** The buffer a value lives in: that of the value it is a view of. */
  const buffer = new Map<string, string>();
  const lastUse = new Map<string, number>();
  for (const [i, { op, inputs, output }] of graph.nodes.entries()) {
    const source = views.has(op) ? (buffer.get(inputs[0]!) ?? output.name) : output.name;
    buffer.set(output.name, source);
    lastUse.set(source, i);
    for (const name of inputs) if (buffer.has(name)) lastUse.set(buffer.get(name)!, i);
  }
  for (const { name } of graph.outputs) lastUse.set(buffer.get(name)!, graph.nodes.length);

  const alive = new Map<string, number>();
  let now = 0;
  let most = 0;
  for (const [i, { op, inputs, output }] of graph.nodes.entries()) {
    const dying = new Set(inputs.flatMap((name) => buffer.get(name) ?? []).filter((name) => lastUse.get(name) === i));
    const made = buffer.get(output.name) === output.name ? bytesOf(output) : 0;
    const reused = inPlace.has(op) && [...dying].some((name) => alive.get(name) === made);
    most = Math.max(most, now + (reused ? 0 : made));
    if (made > 0) alive.set(output.name, made);
    now += made;
    for (const name of dying) {
      now -= alive.get(name) ?? 0;
      alive.delete(name);
    }
  }
  return most;
}

/** Bytes of a graph's weights: those stored as float32, and those stored at half that which are widened when a session opens. */
export function weightBytes(graph: OnnxGraph): { stored: number; widened: number } {
  let stored = 0;
  let widened = 0;
  for (const { type, shape } of graph.initializers) {
    stored += bytesOf({ type, shape });
    if (type === "float16" || type === "bfloat16") widened += bytesOf({ type: "float32", shape });
  }
  return { stored, widened };
}

/** Multiply-adds of convolutions, linear layers and matrix products: nearly all the work of a network. */
export function multiplyAdds(graph: OnnxGraph): number {
  const shapes = new Map(
    [...graph.inputs, ...graph.initializers, ...graph.nodes.map(({ output }) => output)].map(({ name, shape }) => [
      name,
      shape,
    ]),
  );
  const size = (shape: readonly number[]) => shape.reduce((product, n) => product * n, 1);
  let total = 0;
  for (const { op, inputs, output } of graph.nodes) {
    const [first, second] = inputs.map((name) => shapes.get(name) ?? []);
    if (op === "Conv") total += size(output.shape) * size(second!.slice(1));
    else if (op === "Gemm") total += size(output.shape) * second!.at(-1)!;
    else if (op === "MatMul") total += size(output.shape) * first!.at(-1)!;
  }
  return total;
}
