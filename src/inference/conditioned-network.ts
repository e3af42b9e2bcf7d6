/** The denoiser under up to three conditions: as one batch where memory allows, else one after the other. */
import type { Condition } from "../diffusion/guidance.js";
import { noiseLevel } from "../diffusion/prediction.js";
import type { Schedule } from "../diffusion/schedule.js";
import type { Size } from "../image/picture.js";
import { peakBytes, weightBytes } from "../tensor/onnx/memory.js";
import type { ArrayTensor, SessionOptions } from "../tensor/onnx/session.js";
import { isInt8File } from "./int8/file.js";
import { type Denoiser, denoiser, latentSpace, type Network, type NetworkSource } from "./networks.js";
import type { SessionCache } from "./session-cache.js";

/** What goes into one evaluation of the network under n conditions. */
export interface Evaluation {
  /** [1, C, h, w] */
  readonly noisy: ArrayTensor;
  /** [n, C, h, w], zeros where the image is left out. */
  readonly image: ArrayTensor;
  /** [1] */
  readonly timestep: ArrayTensor;
  /** [n, L, D] */
  readonly states: ArrayTensor;
}

export interface PredictOptions {
  readonly noisy: Float32Array;
  readonly timestep: number;
  readonly conditions: readonly Condition[];
  readonly image: Float32Array;
  /** States [1, L, D] of the sentence and of the empty one. */
  readonly text: ArrayTensor;
  readonly empty: ArrayTensor;
  /** Of the latents. */
  readonly size: Size;
  readonly schedule: Schedule;
  readonly signal?: AbortSignal;
  readonly onEvaluation?: (inputs: Evaluation) => void;
}

/**
 * Networks with weights up to this many bytes get them copied into the kernels' own layout, 15% faster on a 19M UNet. Above
 * it (Stable Diffusion's UNet, 3.4 GB) they stay mapped from the file, which saves their size in memory and seconds of loading.
 */
const LARGEST_COPIED = 512 * 2 ** 20;

/**
 * Conditions are one batch when its activations fit into this many bytes. A batch saves the overhead of a call, which shows in small
 * networks only: three evaluations of Stable Diffusion's UNet at 256 pixels take as long one by one (3.0 s) as at once (3.3 s).
 */
const LARGEST_BATCH = 128 * 2 ** 20;

/** Sentences and timesteps whose part of the network is remembered; a sentence's is 8 MB in Stable Diffusion's UNet. */
const REMEMBERED_TEXTS = 16;
const REMEMBERED_TIMES = 1000;
const REMEMBERED_GRAPHS = 8;

type Parts = Readonly<Record<string, ArrayTensor>>;

export class ConditionedNetwork {
  readonly #texts = new Map<ArrayTensor, Parts>();
  readonly #times = new Map<number, Parts>();
  readonly #graphs = new Map<string, Denoiser>();

  constructor(
    private readonly folder: NetworkSource,
    private readonly textLength: number,
    private readonly sessions: SessionCache,
    private readonly largestBatch = LARGEST_BATCH,
  ) {}

  /** Opens what one evaluation at this size of the latents needs. */
  async open(size: Size): Promise<void> {
    const { text, time } = this.#denoiser(size, 1);
    const opening = [this.#main(size, 1), text && this.#part("text", text), time && this.#part("time", time)];
    const failed = (await Promise.allSettled(opening)).find((result) => result.status === "rejected");
    if (failed) throw failed.reason;
  }

  /** The network's outputs [C, h, w] in the order of the conditions. Rejects with the signal's reason between two evaluations. */
  async predict(options: PredictOptions): Promise<Float32Array[]> {
    const { conditions, size } = options;
    if (conditions.length === 1 || this.#fitsAsBatch(size, conditions.length))
      return this.#evaluate(options, conditions);
    const outputs: Float32Array[] = [];
    for (const condition of conditions) outputs.push(...(await this.#evaluate(options, [condition])));
    return outputs;
  }

  async #evaluate(options: PredictOptions, conditions: readonly Condition[]): Promise<Float32Array[]> {
    const { noisy, timestep, image, text, empty, size, schedule, signal, onEvaluation } = options;
    // Lets a request to abort, which is a message to this thread, be heard.
    await new Promise(setImmediate);
    signal?.throwIfAborted();
    const n = conditions.length;
    const { channels } = latentSpace(this.folder.vae.config);
    const shape = [channels, size.height, size.width];
    const images = new Float32Array(n * image.length);
    for (const [i, condition] of conditions.entries()) if (condition !== "none") images.set(image, i * image.length);
    const states = conditions.map((condition) => (condition === "both" ? text : empty));
    const blank = this.folder.defaults.blank_pure_noise && noiseLevel(schedule, timestep).signal === 0;
    const latents = {
      noisy: { data: blank ? new Float32Array(noisy.length) : noisy, shape: [1, ...shape] },
      image: { data: images, shape: [n, ...shape] },
    };
    onEvaluation?.({ ...latents, timestep: one(timestep), states: stack(states) });

    const parts = this.#denoiser(size, n);
    const { prediction } = await (await this.#main(size, n)).run({
      ...latents,
      ...(await this.#ofTime(parts.time, timestep)),
      ...(await this.#ofTexts(parts.text && this.#denoiser(size, 1).text, states)),
    });
    const all = prediction!.data as Float32Array;
    return conditions.map((_, i) => all.slice(i * image.length, (i + 1) * image.length));
  }

  async #ofTime(network: Network | null, timestep: number): Promise<Parts> {
    const inputs = { timestep: one(timestep) };
    if (!network) return inputs;
    return remembered(this.#times, timestep, REMEMBERED_TIMES, async () =>
      (await this.#part("time", network)).run(inputs),
    );
  }

  /** `network` takes one sentence. */
  async #ofTexts(network: Network | null, states: readonly ArrayTensor[]): Promise<Parts> {
    if (!network) return { states: stack(states) };
    const parts: Parts[] = [];
    for (const one of states)
      parts.push(
        await remembered(this.#texts, one, REMEMBERED_TEXTS, async () =>
          (await this.#part("text", network)).run({ states: one }),
        ),
      );
    const names = Object.keys(parts[0]!);
    return Object.fromEntries(names.map((name) => [name, stack(parts.map((part) => part[name]!))]));
  }

  #fitsAsBatch(size: Size, batch: number): boolean {
    return peakBytes(this.#denoiser(size, batch).main.graph) <= this.largestBatch;
  }

  #denoiser(size: Size, batch: number): Denoiser {
    const key = sizeKey(size, batch);
    let parts = this.#graphs.get(key);
    if (!parts) {
      parts = denoiser(this.folder, size, this.textLength, batch);
      if (this.#graphs.size >= REMEMBERED_GRAPHS) this.#graphs.clear();
      this.#graphs.set(key, parts);
    }
    return parts;
  }

  #main(size: Size, batch: number) {
    return this.#session(sizeKey(size, batch), () => this.#denoiser(size, batch).main);
  }

  #part(name: "text" | "time", network: Network) {
    return this.#session(name, () => network);
  }

  #session(key: string, build: () => Network) {
    return this.sessions.get(`unet ${key}`, () => {
      const network = build();
      const mapped = staysMapped(this.folder, network);
      const plain = mapped || isInt8File(this.folder.unet.weights);
      const options: SessionOptions = { optimisation: plain ? "extended" : "all", prepack: !mapped, arena: !mapped };
      return { network, options };
    });
  }
}

const sizeKey = ({ width, height }: Size, batch: number) => `${width}x${height} ${batch}`;

/**
 * Whether a denoiser's weights are read from their file in place. Int8 ones never are: who asks for them wants speed, and copying them
 * (1 GB for Stable Diffusion's) makes an evaluation a seventh faster.
 */
export function staysMapped(folder: NetworkSource, { graph }: Network): boolean {
  const { stored, folded } = weightBytes(graph);
  return stored + folded > LARGEST_COPIED && !isInt8File(folder.unet.weights);
}

/** [1] */
function one(value: number): ArrayTensor {
  return { data: Float32Array.of(value), shape: [1] };
}

/** Tensors [1, ...] to one [n, ...]. */
function stack(tensors: readonly ArrayTensor[]): ArrayTensor {
  const [first] = tensors as [ArrayTensor];
  if (tensors.length === 1) return first;
  const data = new Float32Array(first.data.length * tensors.length);
  for (const [i, tensor] of tensors.entries()) data.set(tensor.data as Float32Array, i * first.data.length);
  return { data, shape: [tensors.length, ...first.shape.slice(1)] };
}

/** The value under `key`, made if it is not there; the oldest goes when there are `limit`. */
async function remembered<K, V>(map: Map<K, V>, key: K, limit: number, make: () => Promise<V>): Promise<V> {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = await make();
  if (map.size >= limit) map.delete(map.keys().next().value!);
  map.set(key, made);
  return made;
}
