/** Eager tensors and the scopes that let them go: memory follows the program's structure, never garbage collection. */
import { InstructCvError } from "../../errors.js";
import type { DType, Tensor } from "../tensor.js";
import type { Handle, NativeBinding } from "./native.js";

/** PyTorch's ScalarType codes, which operator schemas call `int`. */
export const scalarTypes = { float32: 6, bfloat16: 15, float16: 5, int64: 4 } as const satisfies Record<DType, number>;
const dtypes = new Map<number, DType>(Object.entries(scalarTypes).map(([name, code]) => [code, name as DType]));

/** A live libtorch tensor. Reading it after its scope ended is an error, never another tensor's numbers. */
export class TorchTensor implements Tensor {
  #handle: Handle;
  #described: { code: number; shape: readonly number[] } | undefined;
  readonly #native: NativeBinding;
  constructor(native: NativeBinding, handle: Handle) {
    this.#native = native;
    this.#handle = handle;
  }
  get handle(): Handle {
    if (this.#handle < 0) {
      const cure = "Return it from tidy() or keep() it.";
      throw new InstructCvError("engine", "a tensor was used after its scope ended.", cure);
    }
    return this.#handle;
  }
  get shape(): readonly number[] {
    return this.#describe().shape;
  }
  get dtype(): DType {
    const { code } = this.#describe();
    const dtype = dtypes.get(code);
    if (dtype === undefined) {
      throw new InstructCvError(
        "engine",
        `a tensor has PyTorch's scalar type ${code}; expected float32, bfloat16, float16 or int64.`,
      );
    }
    return dtype;
  }
  get released(): boolean {
    return this.#handle < 0;
  }
  /** Gives the handle up; only Scopes may call it. */
  detachHandle(): Handle {
    const handle = this.handle;
    this.#handle = -1;
    return handle;
  }
  #describe() {
    if (this.#described === undefined) {
      const [code, ...shape] = this.#native.describe(this.handle);
      this.#described = { code: code!, shape };
    }
    return this.#described;
  }
}

/** Every tensor inside a value: itself, or those in arrays and plain objects. */
function* tensorsIn(value: unknown): Generator<TorchTensor> {
  if (value instanceof TorchTensor) yield value;
  else if (Array.isArray(value)) for (const item of value) yield* tensorsIn(item);
  else if (value instanceof Map) for (const item of value.values()) yield* tensorsIn(item);
  else if (typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype) {
    for (const item of Object.values(value)) yield* tensorsIn(item);
  }
}

/** The binding's index of a tensor. */
export function handleOf(t: Tensor): number {
  if (t instanceof TorchTensor) return t.handle;
  throw new InstructCvError("engine", "a tensor of another engine was given to libtorch.");
}

export class Scopes {
  readonly #native: NativeBinding;
  readonly #open: Set<TorchTensor>[] = [];
  #allEnded: () => void = () => {};
  constructor(native: NativeBinding) {
    this.#native = native;
  }

  get isOpen(): boolean {
    return this.#open.length > 0;
  }

  /** A new tensor of the innermost scope; results of operations have to have one. */
  own(handle: Handle): TorchTensor {
    const scope = this.#open.at(-1);
    if (scope === undefined) {
      this.#native.release(Int32Array.of(handle));
      throw new InstructCvError("engine", "an operation ran outside every scope.", "Wrap it in torch.tidy(() => ...).");
    }
    const tensor = new TorchTensor(this.#native, handle);
    scope.add(tensor);
    return tensor;
  }

  /** A tensor of the innermost scope, or one that lives until disposed of when no scope is open: for host data. */
  adopt(handle: Handle): TorchTensor {
    return this.isOpen ? this.own(handle) : new TorchTensor(this.#native, handle);
  }

  tidy<T>(fn: () => T): T {
    const scope = new Set<TorchTensor>();
    this.#open.push(scope);
    let result: T;
    try {
      result = fn();
      if (result instanceof Promise) {
        throw new InstructCvError(
          "engine",
          "tidy() was given an async function.",
          "Only synchronous work has a scope.",
        );
      }
      const outer = this.#open.at(-2);
      for (const tensor of tensorsIn(result)) if (scope.delete(tensor)) outer?.add(tensor);
    } finally {
      this.#open.pop();
      this.#release(scope);
      if (!this.isOpen) this.#allEnded();
    }
    return result;
  }

  /** `fn` runs whenever the outermost scope has ended. */
  onceAllEnded(fn: () => void): void {
    this.#allEnded = fn;
  }

  /** Takes tensors out of every scope: they live until dispose(). */
  keep<T>(value: T): T {
    for (const tensor of tensorsIn(value)) for (const scope of this.#open) scope.delete(tensor);
    return value;
  }

  dispose(value: unknown): void {
    const tensors = [...tensorsIn(value)].filter((tensor) => !tensor.released);
    for (const tensor of tensors) for (const scope of this.#open) scope.delete(tensor);
    this.#release(tensors);
  }

  #release(tensors: Iterable<TorchTensor>): void {
    this.#native.release(Int32Array.from(tensors, (tensor) => tensor.detachHandle()));
  }
}
