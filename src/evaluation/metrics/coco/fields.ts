/** Reads the fields of COCO's JSON one by one, so that an error names the element and the field. */
import { InstructCvError } from "../../../errors.js";

export type Fields = Readonly<Record<string, unknown>>;
export type Box = readonly [x: number, y: number, width: number, height: number];

/** Says where and what: `instances.json: annotation 7`, then `bbox: expected ..., found ...`. */
export type Fault = (message: string, cure?: string) => InstructCvError;

/** @param code "dataset" for ground truth, "prediction" for results */
export const faultIn =
  (code: "dataset" | "prediction", where: string): Fault =>
  (message, cure) =>
    new InstructCvError(code, `${where}: ${message}`, cure);

export function integerIn(fields: Fields, name: string, fault: Fault): number {
  const value = fields[name];
  if (Number.isSafeInteger(value)) return value as number;
  throw fault(`${name}: expected an integer, found ${shown(value)}.`);
}

/** Of no size is allowed: pycocotools scores such boxes too, they overlap nothing. */
export function boxIn(fields: Fields, fault: Fault): Box {
  const value = fields.bbox;
  if (!Array.isArray(value) || value.length !== 4 || !value.every(Number.isFinite))
    throw fault(`bbox: expected four finite numbers [x, y, width, height], found ${shown(value)}.`);
  const [x, y, width, height] = value as [number, number, number, number];
  if (width < 0 || height < 0)
    throw fault(
      `bbox: expected a width and height of 0 or more, found ${shown(value)}.`,
      "COCO's boxes are [x, y, width, height], not corners.",
    );
  return [x, y, width, height];
}

/** JSON has no NaN; what Python wrote as such reads as null here. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
