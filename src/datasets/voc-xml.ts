/** The annotation files of PASCAL VOC: the objects of a photo and their boxes. */
import { XMLParser, XMLValidator } from "fast-xml-parser";
import { InstructCvError } from "../errors.js";
import type { Size, Xyxy } from "../image/picture.js";
import { clipBox, hasArea } from "./box.js";
import { readDatasetText } from "./files.js";
import type { AnnotatedBox } from "./sample.js";
import { cocoSpelling } from "./voc-classes.js";

export interface VocAnnotation {
  /** Absent where the file has none, or 0x0. */
  readonly size?: Size;
  readonly objects: readonly VocObject[];
}

interface VocObject {
  /** In COCO's spelling. */
  readonly category: string;
  readonly difficult: boolean;
  /** Pixels, half-open; the files count from 1 and include both ends. Not cut to the photo. */
  readonly xyxy: Xyxy;
}

/** Parts of an object (`<part>`: head, hands and feet of persons in VOC2012) have boxes too; they are no objects. */
const xml = new XMLParser({ isArray: (_, path) => path === "annotation.object" });

/** @throws {InstructCvError} "dataset" when the file is missing, is no VOC annotation or has a box without numbers. */
export async function readVocXml(path: string): Promise<VocAnnotation> {
  const text = await readDatasetText(path);
  const valid = XMLValidator.validate(text);
  if (valid !== true)
    throw new InstructCvError("dataset", `${path}: broken XML, line ${valid.err.line}: ${valid.err.msg}`);
  const { annotation } = xml.parse(text) as VocXml;
  if (typeof annotation !== "object") {
    throw new InstructCvError("dataset", `${path}: expected a VOC annotation, found none.`);
  }
  const [width, height] = [Number(annotation.size?.width), Number(annotation.size?.height)];
  return {
    ...(width > 0 && height > 0 && { size: { width, height } }),
    objects: (annotation.object ?? []).map(({ name, difficult, bndbox }) => {
      const xyxy = [Number(bndbox?.xmin) - 1, Number(bndbox?.ymin) - 1, Number(bndbox?.xmax), Number(bndbox?.ymax)];
      if (!xyxy.every(Number.isFinite)) {
        throw new InstructCvError("dataset", `${path}: a box of ${name} has no numbers.`);
      }
      return {
        category: cocoSpelling(String(name)),
        difficult: Number(difficult) === 1,
        xyxy: xyxy as unknown as Xyxy,
      };
    }),
  };
}

/** Boxes cut to the photo; difficult ones, and those without area inside it, are ignored. */
export function boxesIn({ objects }: VocAnnotation, size: Size): AnnotatedBox[] {
  return objects.map((object) => {
    const xyxy = clipBox(object.xyxy, size);
    return { category: object.category, xyxy, ignore: object.difficult || !hasArea(xyxy) };
  });
}

interface VocXml {
  annotation?: {
    size?: { width?: unknown; height?: unknown };
    object?: { name?: unknown; difficult?: unknown; bndbox?: Record<string, unknown> }[];
  };
}
