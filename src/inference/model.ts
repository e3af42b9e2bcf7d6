/** A loaded checkpoint: its sessions, tokenizer and schedule; turns a photo and a sentence into a drawn picture. */
import { dirname } from "node:path";
import { type CheckpointFolder, readCheckpoint } from "../checkpoints/folder.js";
import { type GuidanceScales, guided } from "../diffusion/guidance.js";
import { type SamplerName, samplerFor, samplers } from "../diffusion/samplers/registry.js";
import { makeSchedule, type Schedule } from "../diffusion/schedule.js";
import { InstructCvError } from "../errors.js";
import type { FloatPicture, Picture } from "../image/picture.js";
import { ClipTokenizer } from "../models/tokenizer.js";
import { createRng } from "../random.js";
import { ConditionedNetwork, type Evaluation } from "./conditioned-network.js";
import { Latents, type Tiles } from "./latents.js";
import { latentSpace } from "./networks.js";
import { SessionCache } from "./session-cache.js";
import { Texts } from "./texts.js";

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
  readonly #schedule: Schedule;
  readonly #texts: Texts;
  readonly #network: ConditionedNetwork;

  private constructor(
    readonly folder: CheckpointFolder,
    tokenizer: ClipTokenizer,
    private readonly sessions: SessionCache,
  ) {
    this.#schedule = makeSchedule(folder.scheduler);
    this.latents = new Latents(folder, sessions);
    this.#texts = new Texts(folder, tokenizer, sessions);
    this.#network = new ConditionedNetwork(folder, tokenizer.maxLength, this.#schedule, sessions);
  }

  /** Opens and checks every part. Throws InstructCvError("checkpoint") naming the file that is wrong. */
  static async open(dir: string, threads: number): Promise<LoadedModel> {
    const folder = await readCheckpoint(dir);
    const tokenizer = await ClipTokenizer.fromFiles(dirname(folder.tokenizer.vocabPath));
    checkFit(folder, tokenizer);
    const model = new LoadedModel(folder, tokenizer, new SessionCache(threads, OPEN_SESSIONS));
    const { resolution } = folder.defaults;
    const square = { width: resolution, height: resolution };
    const parts = [
      () => model.#texts.open(),
      () => model.#network.open(model.latents.sizeFor(square)),
      () => model.latents.openEncoder(square),
      () => model.latents.openDecoder(square),
    ];
    // A thread that ends while ONNX Runtime still opens a session takes the process down: let all of them settle first.
    const opened = await Promise.allSettled(parts.map(async (open) => open()));
    const failure = opened.find((result) => result.status === "rejected");
    if (failure) {
      await model.close();
      throw failure.reason;
    }
    return model;
  }

  get sampler(): SamplerName {
    return this.folder.defaults.sampler ?? samplerFor(this.folder.scheduler._class_name);
  }

  /** Sides of `photo` are multiples of the autoencoder's factor; the drawing has its size. */
  async draw(
    photo: Picture,
    instruction: string,
    options: DrawOptions,
  ): Promise<{ drawn: FloatPicture; timings: DrawTimings }> {
    const { steps, guidance, signal, onStep, onEvaluation, tiles } = options;
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
        this.#network.predict({ noisy, timestep, conditions, image, text, empty, size, signal, onEvaluation }),
      guidance,
    );
    const latents = await samplers[options.sampler](this.#schedule, model, initial, {
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
    return { drawn, timings: { encode, denoise, decode: clock() } };
  }

  close(): Promise<void> {
    return this.sessions.close();
  }
}

/** Two sizes of drawings at once (denoiser, under one and under three conditions, encoder, decoder) and the three parts of any size. */
const OPEN_SESSIONS = 11;

/** What no single config shows: that the parts belong together. */
function checkFit(folder: CheckpointFolder, tokenizer: ClipTokenizer): void {
  const { channels, factor } = latentSpace(folder.vae.config);
  const unet = folder.unet.config;
  const text = folder.textEncoder.config;
  const states = [unet.cross_attention_dim].flat();
  const checks: [boolean, string][] = [
    [
      unet.in_channels === 2 * channels,
      `unet in_channels ${unet.in_channels}, expected ${2 * channels} (noisy and image latents)`,
    ],
    [unet.out_channels === channels, `unet out_channels ${unet.out_channels}, expected ${channels}`],
    [
      states.every((n) => n === text.hidden_size),
      `unet cross_attention_dim ${states}, text hidden_size ${text.hidden_size}`,
    ],
    [
      tokenizer.vocabSize <= text.vocab_size,
      `tokenizer with ${tokenizer.vocabSize} tokens, text vocab_size ${text.vocab_size}`,
    ],
    [
      tokenizer.maxLength <= text.max_position_embeddings,
      `tokenizer length ${tokenizer.maxLength}, text max_position_embeddings ${text.max_position_embeddings}`,
    ],
    [
      folder.defaults.resolution % factor === 0,
      `resolution ${folder.defaults.resolution}, expected a multiple of ${factor}`,
    ],
  ];
  const wrong = checks.filter(([fits]) => !fits).map(([, problem]) => problem);
  if (wrong.length > 0) {
    const cure = "Give an instruction-tuned checkpoint (InstructPix2Pix layout).";
    throw new InstructCvError("checkpoint", `${folder.dir}: parts do not fit: ${wrong.join("; ")}.`, cure);
  }
}

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
