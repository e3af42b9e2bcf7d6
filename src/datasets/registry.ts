/** The readers by name; everything that works over all datasets goes through here. */
import { InstructCvError } from "../errors.js";
import { ade20k } from "./ade20k.js";
import { ade20kFull } from "./ade20k-full.js";
import { camvid } from "./camvid.js";
import { coco } from "./coco.js";
import { fss1000 } from "./fss1000.js";
import { imagenet } from "./imagenet.js";
import { nyuv2 } from "./nyuv2.js";
import { nyuv2Bts } from "./nyuv2-bts.js";
import { nyuv2Mat } from "./nyuv2-mat.js";
import { ownData } from "./own-data.js";
import { oxfordPets } from "./oxford-pets.js";
import { oxfordPets37 } from "./oxford-pets-37breeds.js";
import type { Place, Reader } from "./sample.js";
import { sunrgbd } from "./sunrgbd.js";
import { voc } from "./voc.js";

export const readerNames = [
  "ade20k",
  "ade20k-full",
  "camvid",
  "coco",
  "fss1000",
  "imagenet",
  /** Data of one's own. */
  "manifest",
  "nyuv2",
  "nyuv2-bts",
  "nyuv2-mat",
  "oxford-pets",
  "oxford-pets-37breeds",
  "sunrgbd",
  "voc",
] as const;

export type ReaderName = (typeof readerNames)[number];

/** Entries and options are known to each reader itself only. */
const readers: Readonly<Record<ReaderName, unknown>> = {
  ade20k,
  "ade20k-full": ade20kFull,
  camvid,
  coco,
  fss1000,
  imagenet,
  manifest: ownData,
  nyuv2,
  "nyuv2-bts": nyuv2Bts,
  "nyuv2-mat": nyuv2Mat,
  "oxford-pets": oxfordPets,
  "oxford-pets-37breeds": oxfordPets37,
  sunrgbd,
  voc,
};

export function getReader(name: ReaderName): Reader {
  return readers[name] as Reader;
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
