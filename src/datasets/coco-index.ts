/** One pass over a COCO annotation file: every element is checked, of an annotation only where it lies is kept. */
import { InstructCvError } from "../errors.js";
import { type AnnotationRow, AnnotationTable } from "./annotation-table.js";
import {
  annotationSchema,
  type CocoImage,
  categorySchema,
  checkElement,
  imageSchema,
  isOutlined,
} from "./coco-schema.js";
import { jsonElements } from "./json-elements.js";

/** Category names, shared by all photos of a file. */
export interface CocoLabels {
  /** Lower-case name by category id. */
  readonly names: ReadonlyMap<number, string>;
  /** The different names, in file order. */
  readonly known: readonly string[];
}

/** What the file says of one photo: about 300 bytes in the full set. */
export interface CocoEntry {
  readonly id: number;
  readonly file: string;
  readonly width: number;
  readonly height: number;
  readonly labels: CocoLabels;
  /** Places in `labels.known` of the categories that are in the photo, ascending. */
  readonly present: readonly number[];
  /** Offset and length in bytes of each of its annotations in the file. */
  readonly spans: readonly number[];
  /** False when it has annotations and all of them are boxes only. */
  readonly masked: boolean;
}

export interface CocoIndex {
  /** In file order, without those whose id comes twice. */
  readonly entries: readonly CocoEntry[];
  /** Images that cannot be used because their id comes twice. */
  readonly duplicates: readonly { readonly image: CocoImage; readonly reason: string }[];
  /** Annotations of images that the file does not list (subsets of COCO keep them), and the image of the first. */
  readonly strays: { readonly count: number; readonly image: number };
}

/**
 * The arrays may come in any order. An image id that comes twice leaves out the second image, and the first too if the two are
 * different files: whose annotations they are cannot be told. An annotation id that comes twice in an image counts once, the first.
 * @throws {InstructCvError} "dataset" when the file is missing, damaged or an element has not COCO's fields.
 */
export async function indexCoco(path: string): Promise<CocoIndex> {
  const images = new Map<number, CocoImage>();
  const doubles: CocoImage[] = [];
  const names = new Map<number, string>();
  const table = new AnnotationTable();
  for await (const { key, value, offset, length } of jsonElements(
    path,
    new Set(["images", "categories", "annotations"]),
  )) {
    if (key === "images") {
      const image = checkElement(imageSchema, value, path, key);
      if (images.has(image.id)) doubles.push(image);
      else images.set(image.id, image);
    } else if (key === "categories") {
      const { id, name } = checkElement(categorySchema, value, path, key);
      if (names.has(id)) throw new InstructCvError("dataset", `${path}: the category id ${id} comes twice.`);
      names.set(id, name.toLowerCase());
    } else {
      const annotation = checkElement(annotationSchema, value, path, key);
      table.add({
        image: annotation.image_id,
        category: annotation.category_id,
        id: annotation.id ?? Number.NaN,
        outlined: isOutlined(annotation) ? 1 : 0,
        offset,
        length,
      });
    }
  }
  if (images.size === 0 || names.size === 0) {
    throw new InstructCvError("dataset", `${path}: expected COCO's "images" and "categories", found none.`);
  }
  const labels: CocoLabels = { names, known: [...new Set(names.values())] };
  const { rowsOf, strays } = table.byImage([...images.keys()]);
  const duplicates = doubles.flatMap((image) => {
    const first = images.get(image.id);
    const reason = `${path}: the image id ${image.id} comes twice.`;
    if (!first || first.file_name === image.file_name) return [{ image, reason }];
    images.delete(image.id);
    return [first, image].map((one) => ({ image: one, reason }));
  });
  const entries = [...images.values()].map((image) => entryOf(image, rowsOf(image.id), labels, path));
  return { entries, duplicates, strays };
}

function entryOf(image: CocoImage, rows: readonly AnnotationRow[], labels: CocoLabels, path: string): CocoEntry {
  const ids = new Set<number>();
  const counted = rows.filter(({ id }) => Number.isNaN(id) || ids.size < ids.add(id).size);
  const places = counted.map(({ category }) => {
    const name = labels.names.get(category);
    if (name !== undefined) return labels.known.indexOf(name);
    throw new InstructCvError("dataset", `${path}: image ${image.id} has the unknown category ${category}.`);
  });
  return {
    id: image.id,
    file: image.file_name,
    width: image.width,
    height: image.height,
    labels,
    // A slice has no room to grow, which over all images of the full set is 20 MB.
    present: [...new Set(places)].sort((a, b) => a - b).slice(),
    spans: counted.flatMap(({ offset, length }) => [offset, length]).slice(),
    masked: counted.length === 0 || counted.some(({ outlined }) => outlined === 1),
  };
}
