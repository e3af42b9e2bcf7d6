/** Draws a photo and its mirror image and averages: the errors of the two are partly independent. */
import type { FloatPicture, Picture } from "../image/picture.js";
import type { DrawOptions, DrawTimings, LoadedModel } from "./model.js";

/** As `model.draw`, in twice the time; `onStep` counts the steps of both drawings. */
export async function drawMirrored(
  model: Pick<LoadedModel, "draw">,
  photo: Picture,
  instruction: string,
  options: DrawOptions,
): Promise<{ drawn: FloatPicture; timings: DrawTimings }> {
  const { onStep, steps } = options;
  const straight = await model.draw(photo, instruction, {
    ...options,
    onStep: (step, _, preview) => onStep?.(step, 2 * steps, preview),
  });
  const mirrored = await model.draw(mirrorOf(photo), instruction, {
    ...options,
    onStep: (step, _, preview) => onStep?.(steps + step, 2 * steps, async () => mirrorOf(await preview())),
  });
  const back = mirrorOf(mirrored.drawn).data;
  const data = straight.drawn.data.map((value, i) => (value + back[i]!) / 2);
  const total = (phase: keyof DrawTimings) => straight.timings[phase] + mirrored.timings[phase];
  return {
    drawn: { ...straight.drawn, data },
    timings: { encode: total("encode"), denoise: total("denoise"), decode: total("decode") },
  };
}

/** Left and right exchanged. */
function mirrorOf<P extends Picture | FloatPicture>(picture: P): P {
  const { width, data: from } = picture;
  const data = from.slice();
  for (let p = 0; p < from.length / 3; p++) {
    const x = p % width;
    const mirrored = p - x + (width - 1 - x);
    data.set(from.subarray(3 * mirrored, 3 * mirrored + 3), 3 * p);
  }
  return { ...picture, data };
}
