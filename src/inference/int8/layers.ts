/** Which layers are worth quantising. */

/**
 * Stay float: the first and the last convolution and the shortcuts of residual blocks, whose inputs are not normalised (on models/nano the
 * shortcuts alone make 9 tenths of the squared error of all); what depends on the timestep or on the text alone (embeddings, keys and
 * values of the text), because it is computed once and not at every evaluation.
 */
const float =
  /^(conv_in|conv_out|time_embedding\..*|add_embedding\..*|.*\.conv_shortcut|.*\.time_emb_proj|.*\.attn2\.to_[kv])$/;

/** Of the denoiser. `layer`: its name without `.weight`. Only convolutions and linear layers are asked about. */
export function isQuantised(layer: string): boolean {
  return !float.test(layer);
}

/**
 * Of the autoencoder: the 3x3 convolutions of its residual blocks and of its resamplers, 98% of its work. First, last and shortcut
 * convolutions stay float as in the denoiser, and the middle's attention: a few matrix products at the coarsest resolution.
 */
export function isQuantisedAutoencoder(layer: string): boolean {
  return /\.(conv[12]|(down|up)samplers\.0\.conv)$/.test(layer);
}
