/** Makes the int8 networks of a checkpoint: calibrates them on drawings of photos, writes them beside the float ones, measures the loss. */
import { stat } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { readSafetensors, type SafetensorsFile } from "../checkpoints/safetensors.js";
import { guidanceWeights } from "../diffusion/guidance.js";
import { InstructCvError } from "../errors.js";
import { readPicture, resizePicture } from "../image/io.js";
import type { Picture } from "../image/picture.js";
import { type ParsedInstruction, parseInstruction, restate } from "../instructions/index.js";
import { AutoencoderKL } from "../models/autoencoder.js";
import { UNet2DConditionModel } from "../models/unet.js";
import { createRng } from "../random.js";
import type { TaskName } from "../tasks/task.js";
import { saturates } from "../tensor/onnx/int8-probe.js";
import type { OnnxOps } from "../tensor/onnx/ops.js";
import type { Evaluation } from "./conditioned-network.js";
import { AUTOENCODER_SAMPLES, calibrateAutoencoder } from "./int8/autoencoder.js";
import { calibrate, type Inputs, separate } from "./int8/calibrate.js";
import { int8Path } from "./int8/file.js";
import { openDenoiser } from "./int8/graph.js";
import { isQuantised } from "./int8/layers.js";
import { type Drawing, type Loss, measureLoss } from "./int8/loss.js";
import { writeInt8 } from "./int8/write.js";
import { LoadedModel } from "./model.js";

export interface QuantizeOptions {
  /** Paths of photos like those the model will see. */
  readonly photos: readonly string[];
  /** Sentences about them; the template of each of the checkpoint's tasks unless given. */
  readonly instructions?: readonly string[];
  /** Denoising steps of the drawings. @default the checkpoint's own, at most 8 */
  readonly steps?: number;
  /** Evaluations of the network to calibrate on. @default 64 */
  readonly samples?: number;
  /** 7 is right on every processor, 8 a little more precise where the processor can. @default 8 where this processor can */
  readonly weightBits?: 7 | 8;
  /** Makes `vae/int8.safetensors` too: the convolutions of the KL autoencoder. @default false */
  readonly autoencoder?: boolean;
  /** Threads inside a tensor operation. @default the cores of this machine, at most 8 */
  readonly threads?: number;
  readonly onProgress?: (progress: QuantizeProgress) => void;
  readonly signal?: AbortSignal;
}

/** `draw` and `calibrate` count evaluations of the network, `measure` drawings. */
export interface QuantizeProgress {
  readonly phase: "draw" | "calibrate" | "measure";
  readonly done: number;
  readonly total: number;
}

export interface QuantizedFile {
  readonly path: string;
  readonly bytes: number;
  /** Bytes of the float weights. */
  readonly floatBytes: number;
  /** Quantised layers. */
  readonly layers: number;
}

export interface Quantized extends QuantizedFile {
  readonly weightBits: 7 | 8;
  readonly loss: Loss;
  readonly autoencoder?: QuantizedFile;
}

const FOLDER_CURE = "Convert it to a folder in diffusers layout.";

/** Of drawings to calibrate on and to measure with, at the least; and of those to measure with, at the most. */
const FEWEST_CALIBRATED = 4;
const FEWEST_MEASURED = 2;
const MOST_MEASURED = 64;

/**
 * Writes `unet/int8.safetensors` (and `vae/int8.safetensors`) into the checkpoint folder, whole or not at all; older ones stay until
 * then. Same inputs, same bits. Throws InstructCvError: "checkpoint", "image" and "instruction" as `perceive` does, "usage" without
 * photos or where there is no autoencoder to quantise; the signal's reason.
 */
export async function quantize(dir: string, options: QuantizeOptions): Promise<Quantized> {
  const {
    photos,
    samples = 64,
    autoencoder = false,
    threads = Math.min(availableParallelism(), 8),
    onProgress,
    signal,
  } = options;
  if (photos.length === 0) throw new InstructCvError("usage", "No photos to calibrate on.", "Give some with --photos.");
  if (!(await stat(dir)).isDirectory())
    throw new InstructCvError("usage", `${dir}: int8 weights go into a model folder, this is a file.`, FOLDER_CURE);
  const weightBits = options.weightBits ?? ((await saturates()) ? 7 : 8);
  const model = await LoadedModel.open(dir, { threads });
  try {
    const { folder } = model;
    const { defaults, unet, vae } = folder;
    if (autoencoder && !vae.weights) throw noAutoencoder(folder.name, vae.config._class_name);
    const { steps = Math.min(defaults.steps, 8) } = options;
    const sentences = (options.instructions ?? defaults.tasks.map((task) => template(task, defaults.categories))).map(
      (text) => parseFor(text, defaults.tasks, folder.name),
    );
    const pairs = createRng("quantize").shuffle(
      photos.flatMap((photo) => sentences.map((parsed) => ({ photo, parsed }))),
    );
    const square = { width: defaults.resolution, height: defaults.resolution };
    const drawingAt = async (i: number): Promise<Drawing> => {
      const { photo, parsed } = pairs[i % pairs.length]!;
      const text = defaults.restate ? restate(parsed) : parsed.text;
      return { photo: await resizePicture(await readPicture(photo), square), parsed, text, seed: i };
    };

    const each = steps * guidanceWeights(defaults.guidance).length;
    const drawn = Math.max(Math.ceil(samples / each), FEWEST_CALIBRATED);
    const recorded: Evaluation[] = [];
    const ends: Float32Array[] = [];
    const seen = new Map<string, Picture>();
    for (let i = 0; i < drawn; i++) {
      const { photo, text, seed } = await drawingAt(i);
      if (seen.size < AUTOENCODER_SAMPLES) seen.set(pairs[i % pairs.length]!.photo, photo);
      const { latents } = await model.draw(photo, text, {
        ...{ steps, seed, guidance: defaults.guidance, sampler: model.sampler, ...(signal && { signal }) },
        onEvaluation(inputs) {
          recorded.push(...separate(inputs));
          onProgress?.({ phase: "draw", done: recorded.length, total: drawn * each });
        },
      });
      if (ends.length < AUTOENCODER_SAMPLES) ends.push(latents.slice());
    }
    const evaluations = createRng("evaluations").shuffle(recorded).slice(0, samples);

    let calibrated = 0;
    const passes = 2 * evaluations.length + (autoencoder ? 4 * seen.size + 2 * ends.length : 0);
    const calibration = {
      threads,
      onEvaluation: () => onProgress?.({ phase: "calibrate", done: ++calibrated, total: passes }),
      ...(signal && { signal }),
    };
    const open = (ops: OnnxOps) => openDenoiser(folder, evaluations[0]!, threads, ops);
    const scalings = await calibrate(
      { weights: unet.weights, isQuantised, outputs: false, open },
      evaluations.map((evaluation): Inputs => ({ ...evaluation })),
      calibration,
    );

    const measured = Math.min(Math.max(Math.ceil(samples / each), FEWEST_MEASURED), MOST_MEASURED);
    const drawings: Drawing[] = [];
    for (let i = 0; i < measured; i++) drawings.push(await drawingAt(drawn + i));
    const limit = weightBits === 8 ? 127 : 64;
    let loss: Loss | undefined;
    const writeDenoiser = (decoder?: string) => {
      const measure = async (temporary: string) => {
        let done = 0;
        const files = {
          unet: await readSafetensors(temporary),
          ...(decoder && { vae: await readSafetensors(decoder) }),
        };
        loss = await measureLoss(model, files, drawings, {
          ...{ steps, threads, ...(signal && { signal }) },
          onDrawing: () => onProgress?.({ phase: "measure", done: ++done, total: measured }),
        });
        const facts = {
          photos: photos.length,
          sentences: sentences.map(({ text }) => text),
          steps,
          samples: evaluations.length,
        };
        return { calibration: JSON.stringify(facts), loss: JSON.stringify(loss) };
      };
      const network = { module: new UNet2DConditionModel(unet.config), weights: unet.weights };
      return writeInt8(int8Path(folder), network, scalings, limit, measure, signal);
    };
    const result = async (part: "unet" | "vae", weights: SafetensorsFile, layers: number): Promise<QuantizedFile> => {
      const path = int8Path(folder, part);
      const [{ size: bytes }, { size: floatBytes }] = await Promise.all([stat(path), stat(weights.path)]);
      return { path, bytes, floatBytes, layers };
    };
    if (!autoencoder || !vae.weights || vae.config._class_name === "SpaceToDepth") {
      await writeDenoiser();
      return { ...(await result("unet", unet.weights, scalings.size)), weightBits, loss: loss! };
    }
    const own = await calibrateAutoencoder(model, [...seen.values()], ends, calibration);
    const network = { module: new AutoencoderKL(vae.config), weights: vae.weights };
    // The loss is that of both together: neither file gets its name before it is known.
    const both = async (temporary: string) => {
      await writeDenoiser(temporary);
      const facts = { photos: seen.size, drawings: ends.length };
      return { calibration: JSON.stringify(facts), loss: JSON.stringify(loss!.autoencoder) };
    };
    await writeInt8(int8Path(folder, "vae"), network, own, limit, both, signal);
    return {
      ...{ ...(await result("unet", unet.weights, scalings.size)), weightBits, loss: loss! },
      autoencoder: await result("vae", vae.weights, own.size),
    };
  } finally {
    await model.close();
  }
}

/** The task's template about something the checkpoint knows. */
function template(task: TaskName, categories: readonly string[]): string {
  const category = categories.length === 0 || categories.includes("cat") ? "cat" : categories[0]!;
  return restate({ task, slots: { category: task === "depth" ? null : category } });
}

function parseFor(text: string, tasks: readonly TaskName[], name: string): ParsedInstruction {
  const parsed = parseInstruction(text);
  if (tasks.includes(parsed.task)) return parsed;
  const problem = `"${text}": ${name} does ${tasks.join(", ")}, not ${parsed.task}.`;
  throw new InstructCvError("instruction", problem, "Calibrate it on what it does.");
}

function noAutoencoder(name: string, found: string): InstructCvError {
  const problem = `--autoencoder: ${name} has none to quantise: its latents are pixels rearranged (${found}).`;
  return new InstructCvError("usage", problem, "Leave it out.");
}
