/** COCO's results JSON, what detectors write and pycocotools' loadRes reads, in both directions. */
import { readFile, stat } from "node:fs/promises";
import { InstructCvError } from "../../../errors.js";
import { writeAtomic } from "../../../files.js";
import { rleRuns } from "../../../tasks/rle.js";
import type { Rle } from "../../../tasks/task.js";
import { type Box, boxIn, type Fault, type Fields, faultIn, integerIn, shown } from "./fields.js";
import type { CocoTruth } from "./truth.js";

/** One answer, with the file's own names. It has a box, a mask or both. */
export interface CocoResult {
  readonly image_id: number;
  readonly category_id: number;
  /** Any finite number, higher is surer. */
  readonly score: number;
  readonly bbox?: Box;
  readonly segmentation?: Rle;
}

/** A string in V8 holds no more; 500,000 masks are about 200 MB. */
const MOST_BYTES = 500e6;

/**
 * @throws {InstructCvError} "prediction" when the file is missing, larger than 500 MB, no JSON list, or has a result that
 *   `checkCocoResults` refuses.
 */
export async function readCocoResults(path: string, truth: CocoTruth): Promise<CocoResult[]> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile()) throw new InstructCvError("prediction", `${path}: there is no such file.`);
  if (found.size > MOST_BYTES)
    throw new InstructCvError(
      "prediction",
      `${path}: expected at most ${MOST_BYTES / 1e6} MB, found ${Math.round(found.size / 1e6)} MB.`,
      "Keep the 100 best boxes of each image and category: COCO looks at no more.",
    );
  return checkCocoResults(parse(await readFile(path, "utf8"), path), truth, path);
}

/** Python writes NaN and Infinity, which are no JSON: they become null, so that the check names the result that has one. */
function parse(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const mended = text.replace(/([[:,]\s*)-?(?:NaN|Infinity)(?=\s*[\],}])/g, "$1null");
    if (mended === text) throw new InstructCvError("prediction", `${path}: no JSON: ${(error as Error).message}.`);
    try {
      return JSON.parse(mended);
    } catch {
      throw new InstructCvError("prediction", `${path}: no JSON, with NaN or Infinity in it.`);
    }
  }
}

/**
 * Results as they may be scored: of images and categories that the truth has, of finite numbers, masks of the image's size. As in
 * pycocotools the first result decides what the list holds, and all must hold it.
 * @param where what errors name, such as the file
 * @throws {InstructCvError} "prediction" naming the result (counted from 0) and the field.
 */
export function checkCocoResults(list: unknown, truth: CocoTruth, where: string): CocoResult[] {
  if (!Array.isArray(list))
    throw new InstructCvError("prediction", `${where}: expected a list of results, found ${shown(list)}.`);
  const ids = new Set<unknown>();
  const first = kindOf(list[0]);
  return list.map((value: unknown, index) => {
    const fault = faultIn("prediction", `${where}: result ${index}`);
    if (typeof value !== "object" || value === null) throw fault(`expected an object, found ${shown(value)}.`);
    const { id } = value as Fields;
    if (id !== undefined && ids.size === ids.add(id).size)
      throw fault(`the id ${shown(id)} comes twice.`, "Was a file appended to itself?");
    return resultOf(value as Fields, first, truth, fault);
  });
}

const isBox = (value: unknown) => value !== undefined && !(Array.isArray(value) && value.length === 0);

function kindOf(first: unknown): "bbox" | "segmentation" {
  return isBox((first as Fields | undefined)?.bbox) ? "bbox" : "segmentation";
}

function resultOf(fields: Fields, kind: "bbox" | "segmentation", truth: CocoTruth, fault: Fault): CocoResult {
  const image = integerIn(fields, "image_id", fault);
  if (!truth.images.has(image))
    throw fault(`image_id ${image} is not in ${truth.path}.`, "Score it against the annotations it was made for.");
  const category = integerIn(fields, "category_id", fault);
  if (!truth.categories.has(category))
    throw fault(
      `category_id ${category} is not in ${truth.path}.`,
      "COCO's ids have gaps (1 to 90 for 80 classes): map class numbers to them.",
    );
  if (!Number.isFinite(fields.score)) throw fault(`score: expected a finite number, found ${shown(fields.score)}.`);
  if (!(kind === "bbox" ? isBox(fields.bbox) : fields.segmentation))
    throw fault(`${kind}: expected one as in the first result, found ${shown(fields[kind])}.`);
  return {
    image_id: image,
    category_id: category,
    score: fields.score as number,
    ...(isBox(fields.bbox) && { bbox: boxIn(fields, fault) }),
    ...(fields.segmentation !== undefined && { segmentation: maskIn(fields.segmentation, image, truth, fault) }),
  };
}

function maskIn(value: unknown, image: number, truth: CocoTruth, fault: Fault): Rle {
  const { size, counts } = (value ?? {}) as { size?: unknown; counts?: unknown };
  const sized = Array.isArray(size) && size.length === 2 && size.every(Number.isSafeInteger);
  if (!sized || typeof counts !== "string")
    throw fault(`segmentation: expected compressed run lengths {size, counts}, found ${shown(value)}.`);
  const [height, width] = size as [number, number];
  const own = truth.images.get(image)!.size;
  if (own && (own.width !== width || own.height !== height))
    throw fault(
      `segmentation: run lengths for ${width}x${height} in an image of ${own.width}x${own.height}.`,
      own.width === height && own.height === width
        ? "size is [height, width]: the two are swapped."
        : "Scale the mask to the image.",
    );
  const rle: Rle = { size: [height, width], counts };
  const pixels = coveredPixels(rle, fault);
  if (pixels !== width * height)
    throw fault(`segmentation: expected runs over ${width * height} pixels, found ${pixels}.`);
  return rle;
}

function coveredPixels(rle: Rle, fault: Fault): number {
  try {
    return rleRuns(rle).reduce((sum, run) => (run < 0 ? Number.NaN : sum + run), 0);
  } catch (error) {
    throw fault(`segmentation: ${(error as Error).message}`);
  }
}

/** Writes what pycocotools' `COCO.loadRes` reads, whole or not at all; the folder must exist. */
export function writeCocoResults(path: string, results: readonly CocoResult[]): Promise<void> {
  const lines = results.map(({ image_id, category_id, score, bbox, segmentation }, i) => {
    if (![score, ...(bbox ?? [])].every(Number.isFinite))
      throw new InstructCvError("prediction", `${path}: result ${i} has a number that is not finite.`);
    return JSON.stringify({ image_id, category_id, bbox, score, segmentation });
  });
  return writeAtomic(path, `[${lines.join(",\n")}]\n`);
}
