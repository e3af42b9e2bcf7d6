/** Modules in the manner of PyTorch: fields are parameters or child modules, and their paths are the state-dict keys. */
import type { Tensor } from "../tensor/tensor.js";

/** How a fresh parameter is filled; fan-in uniform is PyTorch's default for convolutions and linear layers. */
export type Init =
  | { kind: "zeros" }
  | { kind: "ones" }
  | { kind: "normal"; std: number }
  /** U(-1/sqrt(fanIn), 1/sqrt(fanIn)) */
  | { kind: "fanIn"; fanIn: number };

/** A declared weight: shape and initialisation are known from the config, the value is bound by an engine. */
export class Parameter {
  #value: Tensor | undefined;
  constructor(
    readonly shape: readonly number[],
    readonly init: Init,
  ) {}
  get value(): Tensor {
    if (this.#value === undefined) throw new Error("parameter read before a checkpoint or an initialisation was bound");
    return this.#value;
  }
  bind(value: Tensor): void {
    if (value.shape.length !== this.shape.length || value.shape.some((n, i) => n !== this.shape[i])) {
      throw new Error(`parameter expects shape [${this.shape}], found [${value.shape}]`);
    }
    this.#value = value;
  }
}

export abstract class Module {
  /** Every parameter below this module with its dotted name, in declaration order: `down_blocks.0.resnets.0.conv1.weight`. */
  *namedParameters(prefix = ""): Generator<[string, Parameter]> {
    for (const [key, field] of Object.entries(this)) yield* walk(`${prefix}${key}`, field);
  }
  /** Binds every parameter to what `resolve(name, parameter)` returns. */
  bind(resolve: (name: string, parameter: Parameter) => Tensor): void {
    for (const [name, parameter] of this.namedParameters()) parameter.bind(resolve(name, parameter));
  }
}

function* walk(path: string, field: unknown): Generator<[string, Parameter]> {
  if (field instanceof Parameter) yield [path, field];
  else if (field instanceof Module) yield* field.namedParameters(`${path}.`);
  else if (Array.isArray(field)) for (const [i, item] of field.entries()) yield* walk(`${path}.${i}`, item);
}
