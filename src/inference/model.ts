/** A loaded checkpoint: its sessions, tokenizer and schedule; turns a photo and a sentence into a drawn picture. */
import { dirname } from "node:path";
import { type GuidanceScales, guided } from "../diffusion/guidance.js";
import { configFor, type SamplerName, samplerFor, samplers } from "../diffusion/samplers/registry.js";
import { makeSchedule } from "../diffusion/schedule.js";
import type { FloatPicture, Picture, Size } from "../image/picture.js";
import { ClipTokenizer } from "../models/tokenizer.js";
import { createRng } from "../random.js";
import { ConditionedNetwork, type Evaluation } from "./conditioned-network.js";
import { Latents, type Tiles } from "./latents.js";
import { type NetworkSource, networksFor } from "./networks.js";
import { SessionCache } from "./session-cache.js";
import { checkFit, openSource, type WeightOptions } from "./source.js";
import { Texts } from "./texts.js";

export interface ModelOptions extends WeightOptions {
  readonly threads: number;
}

export interface DrawOptions {
  readonly steps: number;
  readonly seed: number;
  readonly guidance: GuidanceScales;
  readonly sampler: SamplerName;
  /** Encode and decode in tiles. @default "auto": above 768x768 pixels */
  readonly tiles?: Tiles;
  /** Standard normal values in place of the seed's: first one for each latent, then what the sampler asks for. */
  readonly noise?: () => number;
  readonly signal?: AbortSignal;
  /** After every step; the sampler waits for it. `preview` draws what the model sees by now. */
  readonly onStep?: (step: number, steps: number, preview: () => Promise<FloatPicture>) => unknown;
  /** Before every evaluation of the network, with what goes into it: for calibration. */
  readonly onEvaluation?: (inputs: Evaluation) => void;
}

/** Milliseconds of each phase. */
export interface DrawTimings {
  encode: number;
  denoise: number;
  decode: number;
}

export class LoadedModel {
  readonly latents: Latents;
  readonly #texts: Texts;
  readonly #network: ConditionedNetwork;

  private constructor(
    readonly folder: NetworkSource,
    tokenizer: ClipTokenizer,
    private readonly sessions: SessionCache,
  ) {
    this.latents = new Latents(folder, sessions);
    this.#texts = new Texts(folder, tokenizer, sessions);
    this.#network = new ConditionedNetwork(folder, tokenizer.maxLength, sessions);
  }

  /** Opens and checks every part. Throws InstructCvError("checkpoint") naming the file that is wrong. */
  static async open(path: string, options: ModelOptions): Promise<LoadedModel> {
    const folder = await openSource(path, options);
    const tokenizer = await ClipTokenizer.fromFiles(dirname(folder.tokenizer.vocabPath));
    checkFit(folder, tokenizer);
    const model = new LoadedModel(folder, tokenizer, new SessionCache(options.threads, OPEN_SESSIONS));
    const { resolution, fit } = folder.defaults;
    const square = { width: resolution, height: resolution };
    // Drawings that follow the photo's aspect may never have this size: their graphs are made, and with that their weights checked.
    if (fit === "squash") await model.prepare(square);
    else networksFor(folder, square, tokenizer.maxLength);
    return model;
  }

  /** Opens what drawing pictures of this size needs, which otherwise happens at the first one. */
  async prepare(picture: Size): Promise<void> {
    const parts = [
      () => this.#texts.open(),
      () => this.#network.open(this.latents.sizeFor(picture)),
      () => this.latents.openEncoder(picture),
      () => this.latents.openDecoder(picture),
    ];
    // A thread that ends while ONNX Runtime still opens a session takes the process down: let all of them settle first.
    const opened = await Promise.allSettled(parts.map(async (open) => open()));
    const failure = opened.find((result) => result.status === "rejected");
    if (!failure) return;
    await this.close();
    throw failure.reason;
  }

  get sampler(): SamplerName {
    return this.folder.defaults.sampler ?? samplerFor(this.folder.scheduler._class_name);
  }

  /** Sides of `photo` are multiples of the autoencoder's factor; the drawing has its size. */
  async draw(
    photo: Picture,
    instruction: string,
    options: DrawOptions,
  ): Promise<{ drawn: FloatPicture; latents: Float32Array; timings: DrawTimings }> {
    const { steps, guidance, signal, onStep, onEvaluation, tiles } = options;
    const schedule = makeSchedule(configFor(this.folder.scheduler, options.sampler));
    const clock = stopwatch();

    const text = await this.#texts.states(instruction);
    const empty = await this.#texts.states("");
    signal?.throwIfAborted();
    const image = await this.latents.encode(photo, tiles);
    const encode = clock();

    const rng = createRng(options.seed);
    const noise = options.noise ?? (() => rng.normal());
    const initial = Float32Array.from({ length: image.length }, noise);
    const size = this.latents.sizeFor(photo);
    const model = guided(
      (noisy, timestep, conditions) =>
        this.#network.predict({
          noisy,
          timestep,
          conditions,
          image,
          text,
          empty,
          size,
          schedule,
          signal,
          onEvaluation,
        }),
      guidance,
    );
    const latents = await samplers[options.sampler](schedule, model, initial, {
      steps,
      noise,
      ...(signal && { signal }),
      onStep: async ({ step, denoised }) => {
        await onStep?.(step, steps, () => this.latents.preview(denoised, photo));
      },
    });
    const denoise = clock();
    signal?.throwIfAborted();
    const drawn = await this.latents.decode(latents, photo, tiles);
    return { drawn, latents, timings: { encode, denoise, decode: clock() } };
  }

  close(): Promise<void> {
    return this.sessions.close();
  }
}

/** Two sizes of drawings at once (denoiser, under one and under three conditions, encoder, decoder) and the three parts of any size. */
const OPEN_SESSIONS = 11;

/** Milliseconds since the last call. */
function stopwatch(): () => number {
  let last = performance.now();
  return () => {
    const now = performance.now();
    const elapsed = now - last;
    last = now;
    return elapsed;
  };
}
