/** The names one weight may have in checkpoints on disk. */

/** Names of the autoencoder's attention before diffusers 0.15; Stable Diffusion 1.5's own checkpoint has them. */
const legacyAttention: Record<string, string> = { to_q: "query", to_k: "key", to_v: "value", "to_out.0": "proj_attn" };

/**
 * The state-dict name of a module's parameter, then its other spellings, likeliest first: transformers 5 writes a
 * CLIPTextModel without the prefix `text_model.` unless it was loaded with it, and reads both.
 *
 * @example diskNames("encoder.mid_block.attentions.0.to_q.weight") // [itself, "encoder.mid_block.attentions.0.query.weight"]
 */
export function diskNames(name: string): string[] {
  const names = [name];
  if (name.startsWith("text_model.")) names.push(name.slice("text_model.".length));
  const attention = /^((?:en|de)coder\.mid_block\.attentions\.0\.)(to_q|to_k|to_v|to_out\.0)(\..+)$/.exec(name);
  if (attention) names.push(`${attention[1]}${legacyAttention[attention[2]!]}${attention[3]}`);
  return names;
}
