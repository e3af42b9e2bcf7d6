/** Which part of a photo a model draws and at which size, and how a drawing is laid back over the whole photo. */
import { InstructCvError } from "../errors.js";
import type { FloatPicture, Size, Xyxy } from "../image/picture.js";
import { wholeCrop } from "../image/resample.js";

/** `squash`: the whole photo to a square. `crop`: its aspect is kept, sides become multiples of 64, borders too much for that are left out. */
export type Fit = "squash" | "crop";

/** Sides of drawings, pixels. */
export const LONGEST_SIDE = 2048;

/** Sides of `crop` are multiples of this: what the coarsest level of Stable Diffusion's UNet halves without a rest. */
const MULTIPLE = 64;

export interface Frame {
  /** What the model draws. */
  readonly size: Size;
  /** The part of the photo it draws, whole pixels. */
  readonly crop: Xyxy;
}

/**
 * `squash` gives a square of side `resolution`. `crop` is the rule of InstructPix2Pix and InstructCV: the longer side about
 * `resolution`, the shorter rounded up and then the longer down to a multiple of 64, the photo cut in the middle to that aspect
 * (github.com/timothybrooks/instruct-pix2pix/blob/main/edit_cli.py and Pillow's ImageOps.fit).
 * Throws InstructCvError("usage") for a resolution that is no multiple of `unit` (pixels of a latent position).
 */
export function frameOf(photo: Size, resolution: number, fit: Fit, unit: number): Frame {
  const step = fit === "crop" ? Math.max(MULTIPLE, unit) : unit;
  if (!(Number.isInteger(resolution) && resolution >= step && resolution <= LONGEST_SIDE && resolution % step === 0)) {
    const expected = `a multiple of ${step} from ${step} to ${Math.floor(LONGEST_SIDE / step) * step}`;
    throw new InstructCvError("usage", `resolution must be ${expected}, found ${resolution}.`);
  }
  const { width, height } = photo;
  if (fit === "squash") return { size: { width: resolution, height: resolution }, crop: [0, 0, width, height] };
  const shorter = Math.min(width, height);
  // The nudges undo rounding errors of quotients that are whole numbers.
  const steps = Math.max(1, Math.ceil((shorter * resolution) / Math.max(width, height) / step - 1e-9));
  const side = (length: number) => Math.floor((length * steps) / shorter + 1e-9) * step;
  const size = { width: Math.min(side(width), LONGEST_SIDE), height: Math.min(side(height), LONGEST_SIDE) };
  const wide = width * size.height > height * size.width;
  const [w, h] = wide ? [(height * size.width) / size.height, height] : [width, (width * size.height) / size.width];
  const [x, y] = [(width - w) / 2, (height - h) / 2];
  return { size, crop: wholeCrop([x, y, x + w, y + h], photo) };
}

/**
 * The size of a drawing laid over the whole photo, and where the drawing lies in it: the borders that `crop` left out, at the
 * drawing's scale.
 */
export function wholeFrame({ size, crop: [x1, y1, x2, y2] }: Frame, photo: Size): { size: Size; at: Xyxy } {
  const [scaleX, scaleY] = [size.width / (x2 - x1), size.height / (y2 - y1)];
  const [left, top] = [Math.round(x1 * scaleX), Math.round(y1 * scaleY)];
  const [right, bottom] = [Math.round((photo.width - x2) * scaleX), Math.round((photo.height - y2) * scaleY)];
  return {
    size: { width: left + size.width + right, height: top + size.height + bottom },
    at: [left, top, left + size.width, top + size.height],
  };
}

/** The drawing with its borders continued outwards (each new pixel is the nearest drawn one) to fill the whole frame. */
export function extendDrawing(drawn: FloatPicture, { size, at: [left, top] }: { size: Size; at: Xyxy }): FloatPicture {
  if (size.width === drawn.width && size.height === drawn.height) return drawn;
  const data = new Float32Array(size.width * size.height * 3);
  const inside = (i: number, length: number) => Math.min(Math.max(i, 0), length - 1);
  for (let y = 0, o = 0; y < size.height; y++) {
    const row = inside(y - top, drawn.height) * drawn.width;
    for (let x = 0; x < size.width; x++, o += 3) {
      const from = 3 * (row + inside(x - left, drawn.width));
      data[o] = drawn.data[from]!;
      data[o + 1] = drawn.data[from + 1]!;
      data[o + 2] = drawn.data[from + 2]!;
    }
  }
  return { ...size, data };
}
