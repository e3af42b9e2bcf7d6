/** Every model gives the numbers of diffusers and transformers, on both tensor engines, from their weights. */
import { describe, expect, it } from "vitest";
import { AutoencoderKL } from "../../src/models/autoencoder.js";
import type { AutoencoderConfig } from "../../src/models/autoencoder-config.js";
import { CLIPTextModel } from "../../src/models/clip-text.js";
import type { ClipTextConfig } from "../../src/models/clip-text-config.js";
import { UNet2DConditionModel } from "../../src/models/unet.js";
import type { UNetConfig } from "../../src/models/unet-config.js";
import { engines, maxDifference, readGolden } from "./engines.js";

const tolerance = 2e-5;

describe.each(engines)("$name engine", (engine) => {
  it.each(["unet-plain", "unet-linear", "unet-nano"])("UNet2DConditionModel: %s", async (name) => {
    const golden = await readGolden<UNetConfig>(name);
    const unet = new UNet2DConditionModel(golden.config);
    const { sample } = await engine.run(golden, [unet], (ops, inputs) => ({
      sample: unet.forward(ops, {
        sample: inputs.sample!,
        timestep: inputs.timestep!,
        encoderHiddenStates: inputs.encoder_hidden_states!,
      }),
    }));
    expect(maxDifference(sample, golden.group("outputs").sample!)).toBeLessThan(tolerance);
  });

  it.each(["autoencoder", "autoencoder-bare"])("AutoencoderKL: %s", async (name) => {
    const golden = await readGolden<AutoencoderConfig>(name);
    const vae = new AutoencoderKL(golden.config);
    const found = await engine.run(golden, [vae], (ops, { image, latents }) => ({
      ...vae.encode(ops, image!),
      decoded: vae.decode(ops, latents!),
    }));
    const expected = golden.group("outputs");
    expect(maxDifference(found.mean, expected.mean!)).toBeLessThan(tolerance);
    expect(maxDifference(found.logvar, expected.logvar!)).toBeLessThan(tolerance);
    expect(maxDifference(found.decoded, expected.decoded!)).toBeLessThan(tolerance);
  });

  it.each(["clip-quick-gelu", "clip-gelu"])("CLIPTextModel: %s", async (name) => {
    const golden = await readGolden<ClipTextConfig>(name);
    const text = new CLIPTextModel(golden.config);
    const { states } = await engine.run(golden, [text], (ops, { ids }) => ({ states: text.forward(ops, ids!) }));
    expect(maxDifference(states, golden.group("outputs").states!)).toBeLessThan(tolerance);
  });
});
