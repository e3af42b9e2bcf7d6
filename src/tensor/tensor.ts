/** The tensor seam: one small set of differentiable operations that every model is written over. */

export type DType = "float32" | "bfloat16" | "float16" | "int64";

/**
 * A handle to an engine's tensor. Opaque on purpose: the libtorch engine holds an eager tensor behind it, the ONNX
 * engine a value of the graph under construction. Shapes are always concrete.
 */
export interface Tensor {
  readonly shape: readonly number[];
  readonly dtype: DType;
}

/** A number is broadcast; it never changes the tensor's dtype. */
export type Operand = Tensor | number;

export interface Conv2dOptions {
  /** @default 1 */ stride?: number;
  /** Symmetric zero padding in pixels. @default 0 */ padding?: number;
}

/**
 * Shape letters: B batch, C channels, H height, W width, L sequence, D features, O out, I in, K kernel, G heads.
 * Every operation is pure; dims may be negative (counted from the end). All float operations take and return the dtype
 * of their first tensor operand unless the engine runs a lower compute precision inside (see the torch engine).
 */
export interface Ops {
  /** Cross-correlation, PyTorch's `conv2d`. x_BIHW, weight_OIKK, bias_O or null. */
  conv2d(x: Tensor, weight: Tensor, bias: Tensor | null, options?: Conv2dOptions): Tensor;
  /** x @ weight^T + bias over the last dim; weight keeps torch's [out, in]. */
  linear(x: Tensor, weight: Tensor, bias: Tensor | null): Tensor;
  /** x_BC... normalised over groups of channels, affine by weight_C and bias_C. */
  groupNorm(x: Tensor, groups: number, weight: Tensor, bias: Tensor, eps: number): Tensor;
  /** Over the last dim, affine. */
  layerNorm(x: Tensor, weight: Tensor, bias: Tensor, eps: number): Tensor;
  /** softmax(q k^T / sqrt(D)) v; q_BGLD, k_BGSD, v_BGSD. `causal` masks s > l. */
  attention(q: Tensor, k: Tensor, v: Tensor, options?: { causal?: boolean }): Tensor;
  /** Rows of table_VD picked by int64 ids of any shape; result shape is [...ids.shape, D]. */
  embedding(ids: Tensor, table: Tensor): Tensor;
  matmul(a: Tensor, b: Tensor): Tensor;

  add(a: Tensor, b: Operand): Tensor;
  sub(a: Tensor, b: Operand): Tensor;
  mul(a: Tensor, b: Operand): Tensor;
  div(a: Tensor, b: Operand): Tensor;
  neg(x: Tensor): Tensor;
  exp(x: Tensor): Tensor;
  log(x: Tensor): Tensor;
  sqrt(x: Tensor): Tensor;
  sin(x: Tensor): Tensor;
  cos(x: Tensor): Tensor;
  tanh(x: Tensor): Tensor;
  sigmoid(x: Tensor): Tensor;
  relu(x: Tensor): Tensor;
  silu(x: Tensor): Tensor;
  /** Exact (erf) GELU. */
  gelu(x: Tensor): Tensor;
  /** x * sigmoid(1.702 x), as in CLIP. */
  quickGelu(x: Tensor): Tensor;
  softmax(x: Tensor, dim: number): Tensor;

  /** Over the given dims; all of them when left out (result shape [] unless keepdim). */
  sum(x: Tensor, dims?: readonly number[], keepdim?: boolean): Tensor;
  mean(x: Tensor, dims?: readonly number[], keepdim?: boolean): Tensor;

  /** One dim may be -1. */
  reshape(x: Tensor, shape: readonly number[]): Tensor;
  permute(x: Tensor, dims: readonly number[]): Tensor;
  concat(xs: readonly Tensor[], dim: number): Tensor;
  /** Half-open [start, end) along one dim. */
  slice(x: Tensor, dim: number, start: number, end: number): Tensor;
  /** Zero padding of the last two dims: [left, right, top, bottom]. */
  pad2d(x: Tensor, padding: readonly [number, number, number, number]): Tensor;
  /** x_BCHW to [B, C, H*factor, W*factor] by repetition. */
  upsampleNearest(x: Tensor, factor: number): Tensor;
  /** Broadcast to a shape. */
  expand(x: Tensor, shape: readonly number[]): Tensor;
  cast(x: Tensor, dtype: DType): Tensor;

  /** Runs `fn` and frees every tensor made inside but its result; absent where nothing is held. Call it by `scoped`. */
  scope?<T>(fn: () => T): T;

  /**
   * Runs `fn` unrecorded; backward runs it again. Its result is gone after backward and at the end of the outermost scope. Absent
   * where nothing is recorded, or all of it is kept. Call it by `checkpointed`.
   */
  checkpoint?(fn: () => Tensor): Tensor;
  /** x as a tensor whose gradient is gathered before backward goes on behind it; takes x over. Call it by `cut`. */
  cut?(x: Tensor): Tensor;

  /** A constant from host data, row-major. */
  constant(data: Float32Array | BigInt64Array, shape: readonly number[]): Tensor;
}
