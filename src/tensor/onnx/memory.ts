/** What running a graph will take, read off its shapes before anything is loaded. */
import type { ElementType, OnnxGraph, OnnxNode, OnnxValueInfo } from "./proto.js";

const width: Readonly<Record<ElementType, number>> = {
  float32: 4,
  int64: 8,
  float16: 2,
  bfloat16: 2,
  int8: 1,
  uint8: 1,
};
/** Operations whose result is the input under another shape. */
const views: ReadonlySet<string> = new Set(["Reshape", "Identity"]);
/** Operations that ONNX Runtime lets write over an input nobody reads afterwards. */
const inPlace: ReadonlySet<string> = new Set(["Add", "Sub", "Mul", "Div", "Sigmoid", "Relu", "Tanh", "Neg", "Softmax"]);

const bytesOf = ({ type, shape }: Pick<OnnxValueInfo, "type" | "shape">) =>
  shape.reduce((product, n) => product * n, width[type]);

/** Nodes that some input decides; the others are computed once, when a session opens. */
function varyingNodes(graph: OnnxGraph): OnnxNode[] {
  const varying = new Set(graph.inputs.map(({ name }) => name));
  return graph.nodes.filter(({ inputs, output }) => {
    const varies = inputs.some((name) => varying.has(name));
    if (varies) varying.add(output.name);
    return varies;
  });
}

/** Bytes of the values alive at once when the nodes run in their order; inputs and weights are not counted. */
export function peakBytes(graph: OnnxGraph): number {
  /** The buffer a value lives in: that of the value it is a view of. */
  const buffer = new Map<string, string>();
  const lastUse = new Map<string, number>();
  const nodes = varyingNodes(graph);
  for (const [i, { op, inputs, output }] of nodes.entries()) {
    const source = views.has(op) ? (buffer.get(inputs[0]!) ?? output.name) : output.name;
    buffer.set(output.name, source);
    lastUse.set(source, i);
    for (const name of inputs) if (buffer.has(name)) lastUse.set(buffer.get(name)!, i);
  }
  for (const { name } of graph.outputs) lastUse.set(buffer.get(name)!, nodes.length);

  const alive = new Map<string, number>();
  let now = 0;
  let most = 0;
  for (const [i, { op, inputs, output }] of nodes.entries()) {
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

/**
 * Bytes of what a graph's computations read that no input decides: `stored`, weights as they lie in their file, and `folded`, what is
 * computed from weights once, when a session opens (half precision widened to float32, adapters merged), and then lies in memory.
 */
export function weightBytes(graph: OnnxGraph): { stored: number; folded: number } {
  const varying = new Set(varyingNodes(graph));
  const fixed = new Map(graph.initializers.map((tensor) => [tensor.name, { bytes: bytesOf(tensor), stored: true }]));
  for (const node of graph.nodes)
    if (!varying.has(node)) fixed.set(node.output.name, { bytes: bytesOf(node.output), stored: false });
  const read = new Set([...varying].flatMap(({ inputs }) => inputs.filter((name) => fixed.has(name))));
  const total = (stored: boolean) =>
    [...read].map((name) => fixed.get(name)!).reduce((sum, one) => sum + (one.stored === stored ? one.bytes : 0), 0);
  return { stored: total(true), folded: total(false) };
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
    else if (op === "QLinearConv") total += size(output.shape) * size(shapes.get(inputs[3]!)!.slice(1));
    else if (op === "Gemm") total += size(output.shape) * second!.at(-1)!;
    else if (op === "MatMul" || op === "MatMulIntegerToFloat") total += size(output.shape) * first!.at(-1)!;
  }
  return total;
}
