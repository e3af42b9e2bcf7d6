/** The elements of a COCO annotation file, checked one by one. */
import { z } from "zod";
import { InstructCvError } from "../errors.js";

export const imageSchema = z.object({
  id: z.number().int(),
  file_name: z.string().min(1),
  width: z.number().int().positive(),
  height: z.number().int().positive(),
});
export type CocoImage = z.infer<typeof imageSchema>;

export const categorySchema = z.object({ id: z.number().int(), name: z.string().min(1) });

export const annotationSchema = z.object({
  id: z.number().int().optional(),
  image_id: z.number().int(),
  category_id: z.number().int(),
  /** x, y, width, height in pixels. */
  bbox: z.tuple([z.number(), z.number(), z.number(), z.number()]),
  iscrowd: z.union([z.literal(0), z.literal(1)]).default(0),
  /** Files for detection alone leave it out, or empty. */
  segmentation: z
    .union([
      // One test over all numbers: a schema for each of the 80 million coordinates of the full set would double the time.
      z.custom<number[][]>(isPolygons, "expected polygons or run lengths"),
      z.object({
        size: z.tuple([z.number().int(), z.number().int()]),
        counts: z.union([z.string(), z.array(z.number().int().nonnegative())]),
      }),
    ])
    .nullish(),
});
export type CocoAnnotation = z.infer<typeof annotationSchema>;

/** @throws {InstructCvError} "dataset" naming the element of the array `key` and the field that is wrong. */
export function checkElement<T>(schema: z.ZodType<T>, value: unknown, path: string, key: string): T {
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

/** Whether an annotation says more than its box. */
export function isOutlined({ segmentation }: CocoAnnotation): boolean {
  return !!segmentation && (!Array.isArray(segmentation) || segmentation.length > 0);
}

function isPolygons(value: unknown): boolean {
  return Array.isArray(value) && value.every((p) => Array.isArray(p) && p.every((v) => typeof v === "number"));
}
