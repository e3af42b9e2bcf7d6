/** The elementary layers, named and initialised as in torch.nn. */
import type { Conv2dOptions, Ops, Tensor } from "../tensor/tensor.js";
import { Module, Parameter } from "./module.js";

/** y = x W^T + b over the last dim; weight [outputs, inputs]. */
export class Linear extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter | null;

  constructor(inputs: number, outputs: number, options: { bias?: boolean } = {}) {
    super();
    this.weight = new Parameter([outputs, inputs], { kind: "fanIn", fanIn: inputs });
    this.bias = (options.bias ?? true) ? new Parameter([outputs], { kind: "fanIn", fanIn: inputs }) : null;
  }

  forward(ops: Ops, x: Tensor): Tensor {
    return ops.linear(x, this.weight.value, this.bias?.value ?? null);
  }
}

/** x_BIHW to [B, O, H', W']; weight [O, I, kernel, kernel]. */
export class Conv2d extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter;
  readonly #options: Conv2dOptions;

  constructor(inputs: number, outputs: number, kernel: number, options: Conv2dOptions = {}) {
    super();
    const fanIn = inputs * kernel * kernel;
    this.weight = new Parameter([outputs, inputs, kernel, kernel], { kind: "fanIn", fanIn });
    this.bias = new Parameter([outputs], { kind: "fanIn", fanIn });
    this.#options = options;
  }

  forward(ops: Ops, x: Tensor): Tensor {
    return ops.conv2d(x, this.weight.value, this.bias.value, this.#options);
  }
}

/** Normalises x_BC... over `groups` groups of channels; `groups` must divide `channels`. */
export class GroupNorm extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter;
  readonly #groups: number;
  readonly #eps: number;

  constructor(groups: number, channels: number, eps: number) {
    super();
    this.weight = new Parameter([channels], { kind: "ones" });
    this.bias = new Parameter([channels], { kind: "zeros" });
    this.#groups = groups;
    this.#eps = eps;
  }

  forward(ops: Ops, x: Tensor): Tensor {
    return ops.groupNorm(x, this.#groups, this.weight.value, this.bias.value, this.#eps);
  }
}

/** Normalises the last dim, of `features` values. */
export class LayerNorm extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter;
  readonly #eps: number;

  constructor(features: number, eps = 1e-5) {
    super();
    this.weight = new Parameter([features], { kind: "ones" });
    this.bias = new Parameter([features], { kind: "zeros" });
    this.#eps = eps;
  }

  forward(ops: Ops, x: Tensor): Tensor {
    return ops.layerNorm(x, this.weight.value, this.bias.value, this.#eps);
  }
}

/** A table [entries, features]; int64 ids of any shape pick rows. */
export class Embedding extends Module {
  readonly weight: Parameter;

  /** `std` of the normal initialisation: 1 is torch.nn.Embedding's default, transformers' text models use 0.02. */
  constructor(entries: number, features: number, std = 1) {
    super();
    this.weight = new Parameter([entries, features], { kind: "normal", std });
  }

  forward(ops: Ops, ids: Tensor): Tensor {
    return ops.embedding(ids, this.weight.value);
  }
}
