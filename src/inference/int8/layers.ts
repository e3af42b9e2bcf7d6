/** Which layers of a denoiser are worth quantising. */

/**
 * Stay float: the first and the last convolution, whose errors nothing corrects; what depends on the timestep or on the text
 * alone (embeddings, keys and values of the text), because it is computed once and not at every evaluation.
 */
const float = /^(conv_in|conv_out|time_embedding\..*|add_embedding\..*|.*\.time_emb_proj|.*\.attn2\.to_[kv])$/;

/** `layer`: its name without `.weight`. Only convolutions and linear layers are asked about. */
export function isQuantised(layer: string): boolean {
  return !float.test(layer);
}
