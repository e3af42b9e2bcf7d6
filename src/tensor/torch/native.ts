/** Loads the compiled binding (native/) and states, as types, what it exports. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { InstructCvError } from "../../errors.js";

/** An index into the binding's table of live tensors. */
export type Handle = number;
/** A list of handles costs one call to read as an Int32Array. */
export type NativeArgument = Handle | boolean | string | null | undefined | Int32Array | readonly NativeArgument[];
export type NativeResult = Handle | boolean | string | null | undefined | NativeResult[];
export type HostArray = Float32Array | Float64Array | BigInt64Array | Int32Array | Uint8Array | Uint8ClampedArray;

export interface ResolvedOperator {
  id: number;
  /** Parameter names in schema order. */
  arguments: string[];
  /** PyTorch's type names of the results: "Tensor", "Tensor[]", "Scalar", "bool"... */
  returns: string[];
}

export interface NativeBinding {
  /** libtorch's version, such as "2.13.0". */
  readonly version: string;
  resolve(name: string, overload: string): ResolvedOperator;
  call(id: number, args: readonly NativeArgument[]): NativeResult;
  release(handles: Int32Array): void;
  liveTensors(): number;
  setThreads(count: number): void;
  getThreads(): number;
  /** Null where nobody counts. */
  peakBytes(device: string): number | null;
  /** Copies; `dtype` is PyTorch's ScalarType code. */
  fromHost(data: HostArray, shape: readonly number[], dtype: number, device: string): Handle;
  overwrite(handle: Handle, data: HostArray): void;
  toHost(handle: Handle, wholeNumbers: false): Float32Array;
  toHost(handle: Handle, wholeNumbers: true): BigInt64Array;
  /** [ScalarType code, ...shape] */
  describe(handle: Handle): number[];
  /** `gradient`: d loss / d root; null when the root is the loss. */
  backward(root: Handle, gradient: Handle | null): void;
  grad(handle: Handle): Handle | null;
  dropGrads(handles: Int32Array): void;
  setRequiresGrad(handle: Handle, on: boolean): void;
  requiresGrad(handle: Handle): boolean;
  /** Whether it has no history. */
  isLeaf(handle: Handle): boolean;
  /** Returns the previous setting. */
  setGradMode(on: boolean): boolean;
  manualSeed(seed: number): void;
  /** For GPUs, process-wide. */
  useDeterministicKernels(): void;
  rngState(device: string): Uint8Array;
  setRngState(device: string, state: Uint8Array): void;
  /** Those of "gloo" and "nccl" it was built with; without any, the functions below are missing. */
  distributedBackends(): string[];
  joinGroup(
    backend: string,
    host: string,
    port: number,
    serve: boolean,
    rank: number,
    world: number,
    timeoutMs: number,
    prefix: string,
  ): void;
  leaveGroup(): void;
  planAverages(weights: Int32Array, bucketBytes: number): void;
  armAverages(): void;
  /** Returns the bytes that were under way before. */
  launchAverages(): number;
  finishAverages(): void;
  dropAverages(): void;
  sumNumbers(values: Float64Array, device: string): Float64Array;
  publish(key: string, text: string): void;
  lookUp(key: string): string;
}

/** build/ lies beside src/ and beside dist/, so the same three steps up serve both. */
const addonPath = fileURLToPath(new URL("../../../build/instructcv_torch.node", import.meta.url));

/** @throws InstructCvError("engine") when the binding was not built or its libtorch went away. */
export function loadNative(): NativeBinding {
  if (!existsSync(addonPath)) {
    throw new InstructCvError("engine", `the libtorch binding is missing: ${addonPath}.`, "Run `npm run setup`.");
  }
  // OpenBLAS would start threads of its own below libtorch's, which halves float32 speed; it reads this when loaded.
  process.env.OPENBLAS_NUM_THREADS ??= "1";
  try {
    return createRequire(import.meta.url)(addonPath) as NativeBinding;
  } catch (cause) {
    const why = (cause as Error).message.split("\n")[0];
    throw new InstructCvError("engine", `the libtorch binding does not load: ${why}.`, "Run `npm run setup` again.");
  }
}
