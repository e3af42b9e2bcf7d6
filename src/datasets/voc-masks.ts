/** The palette PNGs of PASCAL VOC: class masks, and boxes around the instances of object masks. */
import { InstructCvError } from "../errors.js";
import { readIndexed8 } from "../image/io.js";
import { boxesOfValues } from "./label-boxes.js";
import type { AnnotatedBox } from "./sample.js";
import { requireSize } from "./sized-photo.js";
import { VOC_CLASSES } from "./voc-classes.js";

/** The band around objects. Masks of the Semantic Boundaries Dataset have none. */
const IGNORE = 255;

/** Masks by class. @throws {InstructCvError} "dataset" when a palette index is no class. */
export async function readClassMasks(path: string): Promise<ReadonlyMap<string, Uint8Array>> {
  const { data } = await readIndexed8(path);
  const masks = new Map<string, Uint8Array>();
  for (const index of [...new Set(data)].sort((a, b) => a - b)) {
    if (index === 0 || index === IGNORE) continue;
    const mask = new Uint8Array(data.length);
    for (let i = 0; i < data.length; i++) mask[i] = data[i] === index ? 1 : data[i] === IGNORE ? IGNORE : 0;
    masks.set(classOf(index, path), mask);
  }
  return masks;
}

/**
 * The tight box of each instance of an object mask, its class as the class mask has it in most of its pixels. The band around objects
 * counts to none, so that boxes are a few pixels tighter than drawn ones.
 * @throws {InstructCvError} "dataset" when the two masks differ in size or an instance has no class.
 */
export async function readInstanceBoxes(objectPath: string, classPath: string): Promise<AnnotatedBox[]> {
  const [objects, classes] = await Promise.all([readIndexed8(objectPath), readIndexed8(classPath)]);
  requireSize(objectPath, objects, classes);
  const instanceAt = (pixel: number) => (objects.data[pixel] === IGNORE ? 0 : objects.data[pixel]!);
  return [...boxesOfValues(objects, instanceAt)].map(([instance, xyxy]) => ({
    category: classOf(
      commonest(classes.data, (pixel) => objects.data[pixel] === instance),
      objectPath,
    ),
    xyxy,
    ignore: false,
  }));
}

/** The value that most of the pixels chosen carry. */
function commonest(data: Uint8Array, chosen: (pixel: number) => boolean): number {
  const counts = new Uint32Array(256);
  data.forEach((value, pixel) => {
    if (chosen(pixel)) counts[value]!++;
  });
  return counts.indexOf(Math.max(...counts));
}

function classOf(index: number, path: string): string {
  const category = VOC_CLASSES[index - 1];
  if (category) return category;
  throw new InstructCvError("dataset", `${path}: palette index ${index}, expected 0 to ${VOC_CLASSES.length} or 255.`);
}
