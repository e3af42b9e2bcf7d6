/** A loaded checkpoint: its sessions, tokenizer and schedule; turns a photo and a sentence into a drawn picture. */
import { dirname } from "node:path";
import { type CheckpointFolder, readCheckpoint } from "../checkpoints/folder.js";
import { type Condition, type GuidanceScales, guided } from "../diffusion/guidance.js";
import { noiseLevel } from "../diffusion/prediction.js";
import { type SamplerName, samplerFor, samplers } from "../diffusion/samplers/registry.js";
import { makeSchedule, type Schedule } from "../diffusion/schedule.js";
import { InstructCvError } from "../errors.js";
import type { FloatPicture, Picture } from "../image/picture.js";
import { ClipTokenizer } from "../models/tokenizer.js";
import { createRng } from "../random.js";
import { openSession, type Session } from "../tensor/onnx/session.js";
import { decoderNetwork, encoderNetwork, latentSpace, type Network, textNetwork, unetNetwork } from "./networks.js";
import { fromPlanes, toPlanes } from "./planes.js";

export interface DrawOptions {
  readonly steps: number;
  readonly seed: number;
  readonly guidance: GuidanceScales;
  readonly sampler: SamplerName;
  readonly signal?: AbortSignal;
  readonly onStep?: (step: number, steps: number) => void;
}

/** Milliseconds of each phase. */
export interface DrawTimings {
  encode: number;
  denoise: number;
  decode: number;
}

/** Instructions whose text states are kept. */
const rememberedTexts = 256;

/**
 * Networks up to this many bytes get their weights copied into the kernels' own layout, 15% faster on a 19M UNet. Above
 * it (Stable Diffusion's UNet, 3.4 GB) they stay mapped from the file, which saves their size in memory and seconds of loading.
 */
const largestCopied = 512 * 2 ** 20;

export class LoadedModel {
  readonly #schedule: Schedule;
  readonly #sessions = new Map<string, Promise<Session>>();
  readonly #texts = new Map<string, Float32Array>();

  private constructor(
    readonly folder: CheckpointFolder,
    private readonly tokenizer: ClipTokenizer,
    private readonly threads: number,
  ) {
    this.#schedule = makeSchedule(folder.scheduler);
  }

  /** Opens and checks every part. Throws InstructCvError("checkpoint") naming the file that is wrong. */
  static async open(dir: string, threads: number): Promise<LoadedModel> {
    const folder = await readCheckpoint(dir);
    const tokenizer = await ClipTokenizer.fromFiles(dirname(folder.tokenizer.vocabPath));
    checkFit(folder, tokenizer);
    const model = new LoadedModel(folder, tokenizer, threads);
    const networks = [() => model.#text(), () => model.#unet(1), () => model.#encoder(), () => model.#decoder()];
    // A thread that ends while ONNX Runtime still opens a session takes the process down: let all of them settle first.
    const opened = await Promise.allSettled(networks.map(async (open) => open()));
    const failure = opened.find((result) => result.status === "rejected");
    if (failure) throw failure.reason;
    return model;
  }

  get sampler(): SamplerName {
    return this.folder.defaults.sampler ?? samplerFor(this.folder.scheduler._class_name);
  }

  /** `photo` is at the model's resolution; so is the drawing. */
  async draw(
    photo: Picture,
    instruction: string,
    options: DrawOptions,
  ): Promise<{ drawn: FloatPicture; timings: DrawTimings }> {
    const { steps, seed, guidance, signal, onStep } = options;
    const { channels, factor } = latentSpace(this.folder.vae.config);
    const side = this.#side;
    const clock = stopwatch();

    const states = await this.#states(instruction);
    const picture = { data: toPlanes(photo), shape: [1, 3, side * factor, side * factor] };
    const { latents: image } = await (await this.#encoder()).run({ picture });
    const imageLatents = image!.data as Float32Array;
    const encode = clock();

    const rng = createRng(seed);
    const noise = () => rng.normal();
    const initial = Float32Array.from({ length: imageLatents.length }, noise);
    const model = guided(
      (noisy, timestep, conditions) => this.#predict(noisy, timestep, conditions, imageLatents, states),
      guidance,
    );
    const latents = await samplers[options.sampler](this.#schedule, model, initial, {
      steps,
      noise,
      ...(signal && { signal }),
      onStep: ({ step }) => onStep?.(step, steps),
    });
    const denoise = clock();

    const shape = [1, channels, side, side];
    const { picture: output } = await (await this.#decoder()).run({ latents: { data: latents, shape } });
    const drawn = fromPlanes(output!.data as Float32Array, photo);
    return { drawn, timings: { encode, denoise, decode: clock() } };
  }

  async close(): Promise<void> {
    for (const session of this.#sessions.values()) await (await session).close();
    this.#sessions.clear();
  }

  /** One evaluation of the network under each condition, as one batch. */
  async #predict(
    noisy: Float32Array,
    timestep: number,
    conditions: readonly Condition[],
    image: Float32Array,
    states: Float32Array,
  ): Promise<Float32Array[]> {
    const batch = conditions.length;
    const { channels } = latentSpace(this.folder.vae.config);
    const side = this.#side;
    const empty = conditions.every((c) => c === "both") ? states : await this.#states("");
    const images = new Float32Array(batch * image.length);
    const texts = new Float32Array(batch * states.length);
    for (const [i, condition] of conditions.entries()) {
      if (condition !== "none") images.set(image, i * image.length);
      texts.set(condition === "both" ? states : empty, i * states.length);
    }
    const { maxLength } = this.tokenizer;
    const blank = this.folder.defaults.blank_pure_noise && noiseLevel(this.#schedule, timestep).signal === 0;
    const { prediction } = await (await this.#unet(batch)).run({
      noisy: { data: blank ? new Float32Array(noisy.length) : noisy, shape: [1, channels, side, side] },
      image: { data: images, shape: [batch, channels, side, side] },
      timestep: { data: Float32Array.of(timestep), shape: [1] },
      states: { data: texts, shape: [batch, maxLength, states.length / maxLength] },
    });
    const all = prediction!.data as Float32Array;
    return conditions.map((_, i) => all.slice(i * image.length, (i + 1) * image.length));
  }

  /** The text encoder's states of a sentence, remembered. */
  async #states(text: string): Promise<Float32Array> {
    const ids = this.tokenizer.encode(text);
    const key = ids.join();
    const known = this.#texts.get(key);
    if (known) return known;
    const { states } = await (await this.#text()).run({
      ids: { data: BigInt64Array.from(ids, BigInt), shape: [1, ids.length] },
    });
    if (this.#texts.size >= rememberedTexts) this.#texts.delete(this.#texts.keys().next().value!);
    const data = states!.data as Float32Array;
    this.#texts.set(key, data);
    return data;
  }

  /** Latent positions along a side. */
  get #side(): number {
    return this.folder.defaults.resolution / latentSpace(this.folder.vae.config).factor;
  }

  #text = () => this.#session("text", () => textNetwork(this.folder, this.tokenizer.maxLength));
  #unet = (batch: number) =>
    this.#session(`unet ${batch}`, () => unetNetwork(this.folder, this.#side, this.tokenizer.maxLength, batch));
  #encoder = () => this.#session("encoder", () => encoderNetwork(this.folder, this.folder.defaults.resolution));
  #decoder = () => this.#session("decoder", () => decoderNetwork(this.folder, this.#side));

  #session(key: string, build: () => Network): Promise<Session> {
    let session = this.#sessions.get(key);
    if (!session) {
      const { model, weightsFolder, weightBytes } = build();
      const mapped = weightBytes > largestCopied;
      session = openSession(model, {
        threads: this.threads,
        optimisation: mapped ? "extended" : "all",
        prepack: !mapped,
        ...(weightsFolder && { weightsFolder }),
      });
      this.#sessions.set(key, session);
    }
    return session;
  }
}

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
