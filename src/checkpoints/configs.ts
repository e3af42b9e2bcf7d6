/**
 * The JSON files of a checkpoint folder, with the key names of diffusers and transformers. What this package implements
 * is a field; what it does not is pinned to the one value it can honour, so that a foreign model fails loudly, never wrongly.
 */
import { z } from "zod";

const count = z.int().min(1);
/** A key that must be absent or hold this value. */
const only = <T extends string | number | boolean | null>(value: T) => z.literal(value).default(value as never);

/** `unet/config.json`: diffusers' UNet2DConditionModel. Per-level values run from the finest to the coarsest level. */
export const unetConfigSchema = z
  .object({
    _class_name: only("UNet2DConditionModel"),
    /** Side of the latents the model was trained at; informative. */
    sample_size: z
      .union([count, z.tuple([count, count])])
      .nullable()
      .default(null),
    in_channels: count.default(4),
    out_channels: count.default(4),
    block_out_channels: z.array(count).min(1).default([320, 640, 1280, 1280]),
    down_block_types: z
      .array(z.enum(["CrossAttnDownBlock2D", "DownBlock2D"]))
      .default(["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"]),
    mid_block_type: z.enum(["UNetMidBlock2DCrossAttn"]).default("UNetMidBlock2DCrossAttn"),
    /** From the coarsest to the finest level. */
    up_block_types: z
      .array(z.enum(["CrossAttnUpBlock2D", "UpBlock2D"]))
      .default(["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"]),
    layers_per_block: z.union([count, z.array(count)]).default(2),
    transformer_layers_per_block: z.union([count, z.array(count)]).default(1),
    cross_attention_dim: z.union([count, z.array(count)]).default(1280),
    /** A misnomer that diffusers keeps: the NUMBER of heads (not their width) unless num_attention_heads is given. */
    attention_head_dim: z.union([count, z.array(count)]).default(8),
    num_attention_heads: z
      .union([count, z.array(count)])
      .nullable()
      .default(null),
    use_linear_projection: z.boolean().default(false),
    norm_num_groups: count.default(32),
    norm_eps: z.number().positive().default(1e-5),
    act_fn: only("silu"),
    flip_sin_to_cos: z.boolean().default(true),
    freq_shift: z.number().default(0),
    downsample_padding: only(1),
    mid_block_scale_factor: only(1),
    dropout: z.number().default(0),
    center_input_sample: only(false),
    only_cross_attention: only(false),
    dual_cross_attention: only(false),
    encoder_hid_dim: only(null),
    encoder_hid_dim_type: only(null),
    class_embed_type: only(null),
    addition_embed_type: z.literal("text").nullable().default(null),
    addition_embed_type_num_heads: count.default(64),
    num_class_embeds: only(null),
    resnet_time_scale_shift: z.enum(["default", "scale_shift"]).default("default"),
    resnet_skip_time_act: only(false),
    resnet_out_scale_factor: only(1),
    time_embedding_type: only("positional"),
    time_embedding_dim: only(null),
    time_embedding_act_fn: only(null),
    timestep_post_act: only(null),
    time_cond_proj_dim: only(null),
    conv_in_kernel: only(3),
    conv_out_kernel: only(3),
    attention_type: only("default"),
    cross_attention_norm: only(null),
  })
  .superRefine((config, context) => {
    const levels = config.block_out_channels.length;
    for (const [key, value] of Object.entries(config)) {
      if (Array.isArray(value) && key !== "sample_size" && value.length !== levels) {
        context.addIssue({ code: "custom", path: [key], message: `expected ${levels} levels, found ${value.length}` });
      }
    }
  });
export type UNetConfig = z.infer<typeof unetConfigSchema>;

/** `text_encoder/config.json`: transformers' CLIPTextModel. */
export const textEncoderConfigSchema = z.object({
  model_type: only("clip_text_model"),
  vocab_size: count.default(49408),
  hidden_size: count.default(512),
  intermediate_size: count.default(2048),
  num_hidden_layers: count.default(12),
  num_attention_heads: count.default(8),
  max_position_embeddings: count.default(77),
  hidden_act: z.enum(["quick_gelu", "gelu"]).default("quick_gelu"),
  layer_norm_eps: z.number().positive().default(1e-5),
  bos_token_id: z.int().nullable().default(49406),
  eos_token_id: z.int().nullable().default(49407),
  pad_token_id: z.int().nullable().default(1),
});
export type TextEncoderConfig = z.infer<typeof textEncoderConfigSchema>;

/** `vae/config.json`: diffusers' AutoencoderKL. */
export const autoencoderConfigSchema = z.object({
  _class_name: z.literal("AutoencoderKL"),
  in_channels: count.default(3),
  out_channels: count.default(3),
  latent_channels: count.default(4),
  block_out_channels: z.array(count).min(1).default([64]),
  down_block_types: z.array(z.literal("DownEncoderBlock2D")).default(["DownEncoderBlock2D"]),
  up_block_types: z.array(z.literal("UpDecoderBlock2D")).default(["UpDecoderBlock2D"]),
  layers_per_block: count.default(1),
  norm_num_groups: count.default(32),
  act_fn: only("silu"),
  /** Target latents are multiplied by it; conditioning latents are not. */
  scaling_factor: z.number().positive().default(0.18215),
  shift_factor: only(null),
  latents_mean: only(null),
  latents_std: only(null),
  use_quant_conv: z.boolean().default(true),
  use_post_quant_conv: z.boolean().default(true),
  mid_block_add_attention: z.boolean().default(true),
});
export type AutoencoderConfig = z.infer<typeof autoencoderConfigSchema>;

/** `vae/config.json` of the small models: no weights, each factor x factor patch becomes channels. */
export const spaceToDepthConfigSchema = z.object({
  _class_name: z.literal("SpaceToDepth"),
  in_channels: only(3),
  factor: z.int().min(1).default(4),
  basis: z.enum(["pixels", "dct"]).default("pixels"),
});
export type SpaceToDepthConfig = z.infer<typeof spaceToDepthConfigSchema>;

export const vaeConfigSchema = z.discriminatedUnion("_class_name", [spaceToDepthConfigSchema, autoencoderConfigSchema]);
export type VaeConfig = z.infer<typeof vaeConfigSchema>;

/** `scheduler/scheduler_config.json`; keys left out mean what their class means by them, so nothing is defaulted here. */
export const schedulerConfigSchema = z.object({
  _class_name: z.string().optional(),
  num_train_timesteps: count.optional(),
  beta_start: z.number().positive().optional(),
  beta_end: z.number().positive().optional(),
  beta_schedule: z.enum(["linear", "scaled_linear", "squaredcos_cap_v2"]).optional(),
  trained_betas: z.array(z.number()).nullable().optional(),
  prediction_type: z.enum(["epsilon", "sample", "v_prediction"]).optional(),
  timestep_spacing: z.enum(["leading", "linspace", "trailing"]).optional(),
  steps_offset: z.int().optional(),
  rescale_betas_zero_snr: z.boolean().optional(),
  set_alpha_to_one: z.boolean().optional(),
  clip_sample: z.boolean().optional(),
  clip_sample_range: z.number().positive().optional(),
  skip_prk_steps: z.boolean().optional(),
  use_karras_sigmas: z.boolean().optional(),
  final_sigmas_type: z.enum(["zero", "sigma_min"]).optional(),
  solver_order: count.optional(),
  lower_order_final: z.boolean().optional(),
  euler_at_final: z.boolean().optional(),
  original_inference_steps: count.optional(),
  timestep_scaling: z.number().positive().optional(),
  // Which of their values can be honoured depends on the class: src/diffusion/scheduler-classes.ts.
  algorithm_type: z.string().optional(),
  solver_type: z.string().optional(),
  variance_type: z.string().nullable().optional(),
  predict_x0: z.boolean().optional(),
  disable_corrector: z.array(z.int()).optional(),
  solver_p: z.unknown().optional(),
  thresholding: z.boolean().optional(),
  use_exponential_sigmas: z.boolean().optional(),
  use_beta_sigmas: z.boolean().optional(),
  use_lu_lambdas: z.boolean().optional(),
  use_flow_sigmas: z.boolean().optional(),
  lambda_min_clipped: z
    .union([z.number(), z.literal(Number.NEGATIVE_INFINITY)])
    .nullable()
    .optional(),
  interpolation_type: z.string().optional(),
  timestep_type: z.string().optional(),
  sigma_min: z.number().nullable().optional(),
  sigma_max: z.number().nullable().optional(),
});
export type SchedulerConfig = z.infer<typeof schedulerConfigSchema>;

/** A special token: the text, or transformers' long form of it. */
const token = z.union([z.string(), z.object({ content: z.string() }).transform(({ content }) => content)]);

/** `tokenizer/tokenizer_config.json`: transformers' CLIPTokenizer. */
export const tokenizerConfigSchema = z.object({
  tokenizer_class: z.string().default("CLIPTokenizer"),
  model_max_length: count.default(77),
  bos_token: token.default("<|startoftext|>"),
  eos_token: token.default("<|endoftext|>"),
  unk_token: token.default("<|endoftext|>"),
  pad_token: token.default("<|endoftext|>"),
});
export type TokenizerConfig = z.infer<typeof tokenizerConfigSchema>;

/** `model_index.json`: which class each sub-folder holds, as [library, class]. */
export const modelIndexSchema = z.looseObject({ _class_name: z.string() });

export const taskNameSchema = z.enum(["segmentation", "detection", "depth", "classification"]);

/** `instructcv.json`: what the checkpoint does when the caller says nothing. The defaults are the paper's. */
export const defaultsSchema = z.object({
  format: only("instructcv/1"),
  /** Shown in results; the folder's name when left out. */
  name: z.string().optional(),
  /** Side of drawings, pixels; see `fit`. */
  resolution: count.default(512),
  /** `squash`: the whole photo to a square of that side. `crop`: its aspect is kept, that is about the longer side. */
  fit: z.enum(["squash", "crop"]).default("squash"),
  steps: count.default(100),
  sampler: z.enum(["ddim", "plms", "euler", "euler-ancestral", "heun", "dpm++2m", "unipc", "lcm"]).optional(),
  /** Scale 1 of both is a single evaluation a step. */
  guidance: z.object({ text: z.number(), image: z.number() }).default({ text: 7.5, image: 1.5 }),
  /** The network was trained on zeros in place of the noisy latents where they are nothing but noise (zero terminal SNR). */
  blank_pure_noise: z.boolean().default(false),
  /** Width of drawn box outlines as a share of the box's shorter side; null for the paper's 4 pixels. */
  box_outline: z.number().positive().max(0.5).nullable().default(null),
  /** How the grey of a depth map tells metres: linear from 0 to 10 m as in the paper, or logarithmic from 0.5 to 10 m. */
  depth_grey: z.enum(["linear", "log"]).default("linear"),
  /** Draw the mirrored photo too and average both drawings: twice the time, steadier answers. */
  mirror: z.boolean().default(false),
  /** Let the network read the task's template with what was asked for in it, instead of the sentence as it was worded. */
  restate: z.boolean().default(false),
  tasks: z.array(taskNameSchema).min(1).default(["segmentation", "detection", "depth", "classification"]),
  /** Categories seen in training; others may be asked for, at the asker's risk. */
  categories: z.array(z.string()).default([]),
});
export type Defaults = z.infer<typeof defaultsSchema>;

/** Those of a checkpoint that was not made here: the paper's, and the photo's aspect is kept. */
export const foreignDefaults: Defaults = defaultsSchema.parse({ fit: "crop" });
