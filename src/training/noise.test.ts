import { expect, test } from "vitest";
import { tinyConfig } from "../../tests/helpers/tiny-training.js";
import { AutoencoderKL } from "../models/autoencoder.js";
import { SpaceToDepth } from "../models/space-to-depth.js";
import { createTorch } from "../tensor/torch/index.js";
import type { Models } from "./models.js";
import { drawNoise } from "./noise.js";

const torch = createTorch({ threads: 1 });
const shape = [2, 4, 8, 8] as const;
const { loss } = await tinyConfig();
const spread = { vae: new AutoencoderKL({ block_out_channels: [32] } as never) } as Models;
const plain = { vae: new SpaceToDepth({ factor: 4 } as never) } as Models;

/** What `drawNoise` draws with these settings from one seed, as numbers. */
function draw(models: Models, changes: Partial<typeof loss>) {
  return torch.tidy(() => {
    torch.manualSeed(5);
    const { latents, posterior, perturbation } = drawNoise(torch, models, { ...loss, ...changes }, shape);
    const read = (t: typeof posterior) => t && torch.read(t);
    return { latents: torch.read(latents), posterior: read(posterior), perturbation: read(perturbation) };
  });
}
/** The generator's first, second and so on numbers of these sizes. */
function stream(...shapes: (readonly number[])[]) {
  torch.manualSeed(5);
  return shapes.map((one) => torch.tidy(() => torch.read(torch.randn(one))));
}

test("by default only the latents' noise is drawn, and the posterior's after it where there is one", () => {
  const [first, second] = stream(shape, shape);
  expect(draw(plain, {})).toEqual({ latents: first, posterior: null, perturbation: null });
  expect(draw(spread, {})).toEqual({ latents: first, posterior: second, perturbation: null });
  expect(draw(spread, { target_latents: "mode" }).posterior).toBeNull();
});

test("offset noise adds one normal number, scaled, to every position of a channel", () => {
  const [first, offsets] = stream(shape, [2, 4, 1, 1]);
  const expected = first!.map((value, i) => value + 0.1 * offsets![Math.floor(i / 64)]!);
  const { latents } = draw(plain, { offset_noise: 0.1 });
  expect(latents.every((value, i) => Math.abs(value - expected[i]!) < 1e-6)).toBe(true);
  expect(offsets!.every((value) => Math.abs(value) > 1e-3)).toBe(true);
});

test("input perturbation is noise of its own", () => {
  const [, second] = stream(shape, shape);
  const { perturbation } = draw(plain, { input_perturbation: 0.2 });
  expect(perturbation!.every((value, i) => Math.abs(value - 0.2 * second![i]!) < 1e-7)).toBe(true);
});
