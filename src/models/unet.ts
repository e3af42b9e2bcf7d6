/** The denoiser: a UNet over latents, told the timestep and the text; weights are named as in diffusers. */
import { cut } from "../tensor/scope.js";
import type { Ops, Tensor } from "../tensor/tensor.js";
import { Conv2d, GroupNorm } from "./layers.js";
import { Module } from "./module.js";
import { TextTimeEmbedding } from "./text-time-embedding.js";
import { sinusoidalEmbedding, TimestepEmbedding } from "./time-embedding.js";
import { type BlockAttention, type BlockStyle, DownBlock, MidBlock, UpBlock } from "./unet-blocks.js";
import { type UNetConfig, type UNetLevel, unetLevels } from "./unet-config.js";

export interface UNetInputs {
  /** [B, in_channels, H, W]: noisy latents, with the image's latents behind them in instruction-tuned models. */
  sample: Tensor;
  /** [B] float32, 0 .. T-1. */
  timestep: Tensor;
  /** [B, S, cross_attention_dim]: the text encoder's states. */
  encoderHiddenStates: Tensor;
  /** Called with the sentence's vector [B, 4 * block_out_channels[0]] of a network with add_embedding. */
  onText?: (vector: Tensor) => void;
}

/**
 * diffusers' UNet2DConditionModel for the Stable Diffusion family.
 *
 * @example
 * const unet = new UNet2DConditionModel(config);
 * unet.bind((name, parameter) => ops.constant(weights.get(name)!, parameter.shape));
 * const prediction = unet.forward(ops, { sample, timestep, encoderHiddenStates }); // [B, out_channels, H, W]
 */
export class UNet2DConditionModel extends Module {
  readonly conv_in: Conv2d;
  readonly time_embedding: TimestepEmbedding;
  readonly add_embedding: TextTimeEmbedding | null;
  readonly down_blocks: readonly DownBlock[];
  readonly up_blocks: readonly UpBlock[];
  readonly mid_block: MidBlock;
  readonly conv_norm_out: GroupNorm;
  readonly conv_out: Conv2d;

  /** @throws InstructCvError("checkpoint") for a config that contradicts itself. */
  constructor(readonly config: UNetConfig) {
    super();
    const levels = unetLevels(config);
    const first = levels[0]!.channels;
    const deepest = levels.at(-1)!;
    const style: BlockStyle = {
      timeFeatures: first * 4,
      groups: config.norm_num_groups ?? 32,
      eps: config.norm_eps ?? 1e-5,
      useLinearProjection: config.use_linear_projection ?? false,
      scaleShift: config.resnet_time_scale_shift === "scale_shift",
    };
    this.conv_in = new Conv2d(config.in_channels, first, 3, { padding: 1 });
    this.time_embedding = new TimestepEmbedding(first, style.timeFeatures);
    const pooled = config.addition_embed_type === "text";
    const heads = config.addition_embed_type_num_heads ?? 64;
    this.add_embedding = pooled ? new TextTimeEmbedding(deepest.contextFeatures, style.timeFeatures, heads) : null;
    this.down_blocks = levels.map((level, i) => downBlock(level, levels[i - 1], i < levels.length - 1, style));
    this.mid_block = new MidBlock(deepest.channels, attentionOf(deepest), style);
    this.up_blocks = levels.map((level, i) => upBlock(level, levels[i + 1], levels[i - 1], style)).reverse();
    this.conv_norm_out = new GroupNorm(style.groups, first, style.eps);
    this.conv_out = new Conv2d(first, config.out_channels, 3, { padding: 1 });
  }

  /** The prediction [B, out_channels, H, W]: noise, velocity or sample, as the model was trained. Any H and W will do. */
  forward(ops: Ops, inputs: UNetInputs): Tensor {
    const { skips, middle, conditions } = this.#descend(ops, inputs);
    let x = middle;
    for (const block of this.up_blocks) x = block.forward(ops, x, skips, conditions);
    return this.conv_out.forward(ops, ops.silu(this.conv_norm_out.forward(ops, x)));
  }

  /** What the coarsest level makes of the inputs, [B, block_out_channels.at(-1), h, w]: a quarter of the work of `forward`. */
  middle(ops: Ops, inputs: UNetInputs): Tensor {
    return this.#descend(ops, inputs).middle;
  }

  #descend(ops: Ops, { sample, timestep, encoderHiddenStates, onText }: UNetInputs) {
    const { flip_sin_to_cos: flipSinToCos = true, freq_shift: shift = 0 } = this.config;
    const features = this.config.block_out_channels[0]!;
    const waves = sinusoidalEmbedding(ops, timestep, features, { flipSinToCos, shift });
    const context = cut(ops, encoderHiddenStates);
    let embedding = this.time_embedding.forward(ops, waves);
    if (this.add_embedding) {
      const text = cut(ops, this.add_embedding.forward(ops, context));
      onText?.(text);
      embedding = ops.add(embedding, text);
    }
    const time = cut(ops, ops.silu(embedding));

    let x = cut(ops, this.conv_in.forward(ops, sample));
    const skips = [x];
    for (const block of this.down_blocks) {
      skips.push(...block.forward(ops, x, { time, context }));
      x = skips.at(-1)!;
    }
    const conditions = { time, context };
    return { skips, middle: this.mid_block.forward(ops, x, conditions), conditions };
  }
}

function attentionOf({ heads, transformerLayers, contextFeatures }: UNetLevel): BlockAttention {
  return { heads, layers: transformerLayers, contextFeatures };
}

function downBlock(level: UNetLevel, finer: UNetLevel | undefined, downsample: boolean, style: BlockStyle): DownBlock {
  return new DownBlock(
    {
      inputs: finer?.channels ?? level.channels,
      outputs: level.channels,
      layers: level.layers,
      attention: level.down === "CrossAttnDownBlock2D" ? attentionOf(level) : null,
      downsample,
    },
    style,
  );
}

/** The last picture a level takes back is the one it got from the finer level (or conv_in), with that one's channels. */
function upBlock(
  level: UNetLevel,
  coarser: UNetLevel | undefined,
  finer: UNetLevel | undefined,
  style: BlockStyle,
): UpBlock {
  return new UpBlock(
    {
      inputs: coarser?.channels ?? level.channels,
      outputs: level.channels,
      skips: [...Array<number>(level.layers).fill(level.channels), finer?.channels ?? level.channels],
      attention: level.up === "CrossAttnUpBlock2D" ? attentionOf(level) : null,
      upsample: finer !== undefined,
    },
    style,
  );
}
