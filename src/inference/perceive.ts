/** Photo and sentence to typed data: read, parse, draw, decode. Runs inside the worker. */
import type { GuidanceScales } from "../diffusion/guidance.js";
import type { SamplerName } from "../diffusion/samplers/registry.js";
import { InstructCvError } from "../errors.js";
import { cropResize, readPicture, resizePicture } from "../image/io.js";
import type { FloatPicture, Picture, Size } from "../image/picture.js";
import { parseInstruction, restate } from "../instructions/index.js";
import { toPicture } from "../tasks/codec.js";
import { getTask } from "../tasks/registry.js";
import type { TaskResult } from "../tasks/task.js";
import { extendDrawing, frameOf, wholeFrame } from "./framing.js";
import type { Tiles } from "./latents.js";
import { drawMirrored } from "./mirrored.js";
import type { DrawOptions, LoadedModel } from "./model.js";
import { latentSpace } from "./networks.js";

/** A path, the bytes of a picture file, or decoded pixels. */
export type PhotoSource = string | Uint8Array | Picture;

export interface SamplingOptions {
  /** Denoising steps; the checkpoint's own number unless given. */
  readonly steps?: number;
  /** Decides the noise, 0 .. 2^32 - 1: same seed, same bits on one machine with one number of threads. @default 0 */
  readonly seed?: number;
  /** Guidance scales; 1 and 1 are a single evaluation a step. The checkpoint's own unless given. */
  readonly guidance?: GuidanceScales;
  /** The checkpoint's own unless given. */
  readonly sampler?: SamplerName;
  /** Draw the mirrored photo too and average both drawings: twice the time, steadier answers. The checkpoint's own unless given. */
  readonly mirror?: boolean;
  /**
   * Let the network read the task's template with the category and colours of the sentence, instead of the sentence as it is
   * worded: better for a small network. The checkpoint's own unless given.
   */
  readonly restate?: boolean;
  /**
   * Side of the drawing, pixels: of the square that the photo is squashed to, or the longer side where the checkpoint keeps the
   * photo's aspect (then a multiple of 64). The checkpoint's own unless given.
   */
  readonly resolution?: number;
  /** Encode and decode large pictures in overlapping tiles, which bounds memory. @default "auto": above 768x768 pixels */
  readonly tiles?: Tiles;
}

/** The typed result and how it came about. */
export type Perception = TaskResult & {
  /** As named in the instruction; null for tasks without one. */
  readonly category: string | null;
  readonly instruction: string;
  /** The checkpoint's name. */
  readonly model: string;
  readonly seed: number;
  readonly steps: number;
  /** What the model drew, at its own size. */
  readonly picture: Picture;
  /** Milliseconds: `read` (photo), `encode` (text and photo to latents), `denoise`, `decode` (to picture and data). */
  readonly timings: Readonly<Record<"read" | "encode" | "denoise" | "decode" | "total", number>>;
};

/** Throws InstructCvError ("image", "instruction", "usage") for bad input, the signal's reason when aborted. */
export async function perceiveWith(
  model: LoadedModel,
  source: PhotoSource,
  instruction: string,
  options: SamplingOptions & Pick<DrawOptions, "onStep"> & { readonly signal: AbortSignal },
): Promise<Perception> {
  const { defaults, name } = model.folder;
  const parsed = parseInstruction(instruction);
  const { task, slots } = parsed;
  if (!defaults.tasks.includes(task)) {
    const cure = "Use a checkpoint trained for it.";
    throw new InstructCvError("instruction", `${name} does ${defaults.tasks.join(", ")}, not ${task}.`, cure);
  }
  const { steps = defaults.steps, seed = 0, guidance = defaults.guidance, sampler = model.sampler } = options;
  const { mirror = defaults.mirror, restate: restated = defaults.restate, resolution = defaults.resolution } = options;
  const text = restated ? restate(parsed) : parsed.text;
  const { signal, onStep, tiles } = options;
  if (!(Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32))
    throw new InstructCvError("usage", `seed must be an integer from 0 to ${2 ** 32 - 1}, found ${seed}.`);
  if (!(Number.isFinite(guidance.text) && Number.isFinite(guidance.image)))
    throw new InstructCvError("usage", `guidance needs two numbers, found ${guidance.text} and ${guidance.image}.`);
  signal.throwIfAborted();

  const start = performance.now();
  const isPicture = typeof source === "object" && "data" in source;
  const photo = isPicture ? checkPicture(source) : await readPicture(source);
  const frame = frameOf(photo, resolution, defaults.fit, latentSpace(model.folder.vae.config).factor);
  const small = await cropResize(photo, frame.crop, frame.size, false);
  signal.throwIfAborted();
  const read = performance.now() - start;

  const drawing = { steps, seed, guidance, sampler, signal, ...(onStep && { onStep }), ...(tiles && { tiles }) };
  const { drawn, timings } = await (mirror
    ? drawMirrored(model, small, text, drawing)
    : model.draw(small, text, drawing));
  const beforeDecode = performance.now();
  const whole = wholeFrame(frame, photo);
  const seen = isSize(small, whole.size) ? small : await resizePicture(photo, whole.size);
  const size = { width: photo.width, height: photo.height };
  const result = getTask(task, defaults).decode(extendDrawing(drawn, whole), seen, slots, size);
  const picture = toPicture(drawn);
  const end = performance.now();
  const decode = timings.decode + end - beforeDecode;
  return {
    ...result,
    category: slots.category,
    instruction,
    model: name,
    seed,
    steps,
    picture,
    timings: { read, encode: timings.encode, denoise: timings.denoise, decode, total: end - start },
  };
}

function isSize(picture: Picture | FloatPicture, { width, height }: Size): boolean {
  return picture.width === width && picture.height === height;
}

function checkPicture(picture: Picture): Picture {
  const { width, height, data } = picture;
  if (width >= 1 && height >= 1 && data.length === width * height * 3) return picture;
  const found = `${data.length} bytes for ${width}x${height}`;
  throw new InstructCvError("image", `A picture has width * height * 3 bytes of RGB, found ${found}.`);
}
