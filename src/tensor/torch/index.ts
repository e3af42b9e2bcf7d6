/** The training engine: PyTorch's kernels and autograd behind a small surface for tensors, scopes and gradients. */
import { InstructCvError } from "../../errors.js";
import type { DType, Ops, Tensor } from "../tensor.js";
import { type Argument, Dispatcher, type Result } from "./dispatcher.js";
import { type HostArray, loadNative } from "./native.js";
import { type ComputeDType, TorchOps } from "./ops.js";
import { handleOf, Scopes, scalarTypes, type TorchTensor } from "./scopes.js";
import { Tape } from "./tape.js";

export type { Argument, Result } from "./dispatcher.js";
export type { ComputeDType } from "./ops.js";
export { TorchTensor } from "./scopes.js";

export interface TorchOptions {
  /** libtorch's threads, one process-wide setting. @default libtorch's own choice, the number of cores */
  threads?: number;
  /**
   * Precision of convolutions and matrix products; weights stay as they are. Not every libtorch has float16 on every device. @default
   * "float32"
   */
  computeDtype?: ComputeDType;
  /** Where tensors are made: "cpu", "cuda", "cuda:1". @default "cpu" */
  device?: string;
  /** Whether `tensor` lays pictures and kernels (four dims) out as [B, H, W, C] in memory; operations pass it on. @default false */
  channelsLast?: boolean;
  /** Whether `checkpointed` parts of a model are made again in backward instead of kept: less memory, more time. @default false */
  activationCheckpointing?: boolean;
}

export interface TensorOptions {
  /** @default "float32" for floats and bytes, "int64" for BigInt64Array */
  dtype?: DType;
  /** Makes it a leaf that backward() leaves a gradient on. @default false */
  requiresGrad?: boolean;
}

export interface Torch {
  readonly ops: Ops;
  /** libtorch's version, such as "2.13.0". */
  readonly version: string;
  readonly device: string;

  /**
   * Runs `fn` and releases every tensor made inside except those in its result (a tensor, or arrays, maps and plain
   * objects of them), which pass to the enclosing scope. Every operation has to run inside one; wrap each training step.
   */
  tidy<T>(fn: () => T): T;
  /** Takes tensors out of every scope: they live until dispose(). */
  keep<T>(value: T): T;
  dispose(value: unknown): void;
  /** Number of live tensors, for leak tests. */
  liveTensors(): number;

  /** The most bytes that tensors held at once on a GPU (from torch 2.9 on), as torch.cuda.max_memory_allocated; null elsewhere. */
  peakBytes(): number | null;

  /** A tensor from host data (copied), row-major. Outside every scope it lives until dispose(). */
  tensor(data: HostArray, shape: readonly number[], options?: TensorOptions): Tensor;
  /** Standard normal float32 numbers from the device's generator. */
  randn(shape: readonly number[]): Tensor;
  /** The numbers of a tensor of any dtype, row-major. */
  read(t: Tensor): Float32Array;
  readInt64(t: Tensor): BigInt64Array;
  /** The single number of a one-element tensor, such as a loss. */
  item(t: Tensor): number;
  /** New numbers in place; shape, dtype and requiresGrad stay. */
  write(t: Tensor, data: HostArray): void;

  /**
   * Accumulates d loss / d leaf into the gradient of every leaf that requires one. `loss` has one element. With activation
   * checkpointing it has to be called in the scope of the forward pass, and once.
   */
  backward(loss: Tensor): void;
  /** The accumulated gradient (not a copy), or null. */
  grad(t: Tensor): Tensor | null;
  zeroGrad(ts: Iterable<Tensor>): void;
  /** Runs `fn` without recording for backward. */
  noGrad<T>(fn: () => T): T;

  /** Seeds the generators of all devices: same seed, same bits (for one build, device and thread count). */
  manualSeed(seed: number): void;
  /** The device's generator, for an exact resume. */
  rngState(): Uint8Array;
  setRngState(state: Uint8Array): void;
  setNumThreads(count: number): void;

  /** Any PyTorch operator by name, such as `call("aten::add.Scalar", [x, 1])`; see native/README.md. */
  call(name: string, args: readonly Argument[], named?: Record<string, Argument>): Result;
  /** Whether this libtorch has an operator. */
  has(name: string): boolean;
}

/**
 * @throws InstructCvError("engine") when the binding is missing (`npm run setup` builds it), or its libtorch lacks `computeDtype` on
 * `device`
 */
export function createTorch(options: TorchOptions = {}): Torch {
  const { computeDtype = "float32", device = "cpu", channelsLast = false, activationCheckpointing = false } = options;
  const native = loadNative();
  const scopes = new Scopes(native);
  const dispatcher = new Dispatcher(native, scopes);
  const tape = new Tape(native, scopes, (x) => dispatcher.tensor("aten::detach", [x]));
  const ops: Ops = new TorchOps(native, scopes, dispatcher, { computeDtype, device });
  if (activationCheckpointing) {
    ops.checkpoint = (fn) => tape.checkpoint(fn);
    ops.cut = (x) => tape.cut(x);
  }
  if (options.threads !== undefined) native.setThreads(options.threads);
  if (device !== "cpu") native.useDeterministicKernels();
  if (computeDtype === "float16") requireFloat16(ops, scopes, native.version, device);

  /** Runs the binding, naming the step in errors. */
  const attempt = <T>(what: string, fn: () => T): T => {
    try {
      return fn();
    } catch (cause) {
      throw cause instanceof InstructCvError
        ? cause
        : new InstructCvError("engine", `${what}: ${(cause as Error).message}`);
    }
  };

  /** The host's rows in the other memory format; of the enclosing scope if one is open. */
  const inChannelsLast = (rows: () => number): TorchTensor => {
    const convert = () => dispatcher.tensor("aten::contiguous", [scopes.own(rows())], { memory_format: 2 });
    return scopes.tidy(convert);
  };

  return {
    ops,
    version: native.version,
    device,
    tidy: (fn) => scopes.tidy(fn),
    keep: (value) => scopes.keep(value),
    dispose: (value) => scopes.dispose(value),
    liveTensors: () => native.liveTensors(),
    peakBytes: () => attempt("peakBytes", () => native.peakBytes(device)),

    tensor(data, shape, { dtype, requiresGrad = false } = {}) {
      const code = scalarTypes[dtype ?? (data instanceof BigInt64Array ? "int64" : "float32")];
      const rows = () => attempt("tensor", () => native.fromHost(data, shape, code, device));
      const t = channelsLast && shape.length === 4 ? inChannelsLast(rows) : scopes.adopt(rows());
      if (requiresGrad) attempt("tensor", () => native.setRequiresGrad(t.handle, true));
      return t;
    },
    randn(shape) {
      const draw = () => dispatcher.tensor("aten::randn", [shape], { dtype: scalarTypes.float32, device });
      return scopes.isOpen ? draw() : scopes.tidy(draw);
    },
    read: (t) => attempt("read", () => native.toHost(handleOf(t), false)),
    readInt64: (t) => attempt("read", () => native.toHost(handleOf(t), true)),
    item(t) {
      const values = attempt("item", () => native.toHost(handleOf(t), false));
      if (values.length !== 1)
        throw new InstructCvError("engine", `item: expected one number, found shape [${t.shape}].`);
      return values[0]!;
    },
    write: (t, data) => attempt("write", () => native.overwrite(handleOf(t), data)),

    backward: (loss) => attempt("backward", () => tape.backward(loss)),
    grad(t) {
      const handle = attempt("grad", () => native.grad(handleOf(t)));
      return handle === null ? null : scopes.own(handle);
    },
    zeroGrad: (ts) => attempt("zeroGrad", () => native.dropGrads(Int32Array.from(ts, handleOf))),
    noGrad(fn) {
      const before = native.setGradMode(false);
      try {
        return fn();
      } finally {
        native.setGradMode(before);
      }
    },

    manualSeed: (seed) => attempt("manualSeed", () => native.manualSeed(seed)),
    rngState: () => attempt("rngState", () => native.rngState(device)),
    setRngState: (state) => attempt("setRngState", () => native.setRngState(device, state)),
    setNumThreads: (count) => attempt("setNumThreads", () => native.setThreads(count)),
    call: (name, args, named) => dispatcher.call(name, args, named),
    has: (name) => dispatcher.has(name),
  };
}

/** One of each kernel that a network needs: libtorch says what it lacks only when it comes to it. */
function requireFloat16(ops: Ops, scopes: Scopes, version: string, device: string): void {
  try {
    scopes.tidy(() => {
      const ones = (...shape: number[]) => ops.constant(new Float32Array(shape.reduce((a, b) => a * b)).fill(1), shape);
      const x = ops.conv2d(ones(1, 2, 4, 4), ones(2, 2, 3, 3), ones(2), { padding: 1 });
      const tokens = ops.reshape(ops.silu(ops.groupNorm(x, 1, ones(2), ones(2), 1e-5)), [1, 1, 16, 2]);
      const seen = ops.linear(ops.attention(tokens, tokens, tokens), ones(2, 2), ones(2));
      ops.gelu(ops.layerNorm(seen, ones(2), ones(2), 1e-5));
    });
  } catch (cause) {
    throw new InstructCvError(
      "engine",
      `libtorch ${version} cannot compute in float16 on ${device}: ${(cause as Error).message}`,
      "Compute in bfloat16 or float32.",
    );
  }
}
