/** What a recipe leaves out of its networks, it has from the model that it starts from. */
import { z } from "zod";
import { type FetchOptions, openStart } from "./start-model.js";

const startedSchema = z.looseObject({ model: z.looseObject({ init: z.string() }) });
const parts = ["unet", "vae", "text_encoder", "scheduler"] as const;

/**
 * The recipe with `model.unet`, `vae`, `text_encoder` and `scheduler` as `model.init` has them, each where it is left out; a
 * text-to-image UNet gets the input channels of the photo. A recipe that gives all four, or no `init`, comes back as it is, and the
 * model is neither read nor fetched. Throws as `openStart` does for a model that cannot be had.
 */
export async function completeFromStart(recipe: unknown, options: FetchOptions = {}): Promise<unknown> {
  const started = startedSchema.safeParse(recipe);
  if (!started.success) return recipe;
  const { model } = started.data;
  if (parts.every((part) => part in model)) return recipe;
  const { unet, vae, textEncoder, scheduler } = await openStart(model.init, options);
  const { vocab_size, bos_token_id, eos_token_id, pad_token_id, ...text } = textEncoder.config;
  const inputs = Math.max(unet.config.in_channels, 2 * unet.config.out_channels);
  const own = { unet: { ...unet.config, in_channels: inputs }, vae: vae.config, text_encoder: text, scheduler };
  return { ...started.data, model: { ...own, ...model } };
}
