/**
 * Weight names of the original latent-diffusion code (CompVis/latent-diffusion, timbrooks/instruct-pix2pix) in those of
 * diffusers and transformers. Both name the same tensors, so a name is translated and nothing else.
 */

/** Prefixes of the three networks in a single-file checkpoint; anything else in it (EMA, schedule, loss) is not read. */
export const prefixes = {
  unet: "model.diffusion_model.",
  vae: "first_stage_model.",
  textEncoder: "cond_stage_model.transformer.",
} as const;

type Rule = readonly [pattern: RegExp, name: string | ((...groups: string[]) => string)];

const residual: readonly (readonly [string, string])[] = [
  ["in_layers.0.", "norm1."],
  ["in_layers.2.", "conv1."],
  ["emb_layers.1.", "time_emb_proj."],
  ["out_layers.0.", "norm2."],
  ["out_layers.3.", "conv2."],
  ["skip_connection.", "conv_shortcut."],
];

/** Inside one residual block or one transformer; the names of a transformer are the same in both. */
function inside(rest: string): string {
  const rule = residual.find(([old]) => rest.startsWith(old));
  return rule ? rule[1] + rest.slice(rule[0].length) : rest;
}

/**
 * A name without the prefix, or null for one that belongs to no part. The original numbers blocks on one line, level after
 * level: `layers` residual blocks and then the resampling on the way down, `layers` + 1 residual blocks on the way up.
 */
export function unetName(name: string, layers: number): string | null {
  const level = (index: string, offset: number) => Math.floor((Number(index) - offset) / (layers + 1));
  const place = (index: string, offset: number) => (Number(index) - offset) % (layers + 1);
  return translate(name, [
    [/^time_embed\.0\./, "time_embedding.linear_1."],
    [/^time_embed\.2\./, "time_embedding.linear_2."],
    [/^input_blocks\.0\.0\./, "conv_in."],
    [/^out\.0\./, "conv_norm_out."],
    [/^out\.2\./, "conv_out."],
    [/^input_blocks\.(\d+)\.0\.op\./, (i) => `down_blocks.${level(i!, 1)}.downsamplers.0.conv.`],
    [
      /^input_blocks\.(\d+)\.0\.(.+)/,
      (i, rest) => `down_blocks.${level(i!, 1)}.resnets.${place(i!, 1)}.${inside(rest!)}`,
    ],
    [/^input_blocks\.(\d+)\.1\./, (i) => `down_blocks.${level(i!, 1)}.attentions.${place(i!, 1)}.`],
    [/^middle_block\.1\./, "mid_block.attentions.0."],
    [/^middle_block\.(\d+)\.(.+)/, (i, rest) => `mid_block.resnets.${Number(i) / 2}.${inside(rest!)}`],
    [/^output_blocks\.(\d+)\.[12]\.conv\./, (i) => `up_blocks.${level(i!, 0)}.upsamplers.0.conv.`],
    [
      /^output_blocks\.(\d+)\.0\.(.+)/,
      (i, rest) => `up_blocks.${level(i!, 0)}.resnets.${place(i!, 0)}.${inside(rest!)}`,
    ],
    [/^output_blocks\.(\d+)\.1\./, (i) => `up_blocks.${level(i!, 0)}.attentions.${place(i!, 0)}.`],
  ]);
}

const attention: Readonly<Record<string, string>> = {
  norm: "group_norm",
  q: "to_q",
  k: "to_k",
  v: "to_v",
  proj_out: "to_out.0",
};

/** The original counts the decoder's levels from the finest, diffusers from the coarsest of `levels`. */
export function vaeName(name: string, levels: number): string | null {
  const block = (rest: string) => rest.replace(/^nin_shortcut\./, "conv_shortcut.");
  return translate(name, [
    [/^(post_)?quant_conv\./, (post) => `${post ?? ""}quant_conv.`],
    [/^(en|de)coder\.conv_(in|out)\./, (side, end) => `${side}coder.conv_${end}.`],
    [/^(en|de)coder\.norm_out\./, (side) => `${side}coder.conv_norm_out.`],
    [
      /^encoder\.down\.(\d+)\.block\.(\d+)\.(.+)/,
      (i, j, rest) => `encoder.down_blocks.${i}.resnets.${j}.${block(rest!)}`,
    ],
    [/^encoder\.down\.(\d+)\.downsample\.conv\./, (i) => `encoder.down_blocks.${i}.downsamplers.0.conv.`],
    [
      /^decoder\.up\.(\d+)\.block\.(\d+)\.(.+)/,
      (i, j, rest) => `decoder.up_blocks.${levels - 1 - Number(i)}.resnets.${j}.${block(rest!)}`,
    ],
    [/^decoder\.up\.(\d+)\.upsample\.conv\./, (i) => `decoder.up_blocks.${levels - 1 - Number(i)}.upsamplers.0.conv.`],
    [
      /^(en|de)coder\.mid\.block_(\d)\.(.+)/,
      (side, i, rest) => `${side}coder.mid_block.resnets.${Number(i) - 1}.${block(rest!)}`,
    ],
    [
      /^(en|de)coder\.mid\.attn_1\.(norm|q|k|v|proj_out)\./,
      (side, what) => `${side}coder.mid_block.attentions.0.${attention[what!]}.`,
    ],
  ]);
}

/** The first rule that matches replaces what it matches; null when none does. */
function translate(name: string, rules: readonly Rule[]): string | null {
  for (const [pattern, to] of rules) {
    const match = pattern.exec(name);
    if (match) return (typeof to === "string" ? to : to(...match.slice(1))) + name.slice(match[0].length);
  }
  return null;
}
