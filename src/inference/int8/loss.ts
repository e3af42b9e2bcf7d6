/** What quantising a checkpoint costs: its predictions, its drawings and the answers read from them, beside the float network's. */
import type { SafetensorsFile } from "../../checkpoints/safetensors.js";
import { guided } from "../../diffusion/guidance.js";
import { noiseLevel } from "../../diffusion/prediction.js";
import { configFor, samplers } from "../../diffusion/samplers/registry.js";
import { makeSchedule } from "../../diffusion/schedule.js";
import type { FloatPicture, Picture } from "../../image/picture.js";
import type { ParsedInstruction } from "../../instructions/index.js";
import { createRng } from "../../random.js";
import { getTask } from "../../tasks/registry.js";
import type { ArrayTensor, Session } from "../../tensor/onnx/session.js";
import type { Evaluation } from "../conditioned-network.js";
import { Latents } from "../latents.js";
import type { DrawOptions, LoadedModel } from "../model.js";
import { latentSpace } from "../networks.js";
import { SessionCache } from "../session-cache.js";
import { type Agreement, agreementOf } from "./agreement.js";
import { separate } from "./calibrate.js";
import { openDenoiser } from "./graph.js";

/** A photo at the model's size and what is asked about it. */
export interface Drawing {
  readonly photo: Picture;
  /** As the network reads it. */
  readonly text: string;
  readonly parsed: ParsedInstruction;
  readonly seed: number;
}

export interface Loss {
  /** |int8 - float| / |float| over all predictions along the float network's drawings. */
  readonly prediction: number;
  /** Peak signal-to-noise ratio between the drawings, dB, of the mean squared error over all; white is the peak. */
  readonly psnr: number;
  readonly agreement: readonly Agreement[];
  /** PSNR as above of the quantised autoencoder alone: photos encoded and decoded, and the float network's drawings decoded. */
  readonly autoencoder?: { readonly photos: number; readonly drawings: number };
  readonly drawings: number;
}

/** Draws with both networks from the same noise, autoencoder included where its file is given. `onDrawing` is called after each. */
export async function measureLoss(
  model: LoadedModel,
  files: { readonly unet: SafetensorsFile; readonly vae?: SafetensorsFile },
  drawings: readonly Drawing[],
  options: Pick<DrawOptions, "steps" | "signal"> & { readonly threads: number; readonly onDrawing?: () => void },
): Promise<Loss> {
  const { folder } = model;
  const { unet, vae } = folder;
  const quantised = {
    ...{ ...folder, unet: { ...unet, weights: files.unet } },
    ...(files.vae && { vae: { ...vae, weights: files.vae } }),
  };
  const { steps, signal, threads, onDrawing } = options;
  const drawing = { steps, guidance: folder.defaults.guidance, sampler: model.sampler, ...(signal && { signal }) };
  const pairs: Parameters<typeof agreementOf>[0][number][] = [];
  let sessions: { float: Session; int8: Session } | undefined;
  const cache = new SessionCache(threads, 2);
  const latents = files.vae ? new Latents(quantised, cache) : model.latents;
  const [predictions, pictures] = [new SquaredError(), new SquaredError()];
  const [decodedPhotos, decodedDrawings] = [new SquaredError(), new SquaredError()];
  try {
    for (const { photo, text, parsed, seed } of drawings) {
      const evaluations: Evaluation[] = [];
      const onEvaluation = (inputs: Evaluation) => evaluations.push(...separate(inputs));
      const { drawn: float, latents: end } = await model.draw(photo, text, { ...drawing, seed, onEvaluation });
      sessions ??= {
        float: await openDenoiser(folder, evaluations[0]!, threads),
        int8: await openDenoiser(quantised, evaluations[0]!, threads),
      };
      for (const evaluation of evaluations) {
        signal?.throwIfAborted();
        predictions.add(await predict(sessions.float, evaluation), await predict(sessions.int8, evaluation));
        await new Promise(setImmediate);
      }
      const image = await latents.encode(photo);
      if (files.vae) {
        const { scale } = latentSpace(vae.config);
        const again = async (by: Latents, encoded: Float32Array) =>
          clipped(
            await by.decode(
              encoded.map((value) => value * scale),
              photo,
            ),
          );
        decodedPhotos.add(await again(model.latents, await model.latents.encode(photo)), await again(latents, image));
        decodedDrawings.add(clipped(float), clipped(await latents.decode(end, photo)));
      }
      // Those without an image have zeros in its place.
      const conditions = evaluations.map(({ image: given, ...rest }) => ({
        ...rest,
        image: given.data.some((value) => Number(value) !== 0) ? { ...given, data: image } : given,
      }));
      const drawnInt8 = { folder, latents, session: sessions.int8 };
      const int8 = await drawInt8(drawnInt8, photo, conditions, { ...drawing, seed });
      pictures.add(clipped(float), clipped(int8));
      const task = getTask(parsed.task, folder.defaults);
      const read = (drawn: FloatPicture) => task.decode(drawn, photo, parsed.slots, photo);
      pairs.push([read(float), read(int8)]);
      onDrawing?.();
    }
  } finally {
    await sessions?.float.close();
    await sessions?.int8.close();
    await cache.close();
  }
  return {
    prediction: Math.sqrt(predictions.error / predictions.energy),
    psnr: pictures.psnr,
    agreement: agreementOf(pairs),
    ...(files.vae && { autoencoder: { photos: decodedPhotos.psnr, drawings: decodedDrawings.psnr } }),
    drawings: drawings.length,
  };
}

/** As `model.draw`; `evaluations`: first those of its conditions, of which images and texts are taken. */
async function drawInt8(
  { folder, latents, session }: Pick<LoadedModel, "folder" | "latents"> & { readonly session: Session },
  photo: Picture,
  evaluations: readonly Evaluation[],
  options: Omit<DrawOptions, "onStep" | "onEvaluation">,
): Promise<FloatPicture> {
  const { steps, seed, guidance, sampler, signal } = options;
  const schedule = makeSchedule(configFor(folder.scheduler, sampler));
  const { length } = evaluations[0]!.noisy.data;
  const denoiser = guided(async (noisy, time, conditions) => {
    const blank = folder.defaults.blank_pure_noise && noiseLevel(schedule, time).signal === 0;
    const inputs: Pick<Evaluation, "noisy" | "timestep"> = {
      noisy: { data: blank ? new Float32Array(length) : noisy, shape: evaluations[0]!.noisy.shape },
      timestep: { data: Float32Array.of(time), shape: [1] },
    };
    const outputs: Float32Array[] = [];
    for (const i of conditions.keys()) outputs.push(await predict(session, { ...evaluations[i]!, ...inputs }));
    return outputs;
  }, guidance);
  const rng = createRng(seed);
  const noise = () => rng.normal();
  const initial = Float32Array.from({ length }, noise);
  const drawn = await samplers[sampler](schedule, denoiser, initial, { steps, noise, ...(signal && { signal }) });
  return latents.decode(drawn, photo);
}

async function predict(session: Session, evaluation: Evaluation): Promise<Float32Array> {
  const { prediction } = await session.run(evaluation as unknown as Record<string, ArrayTensor>);
  return prediction!.data as Float32Array;
}

class SquaredError {
  error = 0;
  energy = 0;
  count = 0;
  add(expected: Float32Array, found: Float32Array): void {
    for (const [i, value] of expected.entries()) {
      this.error += (found[i]! - value) ** 2;
      this.energy += value ** 2;
    }
    this.count += expected.length;
  }
  /** dB, of values in 0..1. */
  get psnr(): number {
    return -10 * Math.log10(this.error / this.count);
  }
}

const clipped = ({ data }: FloatPicture) => data.map((value) => Math.min(1, Math.max(0, value)));
