/** What is asked of each photo of a dataset, and the truth the answer is measured by. */
import { absentMask } from "../datasets/absent-mask.js";
import type { DatasetName } from "../datasets/pool.js";
import type { LabelledPhoto } from "../datasets/sample.js";
import { InstructCvError } from "../errors.js";
import type { Size } from "../image/picture.js";
import type { TaskName } from "../tasks/task.js";
import type { TrueBox } from "./metrics/box-matching.js";

export type Truth =
  /** 1 = category, 0 = other, 255 = not counted. */
  | { readonly task: "segmentation"; readonly mask: Uint8Array }
  | { readonly task: "detection"; readonly boxes: readonly TrueBox[] }
  | { readonly task: "depth"; readonly metres: Float32Array }
  | { readonly task: "classification" };

export interface Question<T extends TaskName = TaskName> {
  readonly task: T;
  /** Null for depth. */
  readonly category: string | null;
  /** Whether the category is in the photo (for detection: has a box in it); true for depth. */
  readonly present: boolean;
  readonly truth: Extract<Truth, { task: T }>;
  /** The photo's. */
  readonly size: Size;
}

/** The categories to ask of a photo for a task, whether or not they are in it; the labels of the photo narrow them down. */
export type Asking = (photo: LabelledPhoto, task: TaskName) => readonly string[];

const ANIMALS = ["bird", "cat", "cow", "dog", "horse", "sheep"];
const SPECIES = ["cat", "dog"];

/** What is asked of the small sets of the pool (VOC here has boxes of five of the six animals). */
export const categoriesAsked: Readonly<Record<DatasetName, readonly string[]>> = {
  nyuv2: [],
  voc2012: ANIMALS,
  coco: ANIMALS,
  "oxford-pets": SPECIES,
  "oxford-pets-37breeds": SPECIES,
};
export const askPool: Asking = ({ dataset }) => categoriesAsked[dataset as DatasetName];
/** Everything that is known of a photo. */
export const askAll: Asking = ({ known }) => known;
/** Masks and boxes of what is there only, as the authors of InstructCV ask: nothing drawn for an absent class is ever seen. */
export const onlyPresent =
  (asked: Asking): Asking =>
  (photo, task) =>
    task === "classification"
      ? asked(photo, task)
      : asked(photo, task).filter((category) => photo.present.includes(category));

/** Whether a photo is worth asking about: it has depth, or shows one of the categories (most COCO photos show no animal). */
export function isAsked(photo: LabelledPhoto, tasks: readonly TaskName[], asked: Asking): boolean {
  if (photo.depth !== undefined) return true;
  return tasks.some((task) => asked(photo, task).some((category) => photo.present.includes(category)));
}

/** The categories a task asks of a photo: `[null]` for depth, empty where the dataset has no labels for the task. */
export function categoriesFor(
  photo: LabelledPhoto,
  task: TaskName,
  asked: Asking = askPool,
): readonly (string | null)[] {
  const within = (labelled: readonly string[] = []) =>
    asked(photo, task).filter((category) => labelled.includes(category));
  switch (task) {
    case "segmentation":
      return photo.masks ? within(photo.masked ?? photo.known) : [];
    case "detection":
      return photo.boxes ? within(photo.boxed) : [];
    case "depth":
      return photo.depth ? [null] : [];
    case "classification":
      return within(photo.known);
  }
}

/** Reads the labels of a photo and asks. @throws {InstructCvError} "dataset" for labels of another size than the photo. */
export async function questionsFor(
  photo: LabelledPhoto,
  size: Size,
  tasks: readonly TaskName[],
  asked: Asking = askPool,
): Promise<Question[]> {
  const questions: Question[] = [];
  for (const task of tasks) {
    const categories = categoriesFor(photo, task, asked);
    if (categories.length === 0) continue;
    const ask = (category: string | null, present: boolean, truth: Truth) =>
      questions.push({ task, category, present, truth, size } as Question);
    if (task === "depth") ask(null, true, { task, metres: sized(await photo.depth!(), photo, size) });
    if (task === "classification")
      for (const category of categories) ask(category, photo.present.includes(category!), { task });
    if (task === "detection") {
      const boxes = await photo.boxes!();
      for (const category of categories) {
        const own = boxes.filter((box) => box.category === category);
        ask(category, own.length > 0, { task, boxes: own });
      }
    }
    if (task === "segmentation") {
      const masks = await photo.masks!();
      const nothing = absentMask([...masks.values()], size);
      for (const category of categories) {
        const mask = sized(masks.get(category!) ?? nothing, photo, size);
        ask(category, mask.includes(1), { task, mask });
      }
    }
  }
  return questions;
}

function sized<T extends { readonly length: number }>(map: T, photo: LabelledPhoto, { width, height }: Size): T {
  if (map.length === width * height) return map;
  throw new InstructCvError(
    "dataset",
    `${photo.path}: the photo is ${width}x${height}, its label has ${map.length} pixels.`,
    "Photo and label must have one size.",
  );
}
