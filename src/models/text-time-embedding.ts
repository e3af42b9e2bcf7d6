/** The whole sentence as one vector beside the timestep's, so that every residual block hears it (diffusers' names). */
import type { Ops, Tensor } from "../tensor/tensor.js";
import { mergeHeads, splitHeads } from "./attention.js";
import { LayerNorm, Linear } from "./layers.js";
import { Module, Parameter } from "./module.js";

/** states_BSE to [B, E]: a query made of their mean attends to the states and to that mean. */
class AttentionPooling extends Module {
  readonly positional_embedding: Parameter;
  readonly k_proj: Linear;
  readonly q_proj: Linear;
  readonly v_proj: Linear;
  readonly #heads: number;

  constructor(features: number, heads: number) {
    super();
    this.positional_embedding = new Parameter([1, features], { kind: "normal", std: features ** -0.5 });
    this.k_proj = new Linear(features, features);
    this.q_proj = new Linear(features, features);
    this.v_proj = new Linear(features, features);
    this.#heads = heads;
  }

  forward(ops: Ops, states: Tensor): Tensor {
    const mean_B1E = ops.add(ops.mean(states, [1], true), this.positional_embedding.value);
    const all = ops.concat([mean_B1E, states], 1);
    const split = (projection: Linear, x: Tensor) => splitHeads(ops, projection.forward(ops, x), this.#heads);
    const pooled_B1E = mergeHeads(
      ops,
      ops.attention(split(this.q_proj, mean_B1E), split(this.k_proj, all), split(this.v_proj, all)),
    );
    return ops.reshape(pooled_B1E, [states.shape[0]!, states.shape[2]!]);
  }
}

/** diffusers' TextTimeEmbedding, as in DeepFloyd IF: states_BSE to [B, outputs]. */
export class TextTimeEmbedding extends Module {
  readonly norm1: LayerNorm;
  readonly pool: AttentionPooling;
  readonly proj: Linear;
  readonly norm2: LayerNorm;

  /** `heads` must divide `features`. */
  constructor(features: number, outputs: number, heads: number) {
    super();
    this.norm1 = new LayerNorm(features);
    this.pool = new AttentionPooling(features, heads);
    this.proj = new Linear(features, outputs);
    this.norm2 = new LayerNorm(outputs);
  }

  forward(ops: Ops, states: Tensor): Tensor {
    const pooled = this.pool.forward(ops, this.norm1.forward(ops, states));
    return this.norm2.forward(ops, this.proj.forward(ops, pooled));
  }
}
