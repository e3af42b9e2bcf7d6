/** What a prediction must be before it may be scored: of the truth's size, and of numbers. */
import { InstructCvError } from "../../errors.js";
import type { Size } from "../../image/picture.js";

/**
 * A map of 640x480 has as many pixels as one of 480x640, so lengths alone do not tell them apart.
 * @throws {InstructCvError} "prediction" when the sizes differ; says so when width and height are swapped.
 */
export function requireSize(what: string, found: Size, truth: Size): void {
  if (found.width === truth.width && found.height === truth.height) return;
  const swapped = found.width === truth.height && found.height === truth.width;
  throw new InstructCvError(
    "prediction",
    `${what}: expected ${truth.width}x${truth.height}, found ${found.width}x${found.height}.`,
    swapped ? "Width and height are swapped: transpose it." : "Scale it to the photo's size first.",
  );
}

/** @throws {InstructCvError} "prediction" when the lengths differ. */
export function requireLength(what: string, found: ArrayLike<number>, truth: ArrayLike<number>): void {
  if (found.length === truth.length) return;
  throw new InstructCvError(
    "prediction",
    `${what}: expected ${truth.length} pixels as the truth has, found ${found.length} pixels.`,
    "Scale it to the photo's size first.",
  );
}

/**
 * One NaN in a sum makes the sum NaN, and one that is compared away counts as an answer; so neither happens.
 * @param at where `values` count, all unless given
 * @throws {InstructCvError} "prediction" naming how many are not finite and where the first is.
 */
export function requireFinite(what: string, values: ArrayLike<number>, at?: ArrayLike<number>): void {
  const count = at ? at.length : values.length;
  let bad = 0;
  let first = -1;
  for (let k = 0; k < count; k++) {
    const i = at ? at[k]! : k;
    if (Number.isFinite(values[i])) continue;
    if (bad === 0) first = i;
    bad++;
  }
  if (bad === 0) return;
  throw new InstructCvError(
    "prediction",
    `${what}: ${bad} of ${count} values are not finite, the first (${values[first]}) at ${first}.`,
    "Mend the predictor, or leave this prediction out and say so.",
  );
}

/** @throws {InstructCvError} "prediction" unless it is a number in [0, 1]. */
export function requireProbability(what: string, value: number): void {
  if (value >= 0 && value <= 1) return;
  throw new InstructCvError("prediction", `${what}: expected a number from 0 to 1, found ${value}.`);
}
