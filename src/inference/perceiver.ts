/** The calling thread's side: a loaded model that answers without ever blocking the event loop. */
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { Worker } from "node:worker_threads";
import type { Defaults } from "../checkpoints/configs.js";
import { type ResolveOptions, resolveModel } from "../checkpoints/hub/resolve.js";
import type { DownloadProgress } from "../checkpoints/hub/snapshot.js";
import { InstructCvError } from "../errors.js";
import "../tensor/onnx/no-telemetry.js";
import { type BatchOptions, perceiveAll } from "./batch.js";
import { defaultModel } from "./default-model.js";
import type { Perception, PhotoSource } from "./perceive.js";
import type { PerceiveOptions } from "./perceive-options.js";
import { fromWire, type ModelInfo, type Reply, type Request, type WorkerData } from "./protocol.js";
import type { WeightOptions } from "./source.js";
import { stream } from "./stream.js";
import { workerUrl } from "./worker-url.js";

export interface LoadOptions
  extends Omit<WeightOptions, "name">,
    Pick<ResolveOptions, "revision" | "cache" | "token" | "endpoint" | "offline" | "onNote" | "signal"> {
  /** Threads inside a tensor operation. @default the cores of this machine, at most 8 */
  readonly threads?: number;
  /** Told how the download of a model from the hub goes. */
  readonly onDownload?: (progress: DownloadProgress) => void;
}

interface Pending {
  readonly resolve: (perception: Perception) => void;
  readonly reject: (reason: unknown) => void;
  readonly onStep: PerceiveOptions["onStep"];
}

/**
 * Loads a model, by default the small one of the package, into a worker thread: a folder in diffusers layout, a `.safetensors` file of
 * the original Stable Diffusion 1.x, or the name of a model on the Hugging Face hub (`owner/name`, `owner/name@revision`), which
 * is fetched into the cache if it is not there. Reuse the result: it keeps the model and the texts it has seen.
 * Throws InstructCvError("checkpoint"), one line naming the file, for what is missing, damaged or unsupported.
 *
 * @example
 * const model = await load("alaa-lab/InstructCV");
 * const { boxes } = await model.perceive("street.jpg", "Detect the car");
 * await model.close();
 */
export async function load(model: string = defaultModel, options: LoadOptions = {}): Promise<Perceiver> {
  const { threads = Math.min(availableParallelism(), 8), precision, loras, variant, onDownload, ...hub } = options;
  if (!Number.isInteger(threads) || threads < 1)
    throw new InstructCvError("usage", `threads must be a positive integer, found ${threads}.`);
  const path = await resolveModel(model, {
    ...hub,
    ...(variant && { variant }),
    ...(onDownload && { onProgress: onDownload }),
  });
  const name = path === resolve(model) ? undefined : model;
  const workerData: WorkerData = { path, options: { threads, precision, loras, variant, name } };
  const worker = new Worker(workerUrl, { workerData });
  const info = await new Promise<ModelInfo>((resolve, reject) => {
    worker.once("error", reject);
    worker.once("exit", (code) =>
      reject(new InstructCvError("engine", `The inference worker ended with code ${code}.`)),
    );
    worker.once("message", (reply: Reply) => {
      if (reply.kind === "ready") resolve(reply.info);
      else if (reply.kind === "unusable") reject(fromWire(reply.error));
    });
  }).catch(async (error) => {
    await worker.terminate();
    throw error;
  });
  return new Perceiver(worker, info);
}

/** A model in its worker thread; made by `load`. An idle one does not keep the process alive. */
export class Perceiver {
  /** The checkpoint's name. */
  readonly name: string;
  /** Absolute path of the checkpoint. */
  readonly dir: string;
  /** What the checkpoint does when the caller says nothing: resolution, steps, guidance, tasks, categories. */
  readonly defaults: Defaults;
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  readonly #ended: Promise<void>;
  #lastId = 0;
  #closed = false;

  constructor(worker: Worker, info: ModelInfo) {
    this.name = info.name;
    this.dir = info.dir;
    this.defaults = info.defaults;
    this.#worker = worker;
    worker.on("message", (reply: Reply) => this.#receive(reply));
    worker.on("error", (error) => this.#fail(error));
    this.#ended = new Promise((resolve) => {
      worker.once("exit", () => {
        this.#closed = true;
        this.#fail(new InstructCvError("engine", "The inference worker has ended.", "Load the model again."));
        resolve();
      });
    });
    worker.unref();
  }

  /**
   * Asks one sentence about one photo. `image` is a path, the bytes of a picture file or RGB pixels (copied to the worker).
   * Requests are answered in order. Throws InstructCvError: "image" or "instruction" for what cannot be read or
   * understood, "usage" for options out of range or a closed model; the signal's reason when aborted.
   */
  perceive(image: PhotoSource, instruction: string, options: PerceiveOptions = {}): Promise<Perception> {
    const { signal, onStep, preview = false, ...sampling } = options;
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.#closed) return Promise.reject(new InstructCvError("usage", "This model is closed.", "Load it again."));
    const id = ++this.#lastId;
    return new Promise<Perception>((resolve, reject) => {
      this.#send({ kind: "perceive", id, source: image, instruction, options: sampling, preview });
      const abort = () => this.#abort(id, signal?.reason);
      signal?.addEventListener("abort", abort, { once: true });
      const settled =
        <T>(then: (value: T) => void) =>
        (value: T) => {
          signal?.removeEventListener("abort", abort);
          then(value);
        };
      this.#pending.set(id, { resolve: settled(resolve), reject: settled(reject), onStep });
      this.#worker.ref();
    });
  }

  /**
   * The same as an async iterator: `step` events with a preview each, then one `result`. Leaving the loop aborts.
   *
   * @example
   * for await (const event of model.stream("cat.jpg", "Segment the cat", { steps: 20 })) {
   *   if (event.kind === "step") show(event.preview);
   *   else console.log(event.perception.score);
   * }
   */
  stream(image: PhotoSource, instruction: string, options: PerceiveOptions = {}) {
    return stream(this, image, instruction, options);
  }

  /** Every sentence about every photo, photo by photo, as an async iterator of answers; a failure is an answer too. */
  perceiveAll(images: readonly PhotoSource[], instructions: readonly string[], options: BatchOptions = {}) {
    return perceiveAll(this, images, instructions, options);
  }

  /** Answers what was asked, then frees the model and its thread. */
  close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      this.#worker.ref();
      this.#send({ kind: "close" });
    }
    return this.#ended;
  }

  #send(request: Request): void {
    this.#worker.postMessage(request);
  }

  #receive(reply: Reply): void {
    if (reply.kind === "step") this.#report(reply);
    else if (reply.kind === "done") this.#settle(reply.id)?.resolve(reply.perception);
    else if (reply.kind === "failed") this.#settle(reply.id)?.reject(fromWire(reply.error));
  }

  #report({ id, step, steps, preview }: Reply & { kind: "step" }): void {
    try {
      this.#pending.get(id)?.onStep?.({ step, steps, ...(preview && { preview }) });
    } catch (error) {
      // What the caller's function throws is the caller's to catch, not an uncaught exception of the process.
      this.#abort(id, error);
    }
  }

  #abort(id: number, reason: unknown): void {
    this.#send({ kind: "abort", id });
    this.#settle(id)?.reject(reason);
  }

  #settle(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    if (this.#pending.size === 0 && !this.#closed) this.#worker.unref();
    return pending;
  }

  #fail(error: unknown): void {
    for (const id of [...this.#pending.keys()]) this.#settle(id)?.reject(error);
  }
}
