/** One pass over a COCO annotation file: images, category names and the annotations of each image, checked. */
import { z } from "zod";
import { InstructCvError } from "../errors.js";
import type { Segmentation } from "./coco-masks.js";
import { jsonElements } from "./json-elements.js";

const imageSchema = z.object({
  id: z.number().int(),
  file_name: z.string().min(1),
  width: z.number().int().positive(),
  height: z.number().int().positive(),
});
export type CocoImage = z.infer<typeof imageSchema>;

const categorySchema = z.object({ id: z.number().int(), name: z.string().min(1) });

const annotationSchema = z.object({
  image_id: z.number().int(),
  category_id: z.number().int(),
  bbox: z.tuple([z.number(), z.number(), z.number(), z.number()]),
  iscrowd: z.union([z.literal(0), z.literal(1)]).default(0),
  segmentation: z.union([
    // One test over all numbers: a schema for each of the 80 million coordinates of the full set would double the time.
    z.custom<number[][]>(isPolygons, "expected polygons or run lengths"),
    z.object({
      size: z.tuple([z.number().int(), z.number().int()]),
      counts: z.union([z.string(), z.array(z.number().int().nonnegative())]),
    }),
  ]),
});

export interface CocoAnnotation {
  readonly category: number;
  /** x, y, width, height in pixels. */
  readonly bbox: readonly [number, number, number, number];
  readonly crowd: boolean;
  readonly segmentation: Segmentation;
}

export interface CocoIndex {
  /** In file order. */
  readonly images: readonly CocoImage[];
  /** Lower-case name by category id, in file order. */
  readonly categories: ReadonlyMap<number, string>;
  readonly annotations: ReadonlyMap<number, readonly CocoAnnotation[]>;
}

/**
 * Annotations of images that the file does not list are left out (subsets of COCO keep them).
 * @throws {InstructCvError} "dataset" when the file is missing, damaged or an element has not COCO's fields.
 */
export async function indexCoco(path: string): Promise<CocoIndex> {
  const images: CocoImage[] = [];
  const categories = new Map<number, string>();
  const annotations = new Map<number, CocoAnnotation[]>();
  for await (const { key, value } of jsonElements(path, new Set(["images", "categories", "annotations"]))) {
    if (key === "images") images.push(check(imageSchema, value, path, key));
    else if (key === "categories") {
      const { id, name } = check(categorySchema, value, path, key);
      categories.set(id, name.toLowerCase());
    } else {
      const a = check(annotationSchema, value, path, key);
      // Typed arrays keep the 860,000 outlines of the full training set in a third of the memory.
      const segmentation = Array.isArray(a.segmentation)
        ? a.segmentation.map((polygon) => Float64Array.from(polygon))
        : a.segmentation;
      const list = annotations.get(a.image_id) ?? [];
      list.push({ category: a.category_id, bbox: a.bbox, crowd: a.iscrowd === 1, segmentation });
      annotations.set(a.image_id, list);
    }
  }
  if (images.length === 0 || categories.size === 0) {
    throw new InstructCvError("dataset", `${path}: expected COCO's "images" and "categories", found none.`);
  }
  for (const { id } of images) {
    const stray = annotations.get(id)?.find(({ category }) => !categories.has(category));
    if (stray) throw new InstructCvError("dataset", `${path}: image ${id} has the unknown category ${stray.category}.`);
  }
  return { images, categories, annotations };
}

function isPolygons(value: unknown): boolean {
  return Array.isArray(value) && value.every((p) => Array.isArray(p) && p.every((v) => typeof v === "number"));
}

function check<T>(schema: z.ZodType<T>, value: unknown, path: string, key: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const id = (value as { id?: unknown }).id;
  throw new InstructCvError(
    "dataset",
    `${path}: ${key} element ${id}: ${issue?.path.join(".")}: ${issue?.message}`,
    "Give an annotation file in COCO's layout.",
  );
}
