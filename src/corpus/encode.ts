/** Turns the questions about one photo into corpus records: instruction, squashed photo, drawn answer. */
import { absentMask } from "../datasets/absent-mask.js";
import type { LabelledPhoto } from "../datasets/sample.js";
import { requireSize } from "../datasets/sized-photo.js";
import { InstructCvError } from "../errors.js";
import {
  encodeDepthPng,
  encodeGreyPng,
  encodeJpeg,
  encodePng,
  readPicture,
  readPictureAt,
  resizePicture,
} from "../image/io.js";
import type { Picture, Size } from "../image/picture.js";
import type { Bank } from "../instructions/bank.js";
import { renderInstruction } from "../instructions/render.js";
import { createRng, hash32, type Rng } from "../random.js";
import { defaultColours, palette, slotColours } from "../tasks/colours.js";
import { getTask } from "../tasks/registry.js";
import { encodeRle } from "../tasks/rle.js";
import type { Label, LabelOf, Slots, Task, TaskName, Xyxy } from "../tasks/task.js";
import type { CorpusConfig } from "./config.js";
import type { CorpusRecord, Wording } from "./record.js";
import { type Frequencies, type PhotoFacts, type Question, questionsFor } from "./sampling.js";
import type { Member } from "./shards.js";

export interface EncodedRecord {
  readonly record: CorpusRecord;
  readonly members: readonly Member[];
}

export interface EncodedPhoto {
  readonly records: readonly EncodedRecord[];
  /** Questions that were asked for and cannot be drawn, each with the reason. */
  readonly refused: readonly string[];
}

/** A photo's labels, checked against its size. */
interface Facts extends PhotoFacts {
  readonly metres?: Float32Array;
}

/**
 * All records of one photo. The same photo, configuration and bank give the same bytes, whatever else is built.
 * @throws {InstructCvError} "dataset" or "image" when the photo or one of its labels cannot be used
 */
export async function encodePhoto(
  photo: LabelledPhoto,
  tasks: readonly TaskName[],
  frequencies: Frequencies,
  config: CorpusConfig,
  bank: Bank,
): Promise<EncodedPhoto> {
  const square = { width: config.size, height: config.size };
  const { picture, size: frame } = await readPhoto(photo, square);
  const facts = await readFacts(photo, tasks, frame);
  const jpeg = await encodeJpeg(picture, config.jpeg_quality);
  const rng = createRng(`${config.seed}/${photo.id}`);
  const questions = questionsFor(photo, facts, frequencies, config.size, config.sampling, rng).filter(({ task }) =>
    tasks.includes(task),
  );
  // Boxes are drawn on the photo as a loader will see it, compression and all.
  const seen = questions.some(({ task }) => task === "detection") ? await readPicture(jpeg) : picture;
  const records: EncodedRecord[] = [];
  const refused: string[] = [];
  for (const [index, question] of questions.entries()) {
    const slots = slotsFor(question, rng);
    const { instruction, wording } = wordingFor(question, slots, config, bank, rng);
    const whole = labelOf(question, photo, facts);
    const task: Task = getTask(question.task, { box_outline: config.box_outline });
    const label = task.transformLabel(whole, [0, 0, frame.width, frame.height], square, false);
    if (label.task === "detection" && whole.task === "detection" && label.boxes.length < whole.boxes.length) {
      refused.push(`${photo.path}: a box of ${question.category} is too small to be drawn at ${config.size} pixels.`);
      continue;
    }
    const record: CorpusRecord = {
      key: `${keyOf(photo.id)}_${index}`,
      photo: photo.id,
      dataset: photo.dataset,
      size: [frame.width, frame.height],
      task: question.task,
      slots,
      instruction,
      wording,
      ...(whole.task === "segmentation" && maskFields(whole)),
      ...(label.task === "detection" && { boxes: label.boxes.map((box) => box.map(toHundredths) as unknown as Xyxy) }),
      ...(label.task === "classification" && { present: label.present }),
      negative: question.negative,
    };
    const members: Member[] = [
      { suffix: "json", bytes: Buffer.from(JSON.stringify(record)) },
      { suffix: "image.jpg", bytes: jpeg },
      { suffix: "target.png", bytes: await targetPng(task, label, seen, slots) },
    ];
    if (label.task === "depth") members.push({ suffix: "depth.png", bytes: await depthPng(label) });
    records.push({ record, members });
  }
  return { records, refused };
}

/** The id without dots and slashes; where more than its first slash is lost, told apart by a hash. */
function keyOf(id: string): string {
  const plain = id.replace("/", "_");
  if (/^[\w-]{1,80}$/.test(plain)) return plain;
  return `${plain.replace(/[^\w-]/g, "_").slice(0, 70)}-${hash32(id).toString(16).padStart(8, "0")}`;
}

async function readPhoto(photo: LabelledPhoto, square: Size): Promise<{ picture: Picture; size: Size }> {
  const read = photo.embedded
    ? await photo.image().then(async (whole) => ({ picture: await resizePicture(whole, square), size: whole }))
    : await readPictureAt(photo.path, square);
  if (photo.size) requireSize(photo.path, read.size, photo.size);
  return read;
}

async function readFacts(photo: LabelledPhoto, tasks: readonly TaskName[], frame: Size): Promise<Facts> {
  // Masks also tell which categories are too small to see, which every task but depth wants to know.
  const masks = tasks.some((task) => task !== "depth") ? await photo.masks?.() : undefined;
  const boxes = tasks.includes("detection") ? await photo.boxes?.() : undefined;
  const metres = tasks.includes("depth") ? await photo.depth?.() : undefined;
  for (const [category, mask] of masks ?? []) checkSize(photo, `mask of ${category}`, mask.length, frame);
  if (metres) {
    checkSize(photo, "depth", metres.length, frame);
    if (!metres.some((value) => value > 0)) {
      throw new InstructCvError("dataset", `${photo.path}: its depth map has no known depth.`);
    }
  }
  return { width: frame.width, height: frame.height, masks, boxes, metres };
}

/** Half of the classification questions use the default colours (green yes, red no), the others any two of the palette. */
function slotsFor({ task, category, colours }: Question, rng: Rng): Slots {
  if (task !== "classification") return { category };
  if (colours) return { category, ...colours };
  if (rng.next() < 0.5) return { category, ...defaultColours };
  const [positive, negative] = rng.shuffle(palette);
  return { category, positive, negative };
}

function wordingFor(
  { task, instruction }: Question,
  slots: Slots,
  { instructions: { mode, template_share } }: CorpusConfig,
  bank: Bank,
  rng: Rng,
): { instruction: string; wording: Wording } {
  if (instruction !== undefined) return { instruction, wording: "own" };
  const wording = mode === "fp" || rng.next() < template_share ? "template" : "paraphrase";
  return { instruction: renderInstruction(task, slots, wording, rng, 0, bank), wording };
}

function labelOf({ task, category, negative }: Question, photo: LabelledPhoto, facts: Facts): Label {
  const { width, height, masks, boxes, metres } = facts;
  if (task === "classification") return { task, present: !negative };
  if (task === "depth") return { task, width, height, metres: metres! };
  if (task === "detection") {
    return { task, width, height, boxes: boxes!.filter((box) => box.category === category).map((box) => box.xyxy) };
  }
  const foreground = photo.ignoreDrawnAs === "foreground";
  const mask = masks!.get(category!) ?? absentMask(foreground ? [] : [...masks!.values()], facts);
  return { task, width, height, mask: foreground ? mask.map((value) => (value === 0 ? 0 : 1)) : mask };
}

/** Frames of one colour by size and colour: more than half of the targets are such a frame, and there are few. */
const frames = new Map<string, Promise<Buffer>>();

async function targetPng(task: Task, label: Label, photo: Picture, slots: Slots): Promise<Buffer> {
  if (label.task === "classification") {
    const { positive, negative } = slotColours(slots);
    const key = `${photo.width} ${(label.present ? positive : negative).name}`;
    const frame = frames.get(key) ?? encodePng(task.encode(label, photo, slots));
    frames.set(key, frame);
    return frame;
  }
  const target = task.encode(label, photo, slots);
  return label.task === "detection" ? encodePng(target) : Buffer.from(encodeGreyPng(firstChannel(target), target));
}

function firstChannel({ data }: Picture): Uint8Array {
  const grey = new Uint8Array(data.length / 3);
  for (let i = 0; i < grey.length; i++) grey[i] = data[3 * i]!;
  return grey;
}

/** The label as it was before it was squashed, so that a codec's loss can be measured. */
function maskFields(label: LabelOf<"segmentation">): Pick<CorpusRecord, "mask" | "ignore"> {
  let ignored: Uint8Array | undefined;
  if (label.mask.includes(255)) {
    ignored = new Uint8Array(label.mask.length);
    for (let i = 0; i < ignored.length; i++) ignored[i] = label.mask[i] === 255 ? 1 : 0;
  }
  return { mask: encodeRle(label.mask, label), ...(ignored && { ignore: encodeRle(ignored, label) }) };
}

function depthPng({ metres, width, height }: LabelOf<"depth">): Promise<Buffer> {
  const millimetres = new Uint16Array(metres.length);
  for (let i = 0; i < metres.length; i++) {
    const value = metres[i]!;
    millimetres[i] = value > 0 ? Math.min(Math.round(value * 1000), 65535) : 0;
  }
  return encodeDepthPng(millimetres, { width, height });
}

function toHundredths(value: number): number {
  return Math.round(value * 100) / 100;
}

function checkSize(photo: LabelledPhoto, what: string, pixels: number, { width, height }: Size): void {
  if (pixels === width * height) return;
  throw new InstructCvError("dataset", `${photo.path}: ${width}x${height}, but its ${what} has ${pixels} pixels.`);
}
