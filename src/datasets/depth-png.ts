/** Depth PNGs to metres: what a grey level means in each of the usual conventions. */
import { InstructCvError } from "../errors.js";
import { readGrey16, readIndexed8, readPictureSize } from "../image/io.js";
import type { Size } from "../image/picture.js";
import { readSource } from "../image/source.js";

/** Metres of a 16-bit grey level. */
export type Metres16 = (level: number) => number;

/** Plain levels, 1000 a metre (millimetres) unless the set says otherwise. */
export const levelsPerMetre =
  (levels: number): Metres16 =>
  (level) =>
    level / levels;

/** 8-bit maps span 0..10 m: metres = v / 25.5 (the shared NYUv2 folder, DenseDepth's training list). */
const LEVELS_PER_METRE_8 = 25.5;

/**
 * The depth map beside a photo, told apart by its bit depth: 8 bits are v / 25.5 metres, 16 bits what `metres16` says; 0 stays 0.
 * @param photo path of the photo whose size the map must have
 * @returns metres at photo size, row-major; 0 = unknown
 * @throws {InstructCvError} "image" when it is no grey PNG; "dataset" when the photo has another size or no pixel has a known depth
 */
export async function readDepthPng(path: string, photo: string, metres16: Metres16): Promise<Float32Array> {
  const { bytes, name } = await readSource(path);
  // Byte 24 of a PNG is its bit depth.
  const deep = bytes[24] === 16;
  const { data, width, height } = deep ? await readGrey16(bytes, name) : await readIndexed8(bytes, name);
  requireSameSize(path, { width, height }, photo, await readPictureSize(photo));
  // Not Float32Array.from(data, map), which iterates and is ten times slower.
  const metres = new Float32Array(data.length);
  for (let i = 0; i < metres.length; i++) metres[i] = deep ? metres16(data[i]!) : data[i]! / LEVELS_PER_METRE_8;
  return requireKnownDepth(metres, path);
}

/** @throws {InstructCvError} "dataset" when every pixel of `metres` is 0; `name` is what the message calls the map. */
export function requireKnownDepth(metres: Float32Array, name: string): Float32Array {
  if (metres.some((value) => value > 0)) return metres;
  throw new InstructCvError("dataset", `${name}: expected a depth map, found no pixel of known depth.`);
}

/** Counting pixels is not enough: 320x240 and 240x320 have as many. */
function requireSameSize(path: string, map: Size, photo: string, expected: Size): void {
  if (map.width === expected.width && map.height === expected.height) return;
  throw new InstructCvError(
    "dataset",
    `${path}: expected ${expected.width}x${expected.height} as ${photo}, found ${map.width}x${map.height}.`,
    "Photo and depth must have one size.",
  );
}
