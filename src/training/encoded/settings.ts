/** Which recipes can be encoded, and the keys of a recipe that decide what an encoding holds. */
import { InstructCvError } from "../../errors.js";
import type { TrainConfig } from "../config.js";

/** Values by the recipe's dotted keys. */
export type Settings = Readonly<Record<string, unknown>>;

/**
 * Keys that change the examples, their latents or their sentences' states. What decides only how often an example is drawn may change
 * after the encoding (data.weights, negatives, category_balance, everything of the optimizer and the schedule).
 */
export function settingsOf({ seed, model, data, loss }: TrainConfig): Settings {
  return {
    seed,
    "model.resolution": model.resolution,
    "model.vae": model.vae,
    "model.text_encoder": model.text_encoder,
    "data.train_split": data.train_split,
    "data.template_share": data.template_share,
    "data.word_noise": data.word_noise,
    "data.pairs": data.pairs,
    "data.redraw_colours": data.redraw_colours,
    "data.flip": data.flip,
    "data.crop": data.crop,
    "data.depth_zoom": data.depth_zoom,
    "data.jitter": data.jitter,
    "loss.detection_pixels": loss.detection_pixels,
  };
}

/** The keys whose values differ, in the order of `expected`; the order of keys inside a value does not matter. */
export function differing(expected: Settings, found: Settings): string[] {
  return Object.keys(expected).filter((key) => canonical(expected[key]) !== canonical(found[key]));
}

/** Throws InstructCvError("config") that names the key for a recipe whose step needs more than the UNet. */
export function checkEncodable(config: TrainConfig): void {
  const { model, loss, optimizer } = config;
  const { sentence, photos } = loss.auxiliary;
  const refuse = (key: string, expected: string, found: unknown) => {
    throw new InstructCvError(
      "config",
      `${config.name}: ${key}: an encoded corpus needs ${expected}, found ${found}.`,
      "Change the key, or train from pictures (data.encoded: null).",
    );
  };
  if (model.vae._class_name !== "AutoencoderKL")
    refuse("model.vae._class_name", "AutoencoderKL (another has nothing to save)", model.vae._class_name);
  if (optimizer.train_text_encoder)
    refuse("optimizer.train_text_encoder", "false (the states are those of the encoder as it starts)", true);
  if (loss.space !== "latents") refuse("loss.space", "latents (the pixels are not kept)", loss.space);
  if (sentence > 0 || photos > 0)
    refuse(
      "loss.auxiliary",
      "no training-only heads (they see photos that are not kept)",
      JSON.stringify(loss.auxiliary),
    );
}

/** JSON with sorted keys. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    inner !== null && typeof inner === "object" && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
