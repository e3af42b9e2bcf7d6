/** NumPy's `.npy` files of one map of floats. Format: numpy.lib.format of NumPy's reference. */
import { readFile } from "node:fs/promises";
import { InstructCvError } from "../../errors.js";
import type { Size } from "../../image/picture.js";

export interface FloatMap extends Size {
  readonly data: Float32Array;
}

const KINDS = "little-endian float32 or float64 in C order";

/** @throws {InstructCvError} "prediction" when it is no HxW map (1xHxW and HxWx1 are taken too) of such floats. */
export async function readNpy(path: string): Promise<FloatMap> {
  const bytes = await readFile(path);
  const wrong = (found: string) =>
    new InstructCvError("prediction", `${path}: expected a .npy of one map, ${KINDS}, found ${found}.`);
  if (bytes.length < 12 || bytes.subarray(0, 6).toString("latin1") !== "\x93NUMPY") throw wrong("another kind of file");
  const long = bytes[6]! >= 2;
  const from = long ? 12 : 10;
  const start = from + (long ? bytes.readUInt32LE(8) : bytes.readUInt16LE(8));
  const header = bytes.subarray(from, start).toString("latin1");
  const type = header.match(/'descr':\s*'([^']*)'/)?.[1];
  if ((type !== "<f4" && type !== "<f8") || !/'fortran_order':\s*False/.test(header)) throw wrong(header.trim());
  const shape = (header.match(/'shape':\s*\(([\d,\s]*)\)/)?.[1] ?? "").split(",").filter((side) => side.trim());
  const sides = shape.map(Number).filter((side, i, all) => all.length === 2 || side !== 1 || (i !== 0 && i !== 2));
  const [height, width] = sides;
  if (sides.length !== 2) throw wrong(`the shape (${shape.join()})`);
  const size = type === "<f4" ? 4 : 8;
  if (bytes.length - start !== width! * height! * size)
    throw wrong(`${bytes.length - start} bytes for ${width}x${height}`);
  const data = new Float32Array(width! * height!);
  for (let i = 0; i < data.length; i++)
    data[i] = size === 4 ? bytes.readFloatLE(start + 4 * i) : bytes.readDoubleLE(start + 8 * i);
  return { width: width!, height: height!, data };
}
