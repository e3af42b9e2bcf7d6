/** The readers by name; everything that works over all datasets goes through here. */
import { InstructCvError } from "../errors.js";
import { coco } from "./coco.js";
import { nyuv2 } from "./nyuv2.js";
import { oxfordPets } from "./oxford-pets.js";
import { oxfordPets37 } from "./oxford-pets-37breeds.js";
import type { Place, Reader } from "./sample.js";
import { voc } from "./voc.js";

export const readers = { nyuv2, voc, coco, "oxford-pets": oxfordPets, "oxford-pets-37breeds": oxfordPets37 } as const;

export type ReaderName = keyof typeof readers;
export const readerNames = Object.keys(readers) as ReaderName[];

/** The reader, its entries and options known to itself only. */
export function getReader(name: ReaderName): Reader {
  return readers[name] as unknown as Reader;
}

/** A place with its options checked. @throws {InstructCvError} "config" naming the option that the reader does not know. */
export function placeOf(
  reader: ReaderName,
  place: Omit<Place, "options">,
  options: Readonly<Record<string, unknown>> = {},
): Place {
  const result = getReader(reader).options.safeParse(options);
  if (result.success) return { ...place, options: result.data };
  const issue = result.error.issues[0];
  const where = ["options", ...(issue?.path ?? [])].join(".");
  throw new InstructCvError("config", `Dataset ${place.name} (${reader}): ${where}: ${issue?.message}.`);
}
