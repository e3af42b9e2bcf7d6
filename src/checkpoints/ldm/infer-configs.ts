/** What the shapes of an original Stable Diffusion 1.x checkpoint say about its networks; the rest is fixed by the family. */

import {
  type AutoencoderConfig,
  autoencoderConfigSchema,
  type TextEncoderConfig,
  textEncoderConfigSchema,
  type UNetConfig,
  unetConfigSchema,
} from "../configs.js";
import { prefixes } from "./names.js";

/** Shape of a tensor by its name in the file. Throws InstructCvError("checkpoint") when there is none. */
export type ShapeOf = (name: string) => readonly number[];

export interface LdmConfigs {
  readonly unet: UNetConfig;
  readonly vae: AutoencoderConfig;
  readonly textEncoder: TextEncoderConfig;
}

export function inferConfigs(names: ReadonlySet<string>, shapeOf: ShapeOf): LdmConfigs {
  return {
    unet: inferUNet(names, (name) => shapeOf(prefixes.unet + name)),
    vae: inferVae(names, (name) => shapeOf(prefixes.vae + name)),
    textEncoder: inferTextEncoder(names, (name) => shapeOf(prefixes.textEncoder + name)),
  };
}

function inferUNet(names: ReadonlySet<string>, shapeOf: ShapeOf): UNetConfig {
  const has = (name: string) => names.has(prefixes.unet + name);
  // Input blocks: conv_in, then for each level its residual blocks, and a downsampling except after the last level.
  const blocks = count((i) => has(`input_blocks.${i}.0.op.weight`) || has(`input_blocks.${i}.0.in_layers.0.weight`), 1);
  const downsamplings = Array.from({ length: blocks }, (_, i) => i + 1).filter((i) =>
    has(`input_blocks.${i}.0.op.weight`),
  );
  const layers = (downsamplings[0] ?? blocks + 1) - 1;
  const levels = Array.from({ length: downsamplings.length + 1 }, (_, level) => level * (layers + 1) + 1);
  const crosses = levels.map((i) => has(`input_blocks.${i}.1.proj_in.weight`));
  const attended = levels[crosses.indexOf(true)];
  const transformer = `input_blocks.${attended}.1`;
  return unetConfigSchema.parse({
    in_channels: shapeOf("input_blocks.0.0.weight")[1],
    out_channels: shapeOf("out.2.weight")[0],
    block_out_channels: levels.map((i) => shapeOf(`input_blocks.${i}.0.out_layers.3.weight`)[0]),
    down_block_types: crosses.map((cross) => (cross ? "CrossAttnDownBlock2D" : "DownBlock2D")),
    up_block_types: crosses.map((cross) => (cross ? "CrossAttnUpBlock2D" : "UpBlock2D")).reverse(),
    layers_per_block: layers,
    transformer_layers_per_block: count((i) => has(`${transformer}.transformer_blocks.${i}.norm1.weight`), 0),
    cross_attention_dim: shapeOf(`${transformer}.transformer_blocks.0.attn2.to_k.weight`)[1],
    use_linear_projection: shapeOf(`${transformer}.proj_in.weight`).length === 2,
    // Of all 1.x models; shapes do not show it.
    attention_head_dim: 8,
    sample_size: 64,
  });
}

function inferVae(names: ReadonlySet<string>, shapeOf: ShapeOf): AutoencoderConfig {
  const has = (name: string) => names.has(prefixes.vae + name);
  const levels = count((i) => has(`encoder.down.${i}.block.0.conv1.weight`), 0);
  return autoencoderConfigSchema.parse({
    _class_name: "AutoencoderKL",
    in_channels: shapeOf("encoder.conv_in.weight")[1],
    out_channels: shapeOf("decoder.conv_out.weight")[0],
    latent_channels: shapeOf("decoder.conv_in.weight")[1],
    block_out_channels: Array.from({ length: levels }, (_, i) => shapeOf(`encoder.down.${i}.block.0.conv2.weight`)[0]),
    down_block_types: Array(levels).fill("DownEncoderBlock2D"),
    up_block_types: Array(levels).fill("UpDecoderBlock2D"),
    layers_per_block: count((i) => has(`encoder.down.0.block.${i}.conv1.weight`), 0),
  });
}

function inferTextEncoder(names: ReadonlySet<string>, shapeOf: ShapeOf): TextEncoderConfig {
  // Some merged files leave the first word of the names out.
  const root = names.has(`${prefixes.textEncoder}embeddings.token_embedding.weight`) ? "" : "text_model.";
  const [vocabulary, width] = shapeOf(`${root}embeddings.token_embedding.weight`);
  return textEncoderConfigSchema.parse({
    vocab_size: vocabulary,
    hidden_size: width,
    intermediate_size: shapeOf(`${root}encoder.layers.0.mlp.fc1.weight`)[0],
    num_hidden_layers: count((i) => names.has(`${prefixes.textEncoder}${root}encoder.layers.${i}.mlp.fc1.weight`), 0),
    // CLIP's heads are 64 wide.
    num_attention_heads: width! / 64,
    max_position_embeddings: shapeOf(`${root}embeddings.position_embedding.weight`)[0],
  });
}

/** How many numbers from `first` on satisfy `holds` without a gap. */
function count(holds: (i: number) => boolean, first: number): number {
  let i = first;
  while (holds(i)) i++;
  return i - first;
}
