/** CLIP's text encoder: token ids to one state per token; weights are named as in transformers' saved checkpoints. */
import { InstructCvError } from "../errors.js";
import type { Ops, Tensor } from "../tensor/tensor.js";
import { mergeHeads, splitHeads } from "./attention.js";
import type { ClipTextConfig } from "./clip-text-config.js";
import { Embedding, LayerNorm, Linear } from "./layers.js";
import { Module } from "./module.js";

class ClipTextEmbeddings extends Module {
  readonly token_embedding: Embedding;
  readonly position_embedding: Embedding;

  constructor(config: ClipTextConfig) {
    super();
    this.token_embedding = new Embedding(config.vocab_size, config.hidden_size, 0.02);
    this.position_embedding = new Embedding(config.max_position_embeddings, config.hidden_size, 0.02);
  }

  forward(ops: Ops, ids_BL: Tensor): Tensor {
    const length = ids_BL.shape[1]!;
    const positions_LD = ops.slice(this.position_embedding.weight.value, 0, 0, length);
    return ops.add(this.token_embedding.forward(ops, ids_BL), positions_LD);
  }
}

class ClipAttention extends Module {
  readonly k_proj: Linear;
  readonly v_proj: Linear;
  readonly q_proj: Linear;
  readonly out_proj: Linear;
  readonly #heads: number;

  constructor({ hidden_size, num_attention_heads }: ClipTextConfig) {
    super();
    this.k_proj = new Linear(hidden_size, hidden_size);
    this.v_proj = new Linear(hidden_size, hidden_size);
    this.q_proj = new Linear(hidden_size, hidden_size);
    this.out_proj = new Linear(hidden_size, hidden_size);
    this.#heads = num_attention_heads;
  }

  forward(ops: Ops, x_BLD: Tensor): Tensor {
    const [q, k, v] = [this.q_proj, this.k_proj, this.v_proj].map((projection) =>
      splitHeads(ops, projection.forward(ops, x_BLD), this.#heads),
    ) as [Tensor, Tensor, Tensor];
    return this.out_proj.forward(ops, mergeHeads(ops, ops.attention(q, k, v, { causal: true })));
  }
}

class ClipMlp extends Module {
  readonly fc1: Linear;
  readonly fc2: Linear;
  readonly #activation: "quickGelu" | "gelu";

  constructor({ hidden_size, intermediate_size, hidden_act }: ClipTextConfig) {
    super();
    this.fc1 = new Linear(hidden_size, intermediate_size);
    this.fc2 = new Linear(intermediate_size, hidden_size);
    this.#activation = hidden_act === "gelu" ? "gelu" : "quickGelu";
  }

  forward(ops: Ops, x: Tensor): Tensor {
    return this.fc2.forward(ops, ops[this.#activation](this.fc1.forward(ops, x)));
  }
}

class ClipEncoderLayer extends Module {
  readonly self_attn: ClipAttention;
  readonly layer_norm1: LayerNorm;
  readonly mlp: ClipMlp;
  readonly layer_norm2: LayerNorm;

  constructor(config: ClipTextConfig) {
    super();
    this.self_attn = new ClipAttention(config);
    this.layer_norm1 = new LayerNorm(config.hidden_size, config.layer_norm_eps);
    this.mlp = new ClipMlp(config);
    this.layer_norm2 = new LayerNorm(config.hidden_size, config.layer_norm_eps);
  }

  forward(ops: Ops, x: Tensor): Tensor {
    x = ops.add(x, this.self_attn.forward(ops, this.layer_norm1.forward(ops, x)));
    return ops.add(x, this.mlp.forward(ops, this.layer_norm2.forward(ops, x)));
  }
}

class ClipEncoder extends Module {
  readonly layers: readonly ClipEncoderLayer[];

  constructor(config: ClipTextConfig) {
    super();
    this.layers = Array.from({ length: config.num_hidden_layers }, () => new ClipEncoderLayer(config));
  }

  forward(ops: Ops, x: Tensor): Tensor {
    for (const layer of this.layers) x = layer.forward(ops, x);
    return x;
  }
}

class ClipTextTransformer extends Module {
  readonly embeddings: ClipTextEmbeddings;
  readonly encoder: ClipEncoder;
  readonly final_layer_norm: LayerNorm;

  constructor(config: ClipTextConfig) {
    super();
    this.embeddings = new ClipTextEmbeddings(config);
    this.encoder = new ClipEncoder(config);
    this.final_layer_norm = new LayerNorm(config.hidden_size, config.layer_norm_eps);
  }

  forward(ops: Ops, ids_BL: Tensor): Tensor {
    const states = this.encoder.forward(ops, this.embeddings.forward(ops, ids_BL));
    return this.final_layer_norm.forward(ops, states);
  }
}

/**
 * transformers' CLIPTextModel, without the pooled output that Stable Diffusion does not use. Attention is causal, and
 * padding is attended to, as in Stable Diffusion.
 */
export class CLIPTextModel extends Module {
  readonly text_model: ClipTextTransformer;

  /** @throws InstructCvError("checkpoint") when the heads do not divide the hidden size. */
  constructor(readonly config: ClipTextConfig) {
    super();
    if (config.hidden_size % config.num_attention_heads !== 0) {
      throw new InstructCvError(
        "checkpoint",
        `text_encoder/config.json: num_attention_heads ${config.num_attention_heads} does not divide hidden_size ${config.hidden_size}.`,
      );
    }
    this.text_model = new ClipTextTransformer(config);
  }

  /** ids_BL int64, L <= max_position_embeddings, to last_hidden_state [B, L, hidden_size] after the final norm. */
  forward(ops: Ops, ids_BL: Tensor): Tensor {
    return this.text_model.forward(ops, ids_BL);
  }
}
