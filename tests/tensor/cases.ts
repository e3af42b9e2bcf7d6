/** The one list of operation cases that every tensor engine must pass: same inputs, same golden outputs and gradients. */
import { createRng } from "../../src/random.js";
import type { DType, Ops, Tensor } from "../../src/tensor/tensor.js";

export interface CaseInput {
  shape: number[];
  /** Row-major values; standard normal noise seeded by the case's name when left out. */
  data?: number[];
  /** An int64 tensor; needs `data`. */
  int?: boolean;
  /** Noise in [0.2, 2.2) instead of normal: for log, sqrt and divisors. */
  positive?: boolean;
}

export interface OpCase {
  name: string;
  inputs: CaseInput[];
  run(ops: Ops, inputs: Tensor[]): Tensor;
  /** Gradients of every float input are compared too. @default true */
  differentiable?: boolean;
  /** Largest absolute difference allowed. @default 1e-5 */
  tolerance?: number;
}

export interface CaseTensor {
  shape: readonly number[];
  dtype: DType;
  /** Float32-exact decimals, or integers. */
  values: number[];
}

/** The inputs of a case, the same bits for every engine and for the PyTorch oracle. */
export function caseInputs(opCase: OpCase): CaseTensor[] {
  const rng = createRng(`op-case/${opCase.name}`);
  return opCase.inputs.map((input) => {
    const size = input.shape.reduce((a, b) => a * b, 1);
    const draw = () => (input.positive ? 0.2 + 2 * rng.next() : rng.normal());
    const values = input.data ?? Array.from({ length: size }, () => short(draw()));
    if (values.length !== size) throw new Error(`${opCase.name}: ${values.length} values for shape [${input.shape}]`);
    return { shape: input.shape, dtype: input.int ? "int64" : "float32", values };
  });
}

/** The upstream gradient that the goldens use: gradients are those of sum(output * cotangent). */
export function caseCotangent(opCase: OpCase, size: number): number[] {
  const rng = createRng(`op-case/${opCase.name}/cotangent`);
  return Array.from({ length: size }, () => short(rng.normal()));
}

/** Three decimals: short in JSON; engines round to float32 in the same way. */
const short = (value: number) => Math.round(value * 1000) / 1000;

const f = (...shape: number[]): CaseInput => ({ shape });
const positive = (...shape: number[]): CaseInput => ({ shape, positive: true });
const ints = (shape: number[], data: number[]): CaseInput => ({ shape, data, int: true });

type Unary = "neg" | "exp" | "tanh" | "sin" | "cos" | "sigmoid" | "silu" | "gelu" | "quickGelu" | "relu";
const unary = (["neg", "exp", "tanh", "sin", "cos", "sigmoid", "silu", "gelu", "quickGelu", "relu"] as Unary[]).map(
  (op): OpCase => ({ name: op, inputs: [f(3, 4)], run: (ops, [x]) => ops[op](x!) }),
);

type Binary = "add" | "sub" | "mul" | "div";
const binary = (["add", "sub", "mul", "div"] as Binary[]).flatMap((op): OpCase[] => [
  { name: `${op} same shape`, inputs: [f(2, 3), positive(2, 3)], run: (ops, [a, b]) => ops[op](a!, b!) },
  { name: `${op} broadcasts both`, inputs: [f(2, 1, 3), positive(4, 1)], run: (ops, [a, b]) => ops[op](a!, b!) },
  { name: `${op} rank-0 tensor`, inputs: [f(2, 3), positive()], run: (ops, [a, b]) => ops[op](a!, b!) },
  { name: `${op} number`, inputs: [f(2, 3)], run: (ops, [a]) => ops[op](a!, 2.5) },
  { name: `${op} integer-valued number keeps floats`, inputs: [f(2, 3)], run: (ops, [a]) => ops[op](a!, 3) },
  { name: `${op} negative number`, inputs: [f(4)], run: (ops, [a]) => ops[op](a!, -0.1) },
]);

export const cases: readonly OpCase[] = [
  ...unary,
  { name: "log", inputs: [positive(3, 4)], run: (ops, [x]) => ops.log(x!) },
  { name: "sqrt", inputs: [positive(3, 4)], run: (ops, [x]) => ops.sqrt(x!) },
  { name: "silu far from zero", inputs: [{ shape: [4], data: [-80, -20, 20, 80] }], run: (ops, [x]) => ops.silu(x!) },
  { name: "gelu far from zero", inputs: [{ shape: [4], data: [-12, -4, 4, 12] }], run: (ops, [x]) => ops.gelu(x!) },
  { name: "sigmoid far from zero", inputs: [{ shape: [2], data: [-90, 90] }], run: (ops, [x]) => ops.sigmoid(x!) },
  { name: "exp of rank 0", inputs: [f()], run: (ops, [x]) => ops.exp(x!) },
  ...binary,

  {
    name: "conv2d 3x3 pad 1",
    inputs: [f(2, 3, 5, 6), f(4, 3, 3, 3), f(4)],
    run: (ops, [x, w, b]) => ops.conv2d(x!, w!, b!, { padding: 1 }),
  },
  {
    name: "conv2d stride 2 pad 1",
    inputs: [f(1, 2, 7, 6), f(3, 2, 3, 3), f(3)],
    run: (ops, [x, w, b]) => ops.conv2d(x!, w!, b!, { stride: 2, padding: 1 }),
  },
  {
    name: "conv2d stride 2 no padding",
    inputs: [f(1, 2, 6, 5), f(3, 2, 3, 3), f(3)],
    run: (ops, [x, w, b]) => ops.conv2d(x!, w!, b!, { stride: 2 }),
  },
  {
    name: "conv2d without bias",
    inputs: [f(1, 2, 4, 4), f(3, 2, 3, 3)],
    run: (ops, [x, w]) => ops.conv2d(x!, w!, null, { padding: 1 }),
  },
  {
    name: "conv2d 1x1 defaults",
    inputs: [f(2, 5, 3, 3), f(4, 5, 1, 1), f(4)],
    run: (ops, [x, w, b]) => ops.conv2d(x!, w!, b!),
  },
  {
    name: "conv2d kernel not square",
    inputs: [f(1, 1, 4, 6), f(2, 1, 1, 3), f(2)],
    run: (ops, [x, w, b]) => ops.conv2d(x!, w!, b!),
  },

  { name: "linear of rank 2", inputs: [f(3, 4), f(5, 4), f(5)], run: (ops, [x, w, b]) => ops.linear(x!, w!, b!) },
  { name: "linear of rank 3", inputs: [f(2, 3, 4), f(5, 4), f(5)], run: (ops, [x, w, b]) => ops.linear(x!, w!, b!) },
  { name: "linear of rank 4", inputs: [f(2, 1, 3, 4), f(5, 4), f(5)], run: (ops, [x, w, b]) => ops.linear(x!, w!, b!) },
  { name: "linear without bias of rank 2", inputs: [f(3, 4), f(5, 4)], run: (ops, [x, w]) => ops.linear(x!, w!, null) },
  {
    name: "linear without bias of rank 3",
    inputs: [f(2, 3, 4), f(5, 4)],
    run: (ops, [x, w]) => ops.linear(x!, w!, null),
  },

  {
    name: "groupNorm of rank 4",
    inputs: [f(2, 6, 3, 4), f(6), f(6)],
    run: (ops, [x, w, b]) => ops.groupNorm(x!, 3, w!, b!, 1e-5),
  },
  {
    name: "groupNorm one group",
    inputs: [f(2, 4, 2, 2), f(4), f(4)],
    run: (ops, [x, w, b]) => ops.groupNorm(x!, 1, w!, b!, 1e-6),
  },
  {
    name: "groupNorm group per channel",
    inputs: [f(1, 4, 3, 3), f(4), f(4)],
    run: (ops, [x, w, b]) => ops.groupNorm(x!, 4, w!, b!, 1e-6),
  },
  {
    name: "groupNorm of rank 3",
    inputs: [f(2, 6, 5), f(6), f(6)],
    run: (ops, [x, w, b]) => ops.groupNorm(x!, 2, w!, b!, 1e-5),
  },
  {
    name: "groupNorm of rank 2",
    inputs: [f(2, 6), f(6), f(6)],
    run: (ops, [x, w, b]) => ops.groupNorm(x!, 2, w!, b!, 1e-5),
  },
  {
    name: "groupNorm large eps",
    inputs: [f(1, 4, 2, 2), f(4), f(4)],
    run: (ops, [x, w, b]) => ops.groupNorm(x!, 2, w!, b!, 0.5),
  },
  {
    name: "layerNorm of rank 3",
    inputs: [f(2, 3, 8), f(8), f(8)],
    run: (ops, [x, w, b]) => ops.layerNorm(x!, w!, b!, 1e-5),
  },
  { name: "layerNorm of rank 1", inputs: [f(8), f(8), f(8)], run: (ops, [x, w, b]) => ops.layerNorm(x!, w!, b!, 0.1) },

  {
    name: "attention",
    inputs: [f(2, 2, 3, 4), f(2, 2, 5, 4), f(2, 2, 5, 4)],
    run: (ops, [q, k, v]) => ops.attention(q!, k!, v!),
  },
  {
    name: "attention causal",
    inputs: [f(2, 2, 4, 3), f(2, 2, 4, 3), f(2, 2, 4, 3)],
    run: (ops, [q, k, v]) => ops.attention(q!, k!, v!, { causal: true }),
  },
  {
    name: "attention one key",
    inputs: [f(1, 1, 3, 4), f(1, 1, 1, 4), f(1, 1, 1, 4)],
    run: (ops, [q, k, v]) => ops.attention(q!, k!, v!, { causal: false }),
  },

  {
    name: "embedding of rank 2",
    inputs: [ints([2, 3], [0, 4, 1, 2, 2, 0]), f(5, 4)],
    run: (ops, [ids, table]) => ops.embedding(ids!, table!),
  },
  {
    name: "embedding of rank 1",
    inputs: [ints([2], [3, 3]), f(5, 2)],
    run: (ops, [ids, table]) => ops.embedding(ids!, table!),
  },

  { name: "matmul of rank 2", inputs: [f(3, 4), f(4, 2)], run: (ops, [a, b]) => ops.matmul(a!, b!) },
  { name: "matmul batched", inputs: [f(2, 3, 4), f(2, 4, 2)], run: (ops, [a, b]) => ops.matmul(a!, b!) },
  { name: "matmul broadcasts batch", inputs: [f(2, 1, 3, 4), f(3, 4, 2)], run: (ops, [a, b]) => ops.matmul(a!, b!) },

  { name: "softmax last", inputs: [f(2, 3, 4)], run: (ops, [x]) => ops.softmax(x!, -1) },
  { name: "softmax dim 1", inputs: [f(2, 3, 4)], run: (ops, [x]) => ops.softmax(x!, 1) },
  {
    name: "softmax large values",
    inputs: [{ shape: [1, 3], data: [1000, 999, -1000] }],
    run: (ops, [x]) => ops.softmax(x!, -1),
  },

  { name: "sum of all", inputs: [f(2, 3, 4)], run: (ops, [x]) => ops.sum(x!) },
  { name: "sum of all keepdim", inputs: [f(2, 3)], run: (ops, [x]) => ops.sum(x!, undefined, true) },
  { name: "sum over one dim", inputs: [f(2, 3, 4)], run: (ops, [x]) => ops.sum(x!, [1]) },
  { name: "sum over negative dims keepdim", inputs: [f(2, 3, 4)], run: (ops, [x]) => ops.sum(x!, [-1, 0], true) },
  { name: "mean of all", inputs: [f(2, 3, 4)], run: (ops, [x]) => ops.mean(x!) },
  { name: "mean over last two", inputs: [f(2, 3, 4)], run: (ops, [x]) => ops.mean(x!, [-2, -1]) },
  { name: "mean over one dim keepdim", inputs: [f(2, 3, 4)], run: (ops, [x]) => ops.mean(x!, [1], true) },

  { name: "reshape", inputs: [f(2, 3, 4)], run: (ops, [x]) => ops.reshape(x!, [6, 4]) },
  { name: "reshape infers a dim", inputs: [f(2, 3, 4)], run: (ops, [x]) => ops.reshape(x!, [2, -1, 2]) },
  { name: "reshape to rank 0", inputs: [f(1, 1)], run: (ops, [x]) => ops.reshape(x!, []) },
  { name: "permute", inputs: [f(2, 3, 4, 5)], run: (ops, [x]) => ops.permute(x!, [0, 2, 3, 1]) },
  { name: "permute negative dims", inputs: [f(2, 3, 4)], run: (ops, [x]) => ops.permute(x!, [0, -1, -2]) },
  { name: "concat channels", inputs: [f(2, 1, 3), f(2, 4, 3), f(2, 2, 3)], run: (ops, xs) => ops.concat(xs, 1) },
  { name: "concat negative dim", inputs: [f(2, 3), f(2, 1)], run: (ops, xs) => ops.concat(xs, -1) },
  { name: "concat one", inputs: [f(2, 3)], run: (ops, xs) => ops.concat(xs, 0) },
  { name: "slice", inputs: [f(2, 6, 3)], run: (ops, [x]) => ops.slice(x!, 1, 2, 5) },
  { name: "slice negative dim", inputs: [f(2, 3, 4)], run: (ops, [x]) => ops.slice(x!, -1, 0, 1) },
  { name: "slice whole", inputs: [f(3, 2)], run: (ops, [x]) => ops.slice(x!, 0, 0, 3) },
  { name: "pad2d bottom right", inputs: [f(1, 2, 3, 3)], run: (ops, [x]) => ops.pad2d(x!, [0, 1, 0, 1]) },
  { name: "pad2d every side differently", inputs: [f(1, 1, 2, 2)], run: (ops, [x]) => ops.pad2d(x!, [1, 2, 3, 4]) },
  { name: "upsampleNearest 2", inputs: [f(2, 3, 2, 3)], run: (ops, [x]) => ops.upsampleNearest(x!, 2) },
  { name: "upsampleNearest 3", inputs: [f(1, 2, 2, 2)], run: (ops, [x]) => ops.upsampleNearest(x!, 3) },
  { name: "expand", inputs: [f(2, 1, 3)], run: (ops, [x]) => ops.expand(x!, [2, 4, 3]) },
  { name: "expand adds leading dims", inputs: [f(3)], run: (ops, [x]) => ops.expand(x!, [2, 4, 3]) },

  { name: "cast int64 to float32", inputs: [ints([3], [-2, 0, 7])], run: (ops, [x]) => ops.cast(x!, "float32") },
  {
    name: "cast float32 to int64 truncates",
    inputs: [{ shape: [4], data: [-1.9, -0.2, 0.7, 3.9] }],
    run: (ops, [x]) => ops.cast(x!, "int64"),
    differentiable: false,
  },
  {
    name: "cast through bfloat16 rounds",
    inputs: [f(8)],
    run: (ops, [x]) => ops.cast(ops.cast(x!, "bfloat16"), "float32"),
    differentiable: false,
  },
  {
    name: "constant floats",
    inputs: [f(2, 3)],
    run: (ops, [x]) => ops.add(x!, ops.constant(Float32Array.of(0.5, -1, 2), [3])),
  },
  {
    name: "constant integers",
    inputs: [f(4, 2)],
    run: (ops, [table]) => ops.embedding(ops.constant(BigInt64Array.of(3n, 0n), [2]), table!),
  },

  {
    name: "chain: attention block",
    inputs: [f(1, 4, 2, 2), f(4), f(4), f(12, 4), f(4, 4), f(4)],
    run: attentionBlock,
    tolerance: 2e-5,
  },
];

/** norm, one projection to q, k, v, two heads, output projection, residual: how models compose these operations. */
function attentionBlock(ops: Ops, [x_BCHW, scale, shift, qkv, out, bias]: Tensor[]): Tensor {
  const [b, c, h, w] = x_BCHW!.shape as [number, number, number, number];
  const normed = ops.groupNorm(x_BCHW!, 2, scale!, shift!, 1e-6);
  const x_BLC = ops.permute(ops.reshape(normed, [b, c, h * w]), [0, 2, 1]);
  const qkv_BLE = ops.linear(x_BLC, qkv!, null);
  const heads = (part: number) =>
    ops.permute(ops.reshape(ops.slice(qkv_BLE, -1, part * c, (part + 1) * c), [b, h * w, 2, c / 2]), [0, 2, 1, 3]);
  const mixed = ops.permute(ops.attention(heads(0), heads(1), heads(2)), [0, 2, 1, 3]);
  const y_BLC = ops.linear(ops.reshape(mixed, [b, h * w, c]), out!, bias!);
  return ops.add(x_BCHW!, ops.reshape(ops.permute(y_BLC, [0, 2, 1]), [b, c, h, w]));
}
