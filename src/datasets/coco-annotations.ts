/** Reads the annotations of one photo back from where the index found them in the file. */
import { InstructCvError } from "../errors.js";
import type { CocoEntry } from "./coco-index.js";
import { annotationSchema, type CocoAnnotation, checkElement } from "./coco-schema.js";
import { openFile } from "./json-elements.js";

/** @throws {InstructCvError} "dataset" when the file is gone or is another one than was listed. */
export async function readAnnotations(path: string, { id, spans }: CocoEntry): Promise<CocoAnnotation[]> {
  if (spans.length === 0) return [];
  const file = await openFile(path);
  try {
    const annotations: CocoAnnotation[] = [];
    for (let i = 0; i < spans.length; i += 2) {
      const bytes = Buffer.allocUnsafe(spans[i + 1]!);
      const { bytesRead } = await file.read(bytes, 0, bytes.length, spans[i]!);
      const annotation = checkElement(annotationSchema, parse(bytes, bytesRead, path), path, "annotations");
      if (annotation.image_id !== id) throw changed(path);
      annotations.push(annotation);
    }
    return annotations;
  } finally {
    await file.close();
  }
}

function parse(bytes: Buffer, read: number, path: string): unknown {
  try {
    return JSON.parse(bytes.toString("utf8", 0, read));
  } catch {
    throw changed(path);
  }
}

function changed(path: string): InstructCvError {
  return new InstructCvError("dataset", `${path}: it is not the file that was listed any more.`, "Begin again.");
}
