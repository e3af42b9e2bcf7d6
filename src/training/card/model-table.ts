/** The card's table of what the model is. */
import { table } from "../../corpus/export/markdown.js";
import { type CardFacts, nameOf } from "./facts.js";

export function modelTable({ config, defaults, textConfig, parameters, bytes }: CardFacts): string {
  const { unet, vae, scheduler, init, lora, resolution } = config.model;
  const autoencoder =
    vae._class_name === "SpaceToDepth"
      ? `none: ${vae.factor} x ${vae.factor} pixels are ${3 * vae.factor ** 2} channels (SpaceToDepth, ${vae.basis})`
      : `AutoencoderKL, ${2 ** (vae.block_out_channels.length - 1)} pixels a latent position, ${vae.latent_channels} channels, ${millions(parameters.vae)} parameters, not trained`;
  const { text, image } = defaults.guidance;
  const rows = [
    [
      "denoiser",
      `UNet2DConditionModel, ${unet.block_out_channels.join("/")} channels, ${millions(parameters.unet)} parameters`,
    ],
    [
      "text encoder",
      `CLIPTextModel, ${textConfig.num_hidden_layers} layers of ${textConfig.hidden_size}, ${textConfig.max_position_embeddings} tokens, vocabulary of ${textConfig.vocab_size}, ${millions(parameters.text_encoder)} parameters, ${config.optimizer.train_text_encoder ? "trained" : "not trained"}`,
    ],
    ["autoencoder", autoencoder],
    ["picture", `${resolution} x ${resolution} pixels`],
    [
      "prediction",
      `${scheduler.prediction_type ?? "epsilon"}${scheduler.rescale_betas_zero_snr ? ", zero terminal SNR" : ""}`,
    ],
    [
      "drawing by default",
      `${defaults.steps} step${defaults.steps === 1 ? "" : "s"}, ${defaults.sampler ?? scheduler._class_name ?? "DDIMScheduler"}, guidance ${text} (text) and ${image} (photo)`,
    ],
    ["started from", init === null ? "fresh weights" : nameOf(init)],
    ...(lora
      ? [["adapter", `LoRA, rank ${lora.rank}, alpha ${lora.alpha ?? lora.rank}, on ${lora.targets.join(", ")}`]]
      : []),
    ["files", `${(bytes / 1e6).toFixed(1)} MB, ${config.output.weights}, safetensors`],
  ];
  return table(["", ""], rows);
}

function millions(n: number): string {
  return n >= 1e6 ? `${(n / 1e6).toFixed(1)}M` : `${n}`;
}
