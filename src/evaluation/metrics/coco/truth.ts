/** Ground truth as COCO's instances JSON has it, read element by element and checked. */
import type { Segmentation } from "../../../datasets/coco-masks.js";
import { jsonElements } from "../../../datasets/json-elements.js";
import { InstructCvError } from "../../../errors.js";
import type { Size } from "../../../image/picture.js";
import { type Box, boxIn, type Fault, type Fields, faultIn, integerIn, shown } from "./fields.js";

export interface CocoImage {
  /** Absent where the file has none: boxes can be scored without. */
  readonly size?: Size;
  readonly file?: string;
}

export interface CocoObject {
  readonly id: number;
  readonly image: number;
  readonly category: number;
  readonly box: Box;
  /** Square pixels, as the file has it; width times height of the box where it has none. */
  readonly area: number;
  readonly crowd: boolean;
  /** Kept when masks were asked for. */
  readonly segmentation?: Segmentation;
}

export interface CocoTruth {
  /** For messages. */
  readonly path: string;
  readonly images: ReadonlyMap<number, CocoImage>;
  /** Names by id. */
  readonly categories: ReadonlyMap<number, string>;
  /** In file order. */
  readonly objects: readonly CocoObject[];
  /** Annotations of images that the file does not list (subsets of COCO keep them): left out, as pycocotools does. */
  readonly strays: number;
}

/**
 * @param options masks: keep the regions too
 * @throws {InstructCvError} "dataset" naming the element: a field that is missing or wrong, an unknown category, an id that comes twice.
 */
export async function readCocoTruth(path: string, { masks = false } = {}): Promise<CocoTruth> {
  const images = new Map<number, CocoImage>();
  const categories = new Map<number, string>();
  const objects: CocoObject[] = [];
  const ids = new Set<number>();
  for await (const { key, value } of jsonElements(path, new Set(["images", "categories", "annotations"]))) {
    const fields = value as Fields;
    const fault = faultIn("dataset", `${path}: ${key} element ${shown(fields.id)}`);
    const id = integerIn(fields, "id", fault);
    const twice = key === "images" ? images.has(id) : key === "categories" ? categories.has(id) : ids.has(id);
    if (twice)
      throw fault("the id comes twice.", "Number the elements anew: whose results are whose cannot be told otherwise.");
    if (key === "images") images.set(id, imageOf(fields));
    else if (key === "categories") categories.set(id, String(fields.name ?? id));
    else {
      ids.add(id);
      objects.push(objectOf(id, fields, masks, fault));
    }
  }
  if (images.size === 0 || categories.size === 0)
    throw new InstructCvError("dataset", `${path}: expected COCO's "images" and "categories", found none.`);
  const listed = objects.filter(({ image }) => images.has(image));
  for (const { id, category } of listed)
    if (!categories.has(category))
      throw faultIn("dataset", `${path}: annotations element ${id}`)(`unknown category_id ${category}.`);
  return { path, images, categories, objects: listed, strays: objects.length - listed.length };
}

function imageOf({ width, height, file_name }: Fields): CocoImage {
  const sized = [width, height].every((side) => Number.isSafeInteger(side) && (side as number) > 0);
  return {
    ...(sized && { size: { width: width as number, height: height as number } }),
    ...(typeof file_name === "string" && { file: file_name }),
  };
}

function objectOf(id: number, fields: Fields, masks: boolean, fault: Fault): CocoObject {
  const box = boxIn(fields, fault);
  const { area = box[2] * box[3], iscrowd = 0, segmentation } = fields;
  if (!(Number.isFinite(area) && (area as number) >= 0))
    throw fault(`area: expected a number of 0 or more, found ${shown(area)}.`);
  if (iscrowd !== 0 && iscrowd !== 1) throw fault(`iscrowd: expected 0 or 1, found ${shown(iscrowd)}.`);
  return {
    id,
    image: integerIn(fields, "image_id", fault),
    category: integerIn(fields, "category_id", fault),
    box,
    area: area as number,
    crowd: iscrowd === 1,
    ...(masks && { segmentation: regionOf(segmentation, fault) }),
  };
}

function regionOf(value: unknown, fault: Fault): Segmentation {
  const numbers = (list: unknown): boolean => Array.isArray(list) && list.every(Number.isFinite);
  if (Array.isArray(value) && value.length > 0 && value.every(numbers)) return value as number[][];
  const { size, counts } = (value ?? {}) as Fields;
  if (numbers(size) && (size as number[]).length === 2 && (typeof counts === "string" || numbers(counts)))
    return value as Segmentation;
  throw fault(`segmentation: expected polygons or run lengths, found ${shown(value)}.`);
}
