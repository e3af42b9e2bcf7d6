/** What a recipe says of its networks: their configs, which must fit together, and what they start from. */
import { z } from "zod";
import {
  autoencoderConfigSchema,
  defaultsSchema,
  schedulerConfigSchema,
  spaceToDepthConfigSchema,
  textEncoderConfigSchema,
  unetConfigSchema,
} from "../checkpoints/configs.js";

/** A checkpoint schema that also refuses keys it does not know. */
const strictly = <T extends z.ZodObject>(schema: T) =>
  z
    .record(z.string(), z.unknown())
    .superRefine((value, context) => {
      for (const key of Object.keys(value)) {
        if (!(key in schema.shape)) context.addIssue({ code: "custom", path: [key], message: "unknown key" });
      }
    })
    .pipe(schema);

/** `model` of a recipe. */
export const modelSchema = z
  .strictObject({
    /** Side of the square picture the model sees, pixels. */
    resolution: z.int().min(8),
    /**
     * A model to start from: a folder in diffusers layout (a text-to-image one too), a single .safetensors file, or, where no such path
     * exists, `owner/name` or `owner/name@revision` on the hub. Its weights and tokenizer, and of unet, vae, text_encoder and scheduler
     * those that the recipe leaves out. Fresh weights when null.
     */
    init: z.string().nullable().default(null),
    unet: strictly(unetConfigSchema),
    vae: z.union([strictly(spaceToDepthConfigSchema), strictly(autoencoderConfigSchema)]),
    /** vocab_size and the special ids come from the tokenizer. */
    text_encoder: strictly(
      textEncoderConfigSchema.omit({ vocab_size: true, bos_token_id: true, eos_token_id: true, pad_token_id: true }),
    ),
    scheduler: strictly(schedulerConfigSchema),
    /** Trains low-rank changes of the UNet (lora.ts) instead of its weights, which stay as `init` has them; null trains them all. */
    lora: z
      .strictObject({
        rank: z.int().min(1),
        /** The change counts alpha / rank times; null is the rank. */
        alpha: z.number().positive().nullable().default(null),
        /** The UNet's modules whose name is or ends in one of these. A text-to-image `init` needs conv_in too. */
        targets: z.array(z.string()).min(1).default(["to_q", "to_k", "to_v", "to_out.0"]),
      })
      .nullable()
      .default(null),
    /** Size of the BPE vocabulary trained on the instruction bank; not used when `init` brings a tokenizer. */
    vocab_size: z.int().min(300).default(1024),
    /** What the exported model does when the caller says nothing. */
    inference: strictly(
      defaultsSchema.pick({
        steps: true,
        sampler: true,
        guidance: true,
        blank_pure_noise: true,
        box_outline: true,
        depth_grey: true,
        mirror: true,
        restate: true,
      }),
    ),
  })
  .superRefine((config, context) => {
    const { unet, vae, text_encoder: text } = config;
    const channels = vae._class_name === "SpaceToDepth" ? 3 * vae.factor ** 2 : vae.latent_channels;
    const expect = (path: string, found: unknown, expected: unknown, why: string) => {
      if (found !== expected) {
        const message = `expected ${expected} (${why}), found ${found}`;
        context.addIssue({ code: "custom", path: path.split("."), message });
      }
    };
    expect("unet.out_channels", unet.out_channels, channels, "latent channels of the vae");
    expect("unet.in_channels", unet.in_channels, 2 * channels, "noisy target and image latents");
    expect("unet.cross_attention_dim", unet.cross_attention_dim, text.hidden_size, "text_encoder.hidden_size");
    const factor = vae._class_name === "SpaceToDepth" ? vae.factor : 2 ** (vae.block_out_channels.length - 1);
    const step = factor * 2 ** (unet.block_out_channels.length - 1);
    if (config.resolution % step !== 0) {
      const message = `expected a multiple of ${step} (the vae and the unet halve it that often), found ${config.resolution}`;
      context.addIssue({ code: "custom", path: ["resolution"], message });
    }
    if (vae._class_name === "AutoencoderKL" && config.init === null) {
      context.addIssue({
        code: "custom",
        path: ["init"],
        message: "an AutoencoderKL needs a model folder to start from",
      });
    }
  });
