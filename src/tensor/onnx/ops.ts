/** The symbolic engine: each operation appends nodes to an ONNX graph; nothing is computed until a session runs it. */
import type { SafetensorsEntry } from "../../checkpoints/safetensors.js";
import {
  broadcastShape,
  concatShape,
  conv2dShape,
  expandShape,
  linearShape,
  matmulShape,
  ofRank,
  permuteShape,
  reduceShape,
  reshapeShape,
  sizeOf,
  sliceShape,
  wrapDim,
} from "../shapes.js";
import type { Conv2dOptions, DType, Operand, Ops, Tensor } from "../tensor.js";
import {
  type Attribute,
  type ElementType,
  encodeModel,
  type OnnxGraph,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValueInfo,
} from "./proto.js";

/** A value of the graph under construction. */
export class Value implements Tensor {
  constructor(
    readonly name: string,
    readonly shape: readonly number[],
    /** What the numbers mean: a quantised value stands for float32 ones. */
    readonly dtype: DType,
    /** How they are stored. */
    readonly type: ElementType = dtype,
  ) {}
}

export type Attributes = Record<string, Attribute>;
/** Attention whose scores take more bytes than this is computed for some of the queries at a time: at 512 pixels Stable Diffusion's take 0.5 GB. */
const largestScores = 128 * 2 ** 20;
const weightTypes = { F32: "float32", F16: "float16", BF16: "bfloat16", I8: "int8", U8: "uint8" } as const;

export class OnnxOps implements Ops {
  readonly #nodes: OnnxNode[] = [];
  readonly #initializers = new Map<string, OnnxTensor>();
  readonly #inputs: OnnxValueInfo[] = [];
  readonly #names = new Map<string, number>();

  /** A value fed at run time. */
  input(name: string, shape: readonly number[], dtype: "float32" | "int64" = "float32"): Tensor {
    this.#inputs.push({ name, type: dtype, shape });
    this.#names.set(name, 1);
    return new Value(name, shape, dtype);
  }

  /** A weight that stays in its safetensors file, float or quantised; `location` is relative to the session's weights folder. */
  parameter(name: string, entry: SafetensorsEntry, location: string): Tensor {
    const type = weightTypes[entry.dtype as keyof typeof weightTypes];
    const data = { location, offset: entry.start, length: entry.end - entry.start };
    this.#initializers.set(name, { name, type, shape: entry.shape, data });
    this.#names.set(name, 1);
    if (type !== "float16" && type !== "bfloat16") return new Value(name, entry.shape, "float32", type);
    const stored = new Value(name, entry.shape, "float32");
    return this.node("Cast", [stored], entry.shape, { to: { int: 1 } }, `${name}.float32`);
  }

  /** The model's bytes; outputs are named by their keys. */
  finish(outputs: Readonly<Record<string, Tensor>>): Uint8Array {
    return encodeModel(this.graph(outputs));
  }

  /** What `finish` encodes: the nodes these outputs depend on, in an order that can be run, and their initializers. */
  graph(outputs: Readonly<Record<string, Tensor>>): OnnxGraph {
    const infos = Object.entries(outputs).map(([name, tensor]): OnnxValueInfo => {
      const { shape, dtype } = tensor;
      this.#nodes.push({
        name: `output.${name}`,
        op: "Identity",
        inputs: [nameOf(tensor)],
        output: { name, type: dtype, shape },
        attributes: {},
      });
      return { name, type: dtype, shape };
    });
    const nodes = this.#liveNodes(Object.keys(outputs));
    const used = new Set(nodes.flatMap((node) => node.inputs));
    const initializers = [...this.#initializers.values()].filter(({ name }) => used.has(name));
    return { nodes, initializers, inputs: this.#inputs, outputs: infos };
  }

  /** The nodes that these values depend on: a model may be bound whole and used in part. */
  #liveNodes(names: readonly string[]): OnnxNode[] {
    const needed = new Set(names);
    const live = this.#nodes.toReversed().filter(({ output, inputs }) => {
      const isLive = needed.has(output.name);
      if (isLive) for (const name of inputs) needed.add(name);
      return isLive;
    });
    return live.reverse();
  }

  conv2d(x: Tensor, weight: Tensor, bias: Tensor | null, { stride = 1, padding = 0 }: Conv2dOptions = {}): Tensor {
    const shape = conv2dShape(x.shape, weight.shape, stride, padding);
    const attributes: Attributes = {
      kernel_shape: { ints: weight.shape.slice(2) },
      strides: { ints: [stride, stride] },
      pads: { ints: [padding, padding, padding, padding] },
    };
    return this.node("Conv", [x, weight, bias], shape, attributes, layerOf(weight));
  }

  linear(x: Tensor, weight: Tensor, bias: Tensor | null): Tensor {
    const shape = linearShape(x.shape, weight.shape);
    const [o, i] = weight.shape as [number, number];
    const rows = this.reshape(x, [-1, i]);
    // Gemm takes torch's [out, in] as it is; MatMul would need a transposed copy of the weight.
    const y = this.node("Gemm", [rows, weight, bias], [rows.shape[0]!, o], { transB: { int: 1 } }, layerOf(weight));
    return this.reshape(y, shape);
  }

  groupNorm(x: Tensor, groups: number, weight: Tensor, bias: Tensor, eps: number): Tensor {
    const [b, c] = x.shape as [number, number];
    if (c % groups !== 0) throw new RangeError(`${c} channels do not divide into ${groups} groups`);
    // Groups take the place of channels: InstanceNormalization has a CPU kernel, GroupNormalization is a slow composite.
    const ones = this.constant(new Float32Array(groups).fill(1), [groups]);
    const zeros = this.constant(new Float32Array(groups), [groups]);
    const grouped = this.reshape(x, [b, groups, -1]);
    const attributes: Attributes = { epsilon: { float: eps } };
    const normed = this.node(
      "InstanceNormalization",
      [grouped, ones, zeros],
      grouped.shape,
      attributes,
      layerOf(weight),
    );
    const perChannel = [c, ...x.shape.slice(2).map(() => 1)];
    const scaled = this.mul(this.reshape(normed, x.shape), this.reshape(weight, perChannel));
    return this.add(scaled, this.reshape(bias, perChannel));
  }

  layerNorm(x: Tensor, weight: Tensor, bias: Tensor, eps: number): Tensor {
    const attributes: Attributes = { axis: { int: -1 }, epsilon: { float: eps } };
    return this.node("LayerNormalization", [x, weight, bias], x.shape, attributes, layerOf(weight));
  }

  attention(q: Tensor, k: Tensor, v: Tensor, { causal = false } = {}): Tensor {
    const [b, g, l, d] = ofRank(q.shape, 4) as [number, number, number, number];
    const s = k.shape[2]!;
    const keys = this.permute(k, [0, 1, 3, 2]);
    const some = (queries: Tensor, mask: Tensor | null) => {
      const scores = this.matmul(this.mul(queries, 1 / Math.sqrt(d)), keys);
      return this.matmul(this.softmax(mask ? this.add(scores, mask) : scores, -1), v);
    };
    if (causal) {
      const mask = Float32Array.from({ length: l * s }, (_, i) => (i % s > Math.floor(i / s) ? -Infinity : 0));
      return some(q, this.constant(mask, [l, s]));
    }
    const parts = Math.min(l, Math.ceil((4 * b * g * l * s) / largestScores));
    if (parts === 1) return some(q, null);
    const rows = Math.ceil(l / parts);
    const starts = Array.from({ length: Math.ceil(l / rows) }, (_, i) => i * rows);
    return this.concat(
      starts.map((start) => some(this.slice(q, 2, start, Math.min(start + rows, l)), null)),
      2,
    );
  }

  embedding(ids: Tensor, table: Tensor): Tensor {
    const shape = [...ids.shape, ofRank(table.shape, 2)[1]!];
    return this.node("Gather", [table, ids], shape, { axis: { int: 0 } }, layerOf(table));
  }

  matmul = (a: Tensor, b: Tensor) => this.node("MatMul", [a, b], matmulShape(a.shape, b.shape));

  add = (a: Tensor, b: Operand) => this.#binary("Add", a, b);
  sub = (a: Tensor, b: Operand) => this.#binary("Sub", a, b);
  mul = (a: Tensor, b: Operand) => this.#binary("Mul", a, b);
  div = (a: Tensor, b: Operand) => this.#binary("Div", a, b);
  neg = (x: Tensor) => this.node("Neg", [x], x.shape);
  exp = (x: Tensor) => this.node("Exp", [x], x.shape);
  log = (x: Tensor) => this.node("Log", [x], x.shape);
  sqrt = (x: Tensor) => this.node("Sqrt", [x], x.shape);
  sin = (x: Tensor) => this.node("Sin", [x], x.shape);
  cos = (x: Tensor) => this.node("Cos", [x], x.shape);
  tanh = (x: Tensor) => this.node("Tanh", [x], x.shape);
  sigmoid = (x: Tensor) => this.node("Sigmoid", [x], x.shape);
  relu = (x: Tensor) => this.node("Relu", [x], x.shape);
  silu = (x: Tensor) => this.mul(x, this.sigmoid(x));
  gelu = (x: Tensor) => this.node("Gelu", [x], x.shape);
  quickGelu = (x: Tensor) => this.mul(x, this.sigmoid(this.mul(x, 1.702)));
  softmax = (x: Tensor, dim: number) =>
    this.node("Softmax", [x], x.shape, { axis: { int: wrapDim(dim, x.shape.length) } });

  sum = (x: Tensor, dims?: readonly number[], keepdim = false) => this.#reduce("ReduceSum", x, dims, keepdim);
  mean = (x: Tensor, dims?: readonly number[], keepdim = false) => this.#reduce("ReduceMean", x, dims, keepdim);

  reshape(x: Tensor, shape: readonly number[]): Tensor {
    const filled = reshapeShape(x.shape, shape);
    if (filled.length === x.shape.length && filled.every((n, i) => n === x.shape[i])) return x;
    return this.node("Reshape", [x, this.#ints(filled)], filled);
  }

  permute(x: Tensor, dims: readonly number[]): Tensor {
    const { dims: perm, shape } = permuteShape(x.shape, dims);
    return this.node("Transpose", [x], shape, { perm: { ints: perm } });
  }

  concat(xs: readonly Tensor[], dim: number): Tensor {
    const shape = concatShape(
      xs.map((x) => x.shape),
      dim,
    );
    return this.node("Concat", xs, shape, { axis: { int: wrapDim(dim, shape.length) } });
  }

  slice(x: Tensor, dim: number, start: number, end: number): Tensor {
    const shape = sliceShape(x.shape, dim, start, end);
    const axis = wrapDim(dim, shape.length);
    return this.node("Slice", [x, this.#ints([start]), this.#ints([end]), this.#ints([axis])], shape);
  }

  pad2d(x: Tensor, [left, right, top, bottom]: readonly [number, number, number, number]): Tensor {
    const outer = x.shape.slice(0, -2);
    const [h, w] = x.shape.slice(-2) as [number, number];
    const untouched = outer.map(() => 0);
    const pads = this.#ints([...untouched, top, left, ...untouched, bottom, right]);
    return this.node("Pad", [x, pads], [...outer, h + top + bottom, w + left + right]);
  }

  upsampleNearest(x: Tensor, factor: number): Tensor {
    const [b, c, h, w] = ofRank(x.shape, 4) as [number, number, number, number];
    const attributes: Attributes = {
      mode: { string: "nearest" },
      coordinate_transformation_mode: { string: "asymmetric" },
      nearest_mode: { string: "floor" },
    };
    const scales = this.constant(Float32Array.of(1, 1, factor, factor), [4]);
    return this.node("Resize", [x, null, scales], [b, c, h * factor, w * factor], attributes);
  }

  expand = (x: Tensor, shape: readonly number[]) =>
    this.node("Expand", [x, this.#ints(shape)], expandShape(x.shape, shape));

  cast(x: Tensor, dtype: DType): Tensor {
    if (x.dtype === dtype) return x;
    const to = { float32: 1, int64: 7, float16: 10, bfloat16: 16 }[dtype];
    return this.node("Cast", [x], x.shape, { to: { int: to } }, undefined, dtype);
  }

  constant(data: Float32Array | BigInt64Array | Uint8Array, shape: readonly number[]): Tensor {
    if (sizeOf(shape) !== data.length) throw new RangeError(`${data.length} values do not fill [${shape}]`);
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    const type = data instanceof Float32Array ? "float32" : data instanceof Uint8Array ? "uint8" : "int64";
    const dtype = type === "int64" ? "int64" : "float32";
    // Equal constants are one; a short one shows its value as its name.
    const label = data.length <= 4 ? `${type}(${[...data].join(",")})[${shape}]` : `${type}[${shape}]`;
    for (const [name, { data: other }] of this.#initializers)
      if (name.startsWith(label) && other instanceof Uint8Array && bytes.equals(other))
        return new Value(name, shape, dtype, type);
    const name = this.#unique(label);
    this.#initializers.set(name, { name, type, shape, data: bytes });
    return new Value(name, shape, dtype, type);
  }

  #binary(op: string, a: Tensor, b: Operand): Tensor {
    if (typeof b === "number") {
      const scalar =
        a.dtype === "int64" ? this.constant(BigInt64Array.of(BigInt(b)), []) : this.constant(Float32Array.of(b), []);
      return this.node(op, [a, this.cast(scalar, a.dtype)], a.shape);
    }
    if (a.dtype !== b.dtype) throw new TypeError(`${op} of ${a.dtype} and ${b.dtype}`);
    return this.node(op, [a, b], broadcastShape(a.shape, b.shape));
  }

  #reduce(op: string, x: Tensor, dims: readonly number[] | undefined, keepdim: boolean): Tensor {
    const { dims: axes, shape } = reduceShape(x.shape, dims, keepdim);
    return this.node(op, [x, this.#ints(axes)], shape, { keepdims: { int: keepdim ? 1 : 0 } });
  }

  #ints(values: readonly number[]): Tensor {
    return this.constant(BigInt64Array.from(values, BigInt), [values.length]);
  }

  /** Appends a node of one output; its dtype is that of the first input unless given, and it is stored as its dtype. */
  protected node(
    op: string,
    inputs: readonly (Tensor | null)[],
    shape: readonly number[],
    attributes: Attributes = {},
    label = op,
    dtype = inputs[0]!.dtype,
    { domain, type = dtype }: { domain?: OnnxNode["domain"]; type?: ElementType } = {},
  ): Tensor {
    const name = this.#unique(label);
    const present = inputs.slice(0, inputs.findLastIndex((x) => x !== null) + 1);
    this.#nodes.push({
      name,
      op,
      inputs: present.map((x) => (x ? nameOf(x) : "")),
      output: { name, type, shape },
      attributes,
      ...(domain && { domain }),
    });
    return new Value(name, shape, dtype, type);
  }

  #unique(label: string): string {
    // A layer without a name of its own is called after its constant, which may end in #n itself.
    let count = this.#names.get(label) ?? 0;
    let name = label;
    do {
      count++;
      if (count > 1) name = `${label}#${count}`;
    } while (name !== label && this.#names.has(name));
    this.#names.set(label, count);
    if (name !== label) this.#names.set(name, 1);
    return name;
  }
}

function nameOf(tensor: Tensor): string {
  if (!(tensor instanceof Value)) throw new TypeError("a tensor of another engine in an ONNX graph");
  return tensor.name;
}

/** `mid_block.resnets.0.conv1` for its weight: nodes carry the names of the layers they come from. */
export function layerOf(weight: Tensor): string {
  return nameOf(weight).replace(/\.(weight|bias)(\.float32)?$/, "");
}
