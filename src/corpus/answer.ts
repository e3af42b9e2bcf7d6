/** Reads the drawn answer of a record back as a model's drawing would be read, to look at it or to measure what a codec loses. */
import { readPicture } from "../image/io.js";
import type { FloatPicture, Picture, Size } from "../image/picture.js";
import { toFloatPicture } from "../tasks/codec.js";
import { type DrawingStyle, getTask } from "../tasks/registry.js";
import { UNKNOWN_GREY } from "../tasks/segmentation.js";
import type { Task, TaskResult } from "../tasks/task.js";
import type { CorpusEntry, CorpusRecord } from "./record.js";

export interface Answer {
  readonly record: CorpusRecord;
  /** Both at corpus size. */
  readonly photo: Picture;
  readonly drawn: FloatPicture;
}

/** Decodes the pictures of a record. What a mask leaves unknown is read as black. @throws {InstructCvError} "image" */
export async function readAnswer({ record, image, target }: CorpusEntry): Promise<Answer> {
  const photo = await readPicture(image, { name: `${record.key}.image.jpg` });
  const picture = await readPicture(target, { name: `${record.key}.target.png` });
  if (record.task !== "segmentation") return { record, photo, drawn: toFloatPicture(picture) };
  const data = picture.data.map((value) => (value === UNKNOWN_GREY ? 0 : value));
  return { record, photo, drawn: toFloatPicture({ ...picture, data }) };
}

/** The answer as data, for a photo of `size` pixels; `style` is the manifest's. */
export function decodeAnswer({ record, photo, drawn }: Answer, style: DrawingStyle, size: Size): TaskResult {
  const task: Task = getTask(record.task, style);
  return task.decode(drawn, photo, record.slots, size);
}

/** Size of the photo in its dataset, pixels. */
export function ownSize({ size: [width, height] }: CorpusRecord): Size {
  return { width, height };
}
