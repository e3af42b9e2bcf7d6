/** What a UNet's config.json says, in diffusers' key names, and how its per-level lists are read. */
import { InstructCvError } from "../errors.js";

export type DownBlockType = "DownBlock2D" | "CrossAttnDownBlock2D";
export type UpBlockType = "UpBlock2D" | "CrossAttnUpBlock2D";

/** A number stands for the same value at every level; lists go from the finest level to the coarsest. */
export interface UNetConfig {
  in_channels: number;
  out_channels: number;
  block_out_channels: readonly number[];
  down_block_types: readonly DownBlockType[];
  /** From the coarsest level to the finest. */
  up_block_types: readonly UpBlockType[];
  /** @default "UNetMidBlock2DCrossAttn" */
  mid_block_type?: "UNetMidBlock2DCrossAttn";
  /** Residual blocks at a level on the way down; one more on the way up. @default 2 */
  layers_per_block?: number | readonly number[];
  /** The NUMBER of heads: diffusers kept the wrong name for compatibility. Must divide the level's channels. @default 8 */
  attention_head_dim?: number | readonly number[];
  /** What a newer name would be for it; wins where given. @default null */
  num_attention_heads?: number | readonly number[] | null;
  /** Features of the text states; the same at every level for one text encoder. */
  cross_attention_dim: number | readonly number[];
  /** @default 1 */
  transformer_layers_per_block?: number | readonly number[];
  /** @default 32 */
  norm_num_groups?: number;
  /** @default 1e-5 */
  norm_eps?: number;
  /** cos before sin in the time embedding. @default true */
  flip_sin_to_cos?: boolean;
  /** @default 0 */
  freq_shift?: number;
  /** @default false */
  use_linear_projection?: boolean;
  /** "text": the pooled text states are added to the time embedding (see TextTimeEmbedding). @default null */
  addition_embed_type?: "text" | null;
  /** Must divide cross_attention_dim. @default 64 */
  addition_embed_type_num_heads?: number;
  /** "scale_shift": the time embedding scales the normalised features as well as shifting them. @default "default" */
  resnet_time_scale_shift?: "default" | "scale_shift";
  /** Recentring of inputs in [0, 1] is not supported. @default false */
  center_input_sample?: false;
  /** @default "silu" */
  act_fn?: "silu";
  /** Latent height and width the model was made for; informative. */
  sample_size?: number | readonly number[] | null;
}

/** One resolution of the UNet, finest first. */
export interface UNetLevel {
  channels: number;
  layers: number;
  heads: number;
  transformerLayers: number;
  contextFeatures: number;
  down: DownBlockType;
  up: UpBlockType;
}

/** @throws InstructCvError("checkpoint") when lists disagree in length or channels cannot be split as asked. */
export function unetLevels(config: UNetConfig): UNetLevel[] {
  const count = config.block_out_channels.length;
  const groups = config.norm_num_groups ?? 32;
  const fail = (message: string) => new InstructCvError("checkpoint", `unet/config.json: ${message}.`);
  const perLevel = (key: string, value: number | readonly number[]): readonly number[] => {
    const list = typeof value === "number" ? Array<number>(count).fill(value) : value;
    if (list.length !== count)
      throw fail(`${key} must have ${count} entries like block_out_channels, found ${list.length}`);
    return list;
  };
  const layers = perLevel("layers_per_block", config.layers_per_block ?? 2);
  const heads = perLevel("attention_head_dim", config.num_attention_heads ?? config.attention_head_dim ?? 8);
  const transformerLayers = perLevel("transformer_layers_per_block", config.transformer_layers_per_block ?? 1);
  const contextFeatures = perLevel("cross_attention_dim", config.cross_attention_dim);
  for (const key of ["down_block_types", "up_block_types"] as const) {
    if (config[key].length !== count) throw fail(`${key} must have ${count} entries, found ${config[key].length}`);
  }
  return config.block_out_channels.map((channels, i) => {
    const down = config.down_block_types[i]!;
    const up = config.up_block_types[count - 1 - i]!;
    if (channels % groups !== 0) throw fail(`norm_num_groups ${groups} does not divide ${channels} channels`);
    const attends = down.startsWith("CrossAttn") || up.startsWith("CrossAttn") || i === count - 1;
    if (attends && channels % heads[i]! !== 0) {
      throw fail(`attention_head_dim (the number of heads) ${heads[i]} does not divide ${channels} channels`);
    }
    return {
      channels,
      layers: layers[i]!,
      heads: heads[i]!,
      transformerLayers: transformerLayers[i]!,
      contextFeatures: contextFeatures[i]!,
      down,
      up,
    };
  });
}
