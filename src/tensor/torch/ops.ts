/** The tensor seam on libtorch: eager, differentiable by PyTorch's own autograd. */
import type { Conv2dOptions, DType, Operand, Ops, Tensor } from "../tensor.js";
import type { Dispatcher } from "./dispatcher.js";
import type { NativeBinding } from "./native.js";
import { type Scopes, scalarTypes } from "./scopes.js";

export type ComputeDType = Exclude<DType, "int64">;

export interface TorchOpsOptions {
  /** Precision of convolutions and matrix products; their results keep it, so activations follow. */
  computeDtype: ComputeDType;
  device: string;
}

export class TorchOps implements Ops {
  readonly #call: Dispatcher;
  readonly #native: NativeBinding;
  readonly #scopes: Scopes;
  readonly #options: TorchOpsOptions;
  /** From torch 2 on; its CPU kernel is 2 to 8 times slower than plain products in 16 bits at a small UNet's sizes. */
  readonly #fusedAttention: boolean;
  /** torch >= 2 normalises 16 bits on the CPU with float32 weights; elsewhere the weights have to match. */
  readonly #mixedNorms: boolean;

  constructor(native: NativeBinding, scopes: Scopes, dispatcher: Dispatcher, options: TorchOpsOptions) {
    this.#call = dispatcher;
    this.#native = native;
    this.#scopes = scopes;
    this.#options = options;
    const modern = dispatcher.has("aten::scaled_dot_product_attention");
    const slowOnCpu = options.device === "cpu" && options.computeDtype !== "float32";
    this.#fusedAttention = modern && !slowOnCpu;
    this.#mixedNorms = modern && options.device === "cpu";
  }

  conv2d(x: Tensor, weight: Tensor, bias: Tensor | null, options: Conv2dOptions = {}): Tensor {
    const { stride = 1, padding = 0 } = options;
    const args = [this.#compute(x), this.#compute(weight), bias && this.#compute(bias)];
    return this.#call.tensor("aten::conv2d", [...args, [stride, stride], [padding, padding]]);
  }
  linear(x: Tensor, weight: Tensor, bias: Tensor | null): Tensor {
    return this.#call.tensor("aten::linear", [this.#compute(x), this.#compute(weight), bias && this.#compute(bias)]);
  }
  matmul(a: Tensor, b: Tensor): Tensor {
    return this.#call.tensor("aten::matmul", [this.#compute(a), this.#compute(b)]);
  }
  attention(q: Tensor, k: Tensor, v: Tensor, { causal = false }: { causal?: boolean } = {}): Tensor {
    const [query, key, value] = [this.#compute(q), this.#compute(k), this.#compute(v)];
    if (this.#fusedAttention) {
      return this.#call.tensor("aten::scaled_dot_product_attention", [query, key, value, null, 0, causal]);
    }
    const scaled = this.mul(query, 1 / Math.sqrt(q.shape.at(-1)!));
    let scores = this.#call.tensor("aten::matmul", [scaled, this.#call.tensor("aten::transpose.int", [key, -2, -1])]);
    if (causal) {
      const hidden = this.#call.tensor("aten::ones_like", [scores], { dtype: 11 });
      scores = this.#call.tensor("aten::masked_fill.Scalar", [
        scores,
        this.#call.tensor("aten::triu", [hidden, 1]),
        Number.NEGATIVE_INFINITY,
      ]);
    }
    return this.#call.tensor("aten::matmul", [this.softmax(scores, -1), value]);
  }
  groupNorm(x: Tensor, groups: number, weight: Tensor, bias: Tensor, eps: number): Tensor {
    return this.#call.tensor("aten::group_norm", [x, groups, this.#norm(weight, x), this.#norm(bias, x), eps]);
  }
  layerNorm(x: Tensor, weight: Tensor, bias: Tensor, eps: number): Tensor {
    return this.#call.tensor("aten::layer_norm", [x, weight.shape, this.#norm(weight, x), this.#norm(bias, x), eps]);
  }
  embedding(ids: Tensor, table: Tensor): Tensor {
    return this.#call.tensor("aten::embedding", [table, ids]);
  }

  add(a: Tensor, b: Operand): Tensor {
    return this.#binary("add", a, b);
  }
  sub(a: Tensor, b: Operand): Tensor {
    return this.#binary("sub", a, b);
  }
  mul(a: Tensor, b: Operand): Tensor {
    return this.#binary("mul", a, b);
  }
  div(a: Tensor, b: Operand): Tensor {
    return this.#binary("div", a, b);
  }
  neg(x: Tensor): Tensor {
    return this.#call.tensor("aten::neg", [x]);
  }
  exp(x: Tensor): Tensor {
    return this.#call.tensor("aten::exp", [x]);
  }
  log(x: Tensor): Tensor {
    return this.#call.tensor("aten::log", [x]);
  }
  sqrt(x: Tensor): Tensor {
    return this.#call.tensor("aten::sqrt", [x]);
  }
  sin(x: Tensor): Tensor {
    return this.#call.tensor("aten::sin", [x]);
  }
  cos(x: Tensor): Tensor {
    return this.#call.tensor("aten::cos", [x]);
  }
  tanh(x: Tensor): Tensor {
    return this.#call.tensor("aten::tanh", [x]);
  }
  sigmoid(x: Tensor): Tensor {
    return this.#call.tensor("aten::sigmoid", [x]);
  }
  relu(x: Tensor): Tensor {
    return this.#call.tensor("aten::relu", [x]);
  }
  silu(x: Tensor): Tensor {
    return this.#call.tensor("aten::silu", [x]);
  }
  gelu(x: Tensor): Tensor {
    return this.#call.tensor("aten::gelu", [x]);
  }
  quickGelu(x: Tensor): Tensor {
    return this.mul(x, this.sigmoid(this.mul(x, 1.702)));
  }
  softmax(x: Tensor, dim: number): Tensor {
    return this.#call.tensor("aten::softmax.int", [x, dim]);
  }

  sum(x: Tensor, dims?: readonly number[], keepdim = false): Tensor {
    return this.#call.tensor("aten::sum.dim_IntList", [x, dims ?? [...x.shape.keys()], keepdim]);
  }
  mean(x: Tensor, dims?: readonly number[], keepdim = false): Tensor {
    return this.#call.tensor("aten::mean.dim", [x, dims ?? [...x.shape.keys()], keepdim]);
  }

  reshape(x: Tensor, shape: readonly number[]): Tensor {
    return this.#call.tensor("aten::reshape", [x, shape]);
  }
  permute(x: Tensor, dims: readonly number[]): Tensor {
    return this.#call.tensor("aten::permute", [x, dims]);
  }
  concat(xs: readonly Tensor[], dim: number): Tensor {
    return this.#call.tensor("aten::cat", [xs, dim]);
  }
  slice(x: Tensor, dim: number, start: number, end: number): Tensor {
    return this.#call.tensor("aten::slice.Tensor", [x, dim, start, end]);
  }
  pad2d(x: Tensor, padding: readonly [number, number, number, number]): Tensor {
    return this.#call.tensor("aten::constant_pad_nd", [x, padding]);
  }
  upsampleNearest(x: Tensor, factor: number): Tensor {
    const [height, width] = x.shape.slice(-2) as [number, number];
    return this.#call.tensor("aten::upsample_nearest2d", [x, [height * factor, width * factor]]);
  }
  expand(x: Tensor, shape: readonly number[]): Tensor {
    return this.#call.tensor("aten::expand", [x, shape]);
  }
  cast(x: Tensor, dtype: DType): Tensor {
    return this.#call.tensor("aten::to.dtype", [x, scalarTypes[dtype]]);
  }
  scope<T>(fn: () => T): T {
    return this.#scopes.tidy(fn);
  }
  constant(data: Float32Array | BigInt64Array, shape: readonly number[]): Tensor {
    const dtype = data instanceof Float32Array ? scalarTypes.float32 : scalarTypes.int64;
    return this.#scopes.own(this.#native.fromHost(data, shape, dtype, this.#options.device));
  }

  #binary(name: "add" | "sub" | "mul" | "div", a: Tensor, b: Operand): Tensor {
    if (typeof b !== "number") return this.#call.tensor(`aten::${name}.Tensor`, [a, b]);
    const result = this.#call.tensor(`aten::${name}.Scalar`, [a, b]);
    return a.dtype === "int64" ? this.cast(result, "int64") : result;
  }
  #compute(x: Tensor): Tensor {
    return x.dtype === this.#options.computeDtype ? x : this.cast(x, this.#options.computeDtype);
  }
  #norm(weight: Tensor, x: Tensor): Tensor {
    return this.#mixedNorms || weight.dtype === x.dtype ? weight : this.cast(weight, x.dtype);
  }
}
