/** Photos whose labels are for one size: a photo of another size would be read with shifted labels. */
import { InstructCvError } from "../errors.js";
import { readPicture } from "../image/io.js";
import type { Picture, Size } from "../image/picture.js";

/** @throws {InstructCvError} "dataset" unless `found`, the size of the file at `path`, is the size of its labels or photo. */
export function requireSize(path: string, found: Size, { width, height }: Size): void {
  if (found.width === width && found.height === height) return;
  throw new InstructCvError(
    "dataset",
    `${path}: expected ${width}x${height} as its counterpart, found ${found.width}x${found.height}.`,
    "Photo and labels must have one size.",
  );
}

/** Decoded photo. @throws {InstructCvError} "dataset" when it has another size than its labels. */
export async function readPhotoOfSize(path: string, size: Size): Promise<Picture> {
  const picture = await readPicture(path);
  requireSize(path, picture, size);
  return picture;
}
