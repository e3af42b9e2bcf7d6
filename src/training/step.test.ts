import { expect, test } from "vitest";
import { tinyConfig, tinySize, tinyStore, tinyTokenizer } from "../../tests/helpers/tiny-training.js";
import { makeSchedule } from "../diffusion/schedule.js";
import { createRng } from "../random.js";
import { collate } from "./batch.js";
import { plain } from "./example.js";
import { createSession } from "./session.js";
import { drawStep, drawsOf, type StepOptions, stepLoss } from "./step.js";
import { snrWeight } from "./weighting.js";

const schedule = makeSchedule({ rescale_betas_zero_snr: true, prediction_type: "v_prediction" });
const loss: StepOptions["loss"] = {
  space: "latents",
  terminal_share: 0.5,
  early_timesteps: 0,
  target_latents: "sample",
  offset_noise: 0,
  input_perturbation: 0,
  dropout: { text: 0.1, image: 0.2, both: 0.3 },
  min_snr_gamma: null,
  weights: { segmentation: 1, detection: 1, depth: 1, classification: 1 },
  auxiliary: { sentence: 0, presence: 0, extent: 0, asked: 0, photos: 0 },
  detection_pixels: { outline: 1, copy: 1 },
};
const options: StepOptions = { loss, schedule, emptyIds: [] };

test("a share of the samples is at the last timestep, the others anywhere", () => {
  const { timesteps } = drawStep(4000, options, createRng("steps"));
  const terminal = timesteps.filter((t) => t === 999).length / 4000;
  expect(terminal).toBeCloseTo(0.5, 1);
  const others = timesteps.filter((t) => t !== 999);
  expect(Math.min(...others)).toBeLessThan(10);
  expect(others.reduce((sum, t) => sum + t, 0) / others.length).toBeGreaterThan(450);
  expect(timesteps.every((t) => Number.isInteger(t) && t >= 0 && t < 1000)).toBe(true);
});

test("early timesteps are drawn more often: at exponent 2 a share of 1 - 0.8^3 lies in the last fifth", () => {
  const early = { ...options, loss: { ...loss, terminal_share: 0, early_timesteps: 2 } };
  const { timesteps } = drawStep(8000, early, createRng("early"));
  expect(timesteps.filter((t) => t >= 800).length / 8000).toBeCloseTo(1 - 0.8 ** 3, 1);
  expect(timesteps.reduce((sum, t) => sum + t, 0) / 8000).toBeGreaterThan(735); // 3 / 4 of T
  expect(timesteps.reduce((sum, t) => sum + t, 0) / 8000).toBeLessThan(765);
});

test("conditions are dropped alone and together as often as asked", () => {
  const { keepText, keepImage } = drawStep(8000, options, createRng("drop"));
  const share = (text: boolean, image: boolean) =>
    keepText.filter((keep, i) => keep === text && keepImage[i] === image).length / 8000;
  expect(share(false, true)).toBeCloseTo(0.1, 1);
  expect(share(true, false)).toBeCloseTo(0.2, 1);
  expect(share(false, false)).toBeCloseTo(0.3, 1);
  expect(share(true, true)).toBeCloseTo(0.4, 1);
});

test("the choices of a step follow from its number", () => {
  expect(drawsOf(1, 5, 16, options)).toEqual(drawsOf(1, 5, 16, options));
  expect(drawsOf(1, 6, 16, options)).not.toEqual(drawsOf(1, 5, 16, options));
});

test("min-SNR weights by prediction type", () => {
  const plain = makeSchedule({ prediction_type: "epsilon" });
  const t = plain.alphasCumprod.findIndex((alpha) => alpha / (1 - alpha) < 5);
  const snrOf = (at: number) => plain.alphasCumprod[at]! / (1 - plain.alphasCumprod[at]!);
  expect(snrWeight(plain, 0, null)).toBe(1);
  expect(snrWeight(plain, 0, 5)).toBeCloseTo(5 / snrOf(0), 12);
  expect(snrWeight(plain, t, 5)).toBeCloseTo(1, 12);
  const v = makeSchedule({ prediction_type: "v_prediction" });
  expect(snrWeight(v, t, 5)).toBeCloseTo(snrOf(t) / (snrOf(t) + 1), 12);
  expect(snrWeight(makeSchedule({ prediction_type: "sample" }), 0, 5)).toBe(5);
  expect(snrWeight(schedule, 999, 5)).toBe(0);
});

test("what is drawn where a mask is unknown never reaches the loss, and the rest counts as it did", async () => {
  const config = await tinyConfig();
  const store = tinyStore();
  const session = await createSession(config, store, await tinyTokenizer());
  const { torch, models, stepOptions } = session;
  const sample = store.samples.find(({ record }) => record.task === "segmentation")!;
  const area = tinySize ** 2;
  const lossOf = (mask: Uint8Array, grey: number | null) => {
    const example = plain({ ...sample, mask }, tinySize, config);
    const target = collate([example], session.tokenizer).target.map((value, i) =>
      grey !== null && mask[i % area] === 128 ? grey : value,
    );
    const batch = { ...collate([example], session.tokenizer), target };
    const draws = { timesteps: [stepOptions.schedule.length - 1], keepText: [true], keepImage: [true] };
    return torch.noGrad(() =>
      torch.tidy(() => {
        torch.manualSeed(3);
        const latents = torch.randn([1, config.model.unet.out_channels, tinySize / 4, tinySize / 4]);
        const noise = { latents, posterior: null, perturbation: null };
        return torch.item(stepLoss(torch.ops, models, batch, draws, noise, stepOptions).loss);
      }),
    );
  };
  const half = (grey: number) => sample.mask!.map((value, i) => (i < area / 2 ? grey : value));
  const [upper, lower] = [half(128), sample.mask!.map((value, i) => (i < area / 2 ? value : 128))];
  const [first, second] = [lossOf(upper, null), lossOf(lower, null)];
  for (const grey of [-1, 0.3, 1]) expect(lossOf(upper, grey)).toBeCloseTo(first, 6);
  expect(first).toBeGreaterThan(0.01);
  // The two halves of a known mask add up to its loss: an unknown pixel gives its weight to no other.
  expect(first + second).toBeCloseTo(lossOf(sample.mask!, null), 5);
  expect(lossOf(new Uint8Array(area).fill(128), null)).toBe(0);
});

test.each([
  ["epsilon", 300, false],
  ["v_prediction", 300, false],
  ["v_prediction", 999, true],
  ["sample", 999, true],
] as const)(
  "%s at timestep %d: what the network sees and has to find, by hand",
  async (type, timestep, zeroTerminal) => {
    const config = await tinyConfig();
    const store = tinyStore();
    const { torch, models, tokenizer, stepOptions } = await createSession(config, store, await tinyTokenizer());
    const one = store.samples.find(({ record }) => record.task === "classification")!;
    const batch = collate([plain(one, tinySize, config)], tokenizer);
    const schedule = makeSchedule({ prediction_type: type, rescale_betas_zero_snr: zeroTerminal });
    const draws = { timesteps: [timestep], keepText: [true], keepImage: [true] };
    torch.noGrad(() =>
      torch.tidy(() => {
        const { ops } = torch;
        torch.manualSeed(9);
        const [latents, perturbation] = [torch.randn([1, 48, 8, 8]), torch.randn([1, 48, 8, 8])];
        const noise = { latents, posterior: null, perturbation };
        const { noisy, prediction, perSample } = stepLoss(ops, models, batch, draws, noise, {
          ...stepOptions,
          schedule,
        });
        const x = torch.read(models.codec.encode(ops, ops.constant(batch.target, [1, 3, tinySize, tinySize])));
        const [e, extra] = [torch.read(latents), torch.read(perturbation)];
        const alpha = schedule.alphasCumprod[timestep]!;
        const [signal, spread] = [Math.sqrt(alpha), Math.sqrt(1 - alpha)];
        if (zeroTerminal) expect([signal, spread]).toEqual([0, 1]);
        const seen = torch.read(noisy);
        const said = torch.read(prediction);
        let squares = 0;
        for (let i = 0; i < x.length; i++) {
          expect(Math.abs(seen[i]! - (signal * x[i]! + spread * (e[i]! + extra[i]!)))).toBeLessThan(1e-5);
          const wanted = { epsilon: e[i]!, sample: x[i]!, v_prediction: signal * e[i]! - spread * x[i]! }[type];
          squares += (said[i]! - wanted) ** 2 / x.length;
        }
        expect(torch.item(perSample)).toBeCloseTo(squares, 4);
      }),
    );
  },
);
