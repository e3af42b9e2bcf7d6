/** Any PyTorch operator by name, arguments checked against its schema by the binding. */
import { InstructCvError } from "../../errors.js";
import type { Tensor } from "../tensor.js";
import type { NativeArgument, NativeBinding, NativeResult, ResolvedOperator } from "./native.js";
import { type Scopes, TorchTensor } from "./scopes.js";

/**
 * What an operator takes. A dtype, layout or memory format is PyTorch's integer code, a device a string such as "cuda:0";
 * undefined takes the schema's default, null is Python's None. A whole number given for a Scalar counts as an integer.
 */
export type Argument = Tensor | number | boolean | string | null | undefined | Int32Array | readonly Argument[];
export type Result = TorchTensor | number | boolean | string | null | undefined | Result[];

export class Dispatcher {
  readonly #native: NativeBinding;
  readonly #scopes: Scopes;
  readonly #operators = new Map<string, ResolvedOperator | null>();
  constructor(native: NativeBinding, scopes: Scopes) {
    this.#native = native;
    this.#scopes = scopes;
  }

  /** Whether this libtorch has the operator. */
  has(name: string): boolean {
    return this.#find(name) !== null;
  }

  /**
   * Runs an operator by its full name, `aten::add.Scalar`; positional arguments first, then named ones.
   * @throws InstructCvError("engine") with PyTorch's own first line.
   */
  call(name: string, args: readonly Argument[], named?: Record<string, Argument>): Result {
    const operator = this.#find(name);
    if (operator === null) {
      throw new InstructCvError("engine", `libtorch ${this.#native.version} has no operator ${name}.`);
    }
    const given = args.map(lower);
    for (const [key, value] of Object.entries(named ?? {})) {
      const index = operator.arguments.indexOf(key);
      if (index < 0)
        throw new InstructCvError(
          "engine",
          `${name} has no argument '${key}'; it has ${operator.arguments.join(", ")}.`,
        );
      while (given.length < index) given.push(undefined);
      given[index] = lower(value);
    }
    let result: NativeResult;
    try {
      result = this.#native.call(operator.id, given);
    } catch (cause) {
      throw new InstructCvError("engine", `${name}: ${(cause as Error).message}`);
    }
    if (operator.returns.length === 1) return this.#lift(result, operator.returns[0]!);
    return operator.returns.map((type, i) => this.#lift((result as NativeResult[])[i], type));
  }

  /** An operator that returns one tensor, as nearly all do. */
  tensor(name: string, args: readonly Argument[], named?: Record<string, Argument>): TorchTensor {
    return this.call(name, args, named) as TorchTensor;
  }

  #find(name: string): ResolvedOperator | null {
    let operator = this.#operators.get(name);
    if (operator === undefined) {
      const [base, overload] = name.split(".");
      try {
        operator = this.#native.resolve(base!, overload ?? "");
      } catch {
        operator = null;
      }
      this.#operators.set(name, operator);
    }
    return operator;
  }

  #lift(result: NativeResult, type: string): Result {
    if (type === "Tensor") return typeof result === "number" ? this.#scopes.own(result) : null;
    if (type === "Tensor[]") return (result as number[]).map((handle) => this.#scopes.own(handle));
    return result as Result;
  }
}

function lower(argument: Argument): NativeArgument {
  if (argument instanceof TorchTensor) return argument.handle;
  if (Array.isArray(argument)) return argument.map(lower);
  if (typeof argument === "object" && argument !== null && !(argument instanceof Int32Array)) {
    throw new InstructCvError("engine", "a tensor of another engine was given to libtorch.");
  }
  return argument;
}
