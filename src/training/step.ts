/** One training step's loss: InstructPix2Pix conditioning, noising, prediction and its weighted squared error. */
import { noiseLevel, sampleMix, targetMix } from "../diffusion/prediction.js";
import type { Schedule } from "../diffusion/schedule.js";
import { createRng, type Rng } from "../random.js";
import type { Ops, Tensor } from "../tensor/tensor.js";
import type { Batch } from "./batch.js";
import { conditioningOf } from "./conditioning.js";
import type { TrainConfig } from "./config.js";
import { type EncodedBatch, isEncoded } from "./encoded/batch.js";
import type { Models } from "./models.js";
import type { StepNoise } from "./noise.js";
import type { PhotoBatch } from "./photos.js";
import { pixelLosses } from "./pixel-loss.js";
import { snrWeight, weightedSquares } from "./weighting.js";

/** The random choices of a step for B samples, made outside the engine so that they replay from (seed, step). */
export interface Draws {
  /** 0..T-1. */
  readonly timesteps: readonly number[];
  readonly keepText: readonly boolean[];
  readonly keepImage: readonly boolean[];
}

export interface StepOptions {
  readonly loss: TrainConfig["loss"];
  readonly schedule: Schedule;
  /** Show the network zeros in place of latents that are nothing but noise. @default false */
  readonly blankPureNoise?: boolean;
  /** Ids of the empty instruction, for text dropout. */
  readonly emptyIds: readonly bigint[];
}

/** Timesteps (a share exactly at T-1, the others as `early_timesteps` says) and conditioning dropout. */
export function drawStep(size: number, { loss, schedule }: StepOptions, rng: Rng): Draws {
  const { text, image, both } = loss.dropout;
  const timesteps: number[] = [];
  const keepText: boolean[] = [];
  const keepImage: boolean[] = [];
  for (let i = 0; i < size; i++) {
    const terminal = rng.next() < loss.terminal_share;
    const other = Math.floor(rng.next() ** (1 / (1 + loss.early_timesteps)) * schedule.length);
    timesteps.push(terminal ? schedule.length - 1 : other);
    const drop = rng.next();
    keepText.push(!(drop < text || (drop >= text + image && drop < text + image + both)));
    keepImage.push(!(drop >= text && drop < text + image + both));
  }
  return { timesteps, keepText, keepImage };
}

/** `drawStep` for one (seed, step). */
export function drawsOf(seed: number, step: number, size: number, options: StepOptions): Draws {
  return drawStep(size, options, createRng(`${seed}/draws/${step}`));
}

export interface StepLoss {
  /** Scalar, weighted, to differentiate. */
  readonly loss: Tensor;
  /** [B] float32, error of each sample with pixel weights but without task weights: squared, or that of `loss.space` pixels. */
  readonly perSample: Tensor;
  /** Scalar in nats, unweighted; null without the heads. */
  readonly sentence: Tensor | null;
  /** [B, Z, h, w] float32: what the network said, and what it was given. */
  readonly prediction: Tensor;
  readonly noisy: Tensor;
}

/** Forward pass of a batch; the same Ops that hold the bound models make all tensors. */
export function stepLoss(
  ops: Ops,
  models: Models,
  batch: Batch | EncodedBatch,
  draws: Draws,
  { latents: noise, posterior, perturbation }: StepNoise,
  options: StepOptions,
): StepLoss {
  const { codec } = models;
  const { schedule, loss } = options;
  models.adapter?.merge(ops);
  const B = draws.timesteps.length;
  const given = conditioningOf(ops, models, batch, draws.keepText, posterior, options.emptyIds);
  const targetLatents = ops.mul(given.target, codec.scale);
  const perRow = (f: (i: number) => number) =>
    ops.constant(
      Float32Array.from({ length: B }, (_, i) => f(i)),
      [B, 1, 1, 1],
    );

  const levels = draws.timesteps.map((t) => noiseLevel(schedule, t));
  const mixes = levels.map((level) => targetMix(schedule.predictionType, level));
  const signal = perRow((i) => levels[i]!.signal);
  const spread = perRow((i) => levels[i]!.noise);
  const seen = perturbation ? ops.add(noise, perturbation) : noise;
  const noisy = ops.add(ops.mul(targetLatents, signal), ops.mul(seen, spread));
  const wanted = ops.add(
    ops.mul(
      targetLatents,
      perRow((i) => mixes[i]!.a),
    ),
    ops.mul(
      noise,
      perRow((i) => mixes[i]!.b),
    ),
  );

  // At zero SNR the noise says nothing about the target; seeing it only teaches the network, slowly, to ignore it.
  const blanked = (x: Tensor) =>
    ops.mul(
      x,
      perRow((i) => (levels[i]!.signal === 0 ? 0 : 1)),
    );
  const condition = ops.mul(
    given.image,
    perRow((i) => (draws.keepImage[i] ? 1 : 0)),
  );
  let text: Tensor | null = null;
  const output = models.unet.forward(ops, {
    sample: ops.concat([options.blankPureNoise ? blanked(noisy) : noisy, condition], 1),
    timestep: ops.constant(Float32Array.from(draws.timesteps), [B]),
    encoderHiddenStates: given.text,
    onText: (vector) => {
      text = vector;
    },
  });
  const prediction = ops.cast(output, "float32");

  const drawnPicture = () => {
    const toSample = levels.map((level) => sampleMix(schedule.predictionType, level));
    const predicted = ops.mul(
      prediction,
      perRow((i) => toSample[i]!.a),
    );
    const rest = ops.mul(
      noisy,
      perRow((i) => toSample[i]!.b),
    );
    return codec.decode(ops, ops.div(ops.add(predicted, rest), codec.scale));
  };
  // Recipes whose loss needs more than latents are not encoded (encoded/settings.ts).
  const pictures = isEncoded(batch) ? null : batch;
  const perSample =
    pictures && loss.space === "pixels"
      ? pixelLosses(ops, pictures, drawnPicture())
      : ops.mean(weightedSquares(ops, models, batch, ops.sub(prediction, wanted)), [1, 2, 3]);
  const weights = batch.tasks.map(
    (task, i) => loss.weights[task] * snrWeight(schedule, draws.timesteps[i]!, loss.min_snr_gamma),
  );
  const drawn = ops.mean(ops.mul(perSample, ops.constant(Float32Array.from(weights), [B])));
  const { auxiliary } = models;
  const sentence = auxiliary && text && pictures ? auxiliary.sentenceLoss(ops, text, pictures, draws.keepText) : null;
  const total = sentence ? ops.add(drawn, ops.mul(sentence, loss.auxiliary.sentence)) : drawn;
  return { loss: total, perSample, sentence, prediction, noisy };
}

/** The losses of the heads on photos, unweighted; the finer half of the network is not needed for them. */
export function photoLosses(ops: Ops, models: Models, photos: PhotoBatch, options: StepOptions) {
  const B = photos.shown.length;
  const S = Math.sqrt(photos.image.length / B / 3);
  models.adapter?.merge(ops);
  const image = models.codec.encode(ops, ops.constant(photos.image, [B, 3, S, S]));
  const { questions } = photos;
  const ids = ops.constant(photos.ids, [B, photos.ids.length / B]);
  const middle = models.unet.middle(ops, {
    sample: ops.concat([ops.mul(image, 0), image], 1),
    timestep: ops.constant(new Float32Array(B).fill(options.schedule.length - 1), [B]),
    encoderHiddenStates: models.textEncoder.forward(ops, ids),
  });
  const heads = models.auxiliary!;
  return {
    presence: heads.presenceLoss(ops, middle, photos.shown),
    extent: heads.extentLoss(ops, middle, photos.extents),
    asked:
      questions.length > 0
        ? heads.askedLoss(
            ops,
            middle,
            questions.map(({ present }) => present),
          )
        : null,
  };
}
