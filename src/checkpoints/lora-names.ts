/** The names that LoRA adapters give their tensors, in every style that diffusers writes or reads, as one. */

/** The network a layer belongs to. */
export type LoraPart = "unet" | "text_encoder";

export interface LoraName {
  readonly part: LoraPart;
  /** What stood before the module's name in the file; the settings in the file's metadata have it too. */
  readonly prefix: string;
  /** The module's name, `mid_block.attentions.0.proj_in`, or in kohya's style with `_` in place of every dot. */
  readonly module: string;
  readonly style: "dotted" | "kohya";
  readonly role: "down" | "up" | "alpha";
}

const roles: Readonly<Record<string, LoraName["role"]>> = {
  "lora_A.weight": "down",
  "lora_B.weight": "up",
  "lora.down.weight": "down",
  "lora.up.weight": "up",
  "lora_linear_layer.down.weight": "down",
  "lora_linear_layer.up.weight": "up",
  "lora_down.weight": "down",
  "lora_up.weight": "up",
  alpha: "alpha",
};
const ending = new RegExp(`^(.+)\\.(${Object.keys(roles).join("|").replaceAll(".", "\\.")})$`);

/** Where diffusers once kept the layers of an attention: `attn1.processor.to_q_lora.down.weight`. */
const processor = /^(.+)\.(to_q|to_k|to_v|to_out)_lora\.(down|up)\.weight$/;
const processorModules: Readonly<Record<LoraPart, Readonly<Record<string, string>>>> = {
  unet: { to_q: "to_q", to_k: "to_k", to_v: "to_v", to_out: "to_out.0" },
  text_encoder: { to_q: "q_proj", to_k: "k_proj", to_v: "v_proj", to_out: "out_proj" },
};

/**
 * Undefined for a key that is none of an adapter's. A key without the prefix of a network is the UNet's: diffusers saves
 * a UNet's adapter on its own so.
 *
 * @example loraName("unet.mid_block.attentions.0.proj_in.lora_A.weight")
 * // { part: "unet", prefix: "unet.", module: "mid_block.attentions.0.proj_in", style: "dotted", role: "down" }
 */
export function loraName(key: string): LoraName | undefined {
  const kohya = /^(lora_unet_|lora_te1?_)(.+)$/.exec(key);
  const [, prefix = "", rest = key] = kohya ?? /^(unet\.|text_encoder\.)(.+)$/.exec(key) ?? [];
  const part = prefix === "text_encoder." || prefix.startsWith("lora_te") ? "text_encoder" : "unet";
  const plain = rest.replace(".processor.", ".");
  const old = processor.exec(plain);
  const found = old ? [`${old[1]}.${processorModules[part][old[2]!]}`, old[3]!] : ending.exec(plain)?.slice(1);
  if (!found) return undefined;
  const [module, end] = found as [string, string];
  const role = old ? (end as "down" | "up") : roles[end]!;
  if (kohya) return { part, prefix, module, style: "kohya", role };
  return { part, prefix, module: part === "text_encoder" ? longTextName(module) : module, style: "dotted", role };
}

/** transformers 5 leaves out the first `text_model.` of a CLIPTextModel's modules. */
export function longTextName(module: string): string {
  return module.startsWith("text_model.") ? module : `text_model.${module}`;
}

/** Adapters that are more than a product of two matrices, by a piece of their keys. */
const otherKinds: readonly (readonly [RegExp, string])[] = [
  [/\.dora_scale$|\.lora_magnitude_vector\b/, "DoRA (it rescales the merged weight)"],
  [/\.hada_/, "LoHa (a Hadamard product)"],
  [/\.lokr_/, "LoKr (a Kronecker product)"],
  [/\.lora_mid\.|\.lora_tucker/, "a LoCon in Tucker form (three factors)"],
  [/\.lora_B\.bias$/, "a LoRA with biases"],
  [/\.oft_|\.boft_/, "OFT (a rotation)"],
  [/^text_encoder_2\.|^lora_te2_/, "an adapter of Stable Diffusion XL (a second text encoder)"],
];

/** What kind of adapter a key tells of that cannot be merged here. */
export function otherKind(key: string): string | undefined {
  return otherKinds.find(([pattern]) => pattern.test(key))?.[1];
}
