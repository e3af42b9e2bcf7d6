/** What a CLIP text encoder's config.json says, in transformers' key names. */

export interface ClipTextConfig {
  vocab_size: number;
  hidden_size: number;
  /** Width of the feed-forward part, usually 4 x hidden_size. */
  intermediate_size: number;
  num_hidden_layers: number;
  /** Must divide hidden_size. */
  num_attention_heads: number;
  /** The most tokens of one text; the tokenizer pads to it. */
  max_position_embeddings: number;
  /** @default "quick_gelu" */
  hidden_act?: "quick_gelu" | "gelu";
  /** @default 1e-5 */
  layer_norm_eps?: number;
}
