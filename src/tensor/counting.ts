/** Counts the multiply-adds of a network's forward and backward pass from shapes alone; computes nothing. */
import {
  broadcastShape,
  concatShape,
  conv2dShape,
  expandShape,
  linearShape,
  matmulShape,
  permuteShape,
  reduceShape,
  reshapeShape,
  sizeOf,
  sliceShape,
} from "./shapes.js";
import type { Conv2dOptions, DType, Operand, Ops, Tensor } from "./tensor.js";

/**
 * An engine of shapes: its tensors have no values, and any other engine's serve as weights. Convolutions, linear layers, matrix
 * products and attention count; what is proportional to the number of values (sums, norms, activations) does not, as in the usual
 * "model FLOPs" (arXiv 2204.02311, appendix B; one multiply-add is two FLOPs). In the backward pass each operand that a trained weight
 * stands behind costs one more product as large as the forward one. What activation checkpointing
 * computes a second time does not count, as there.
 */
export class CountingOps implements Ops {
  /** Multiply-adds so far. */
  forward = 0;
  backward = 0;
  /** Tensors that backward() would go through. */
  readonly #differentiable = new WeakSet<Tensor>();

  /** `trained`: the weights that get a gradient. */
  constructor(trained: Iterable<Tensor> = []) {
    for (const weight of trained) this.#differentiable.add(weight);
  }

  conv2d(x: Tensor, weight: Tensor, bias: Tensor | null, { stride = 1, padding = 0 }: Conv2dOptions = {}): Tensor {
    const shape = conv2dShape(x.shape, weight.shape, stride, padding);
    this.#product(sizeOf(shape) * sizeOf(weight.shape.slice(1)), x, weight);
    return this.#made(shape, [x, weight, bias]);
  }
  linear(x: Tensor, weight: Tensor, bias: Tensor | null): Tensor {
    this.#product(sizeOf(x.shape) * weight.shape[0]!, x, weight);
    return this.#made(linearShape(x.shape, weight.shape), [x, weight, bias]);
  }
  matmul(a: Tensor, b: Tensor): Tensor {
    const shape = matmulShape(a.shape, b.shape);
    this.#product(sizeOf(shape) * a.shape.at(-1)!, a, b);
    return this.#made(shape, [a, b]);
  }
  /** All pairs of positions count, masked ones too. */
  attention(q: Tensor, k: Tensor, v: Tensor): Tensor {
    return this.matmul(this.matmul(q, this.permute(k, [0, 1, 3, 2])), v);
  }

  groupNorm(x: Tensor, _groups: number, weight: Tensor, bias: Tensor): Tensor {
    return this.#made(x.shape, [x, weight, bias]);
  }
  layerNorm(x: Tensor, weight: Tensor, bias: Tensor): Tensor {
    return this.#made(x.shape, [x, weight, bias]);
  }
  embedding(ids: Tensor, table: Tensor): Tensor {
    return this.#made([...ids.shape, table.shape[1]!], [table]);
  }

  add(a: Tensor, b: Operand): Tensor {
    return this.#elementwise(a, b);
  }
  sub(a: Tensor, b: Operand): Tensor {
    return this.#elementwise(a, b);
  }
  mul(a: Tensor, b: Operand): Tensor {
    return this.#elementwise(a, b);
  }
  div(a: Tensor, b: Operand): Tensor {
    return this.#elementwise(a, b);
  }
  readonly neg = (x: Tensor) => this.#made(x.shape, [x]);
  readonly exp = this.neg;
  readonly log = this.neg;
  readonly sqrt = this.neg;
  readonly sin = this.neg;
  readonly cos = this.neg;
  readonly tanh = this.neg;
  readonly sigmoid = this.neg;
  readonly relu = this.neg;
  readonly silu = this.neg;
  readonly gelu = this.neg;
  readonly quickGelu = this.neg;
  softmax(x: Tensor, _dim: number): Tensor {
    return this.#made(x.shape, [x]);
  }

  sum(x: Tensor, dims?: readonly number[], keepdim = false): Tensor {
    return this.#made(reduceShape(x.shape, dims, keepdim).shape, [x]);
  }
  mean(x: Tensor, dims?: readonly number[], keepdim = false): Tensor {
    return this.sum(x, dims, keepdim);
  }

  reshape(x: Tensor, shape: readonly number[]): Tensor {
    return this.#made(reshapeShape(x.shape, shape), [x]);
  }
  permute(x: Tensor, dims: readonly number[]): Tensor {
    return this.#made(permuteShape(x.shape, dims).shape, [x]);
  }
  concat(xs: readonly Tensor[], dim: number): Tensor {
    const shapes = xs.map((x) => x.shape);
    return this.#made(concatShape(shapes, dim), xs);
  }
  slice(x: Tensor, dim: number, start: number, end: number): Tensor {
    return this.#made(sliceShape(x.shape, dim, start, end), [x]);
  }
  pad2d(x: Tensor, [left, right, top, bottom]: readonly [number, number, number, number]): Tensor {
    const [h, w] = x.shape.slice(-2) as [number, number];
    return this.#made([...x.shape.slice(0, -2), h + top + bottom, w + left + right], [x]);
  }
  upsampleNearest(x: Tensor, factor: number): Tensor {
    const [b, c, h, w] = x.shape as [number, number, number, number];
    return this.#made([b, c, h * factor, w * factor], [x]);
  }
  expand(x: Tensor, shape: readonly number[]): Tensor {
    return this.#made(expandShape(x.shape, shape), [x]);
  }
  cast(x: Tensor, dtype: DType): Tensor {
    return this.#made(x.shape, [x], dtype);
  }

  constant(data: Float32Array | BigInt64Array, shape: readonly number[]): Tensor {
    return { shape, dtype: data instanceof BigInt64Array ? "int64" : "float32" };
  }

  #product(multiplyAdds: number, ...operands: readonly [Tensor, Tensor]): void {
    this.forward += multiplyAdds;
    for (const operand of operands) if (this.#differentiable.has(operand)) this.backward += multiplyAdds;
  }

  #elementwise(a: Tensor, b: Operand): Tensor {
    return typeof b === "number" ? this.#made(a.shape, [a]) : this.#made(broadcastShape(a.shape, b.shape), [a, b]);
  }

  #made(shape: readonly number[], from: readonly (Tensor | null)[], dtype: DType = "float32"): Tensor {
    const tensor: Tensor = { shape, dtype };
    if (from.some((one) => one && this.#differentiable.has(one))) this.#differentiable.add(tensor);
    return tensor;
  }
}
