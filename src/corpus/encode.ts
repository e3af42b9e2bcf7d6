/** Turns the questions about one photo into corpus records: instruction, squashed photo, drawn answer. */
import type { LabelledPhoto } from "../datasets/sample.js";
import { InstructCvError } from "../errors.js";
import { encodeDepthPng, encodeJpeg, encodePng, readPicture, resizePicture } from "../image/io.js";
import type { Size } from "../image/picture.js";
import { renderInstruction } from "../instructions/render.js";
import { createRng, type Rng } from "../random.js";
import { defaultColours, palette } from "../tasks/colours.js";
import { getTask } from "../tasks/registry.js";
import type { Label, Slots, Task, Xyxy } from "../tasks/task.js";
import type { CorpusRecord, Wording } from "./record.js";
import { type Frequencies, type PhotoFacts, type Question, questionsFor, type SamplingPolicy } from "./sampling.js";
import type { Member } from "./shards.js";

export interface EncodeOptions {
  readonly seed: number;
  /** Side of the square pictures, pixels. */
  readonly size: number;
  readonly policy: SamplingPolicy;
  /** JPEG quality of the photos, 1..100. */
  readonly jpegQuality: number;
  /** Share of the instructions in template wording; the others are training paraphrases, never unseen ones. */
  readonly templateShare: number;
}

export interface EncodedRecord {
  readonly record: CorpusRecord;
  readonly members: readonly Member[];
}

/** All records of one photo. The same photo, seed and options give the same bytes, whatever else is built. */
export async function encodePhoto(
  photo: LabelledPhoto,
  frequencies: Frequencies,
  options: EncodeOptions,
): Promise<EncodedRecord[]> {
  const rng = createRng(`${options.seed}/${photo.id}`);
  const picture = await photo.image();
  const frame = { width: picture.width, height: picture.height };
  const facts: PhotoFacts = { ...frame, masks: await photo.masks?.(), boxes: await photo.boxes?.() };
  for (const [category, mask] of facts.masks ?? []) checkSize(photo, `mask of ${category}`, mask.length, frame);
  const metres = await photo.depth?.();
  if (metres) checkSize(photo, "depth", metres.length, frame);

  const { size } = options;
  const jpeg = await encodeJpeg(await resizePicture(picture, { width: size, height: size }), options.jpegQuality);
  // Answers are drawn on the photo as a loader will see it, compression and all.
  const photoAtSize = await readPicture(jpeg, { name: photo.path });
  const records: EncodedRecord[] = [];
  for (const [index, question] of questionsFor(photo, facts, frequencies, size, options.policy, rng).entries()) {
    const slots = slotsFor(question, rng);
    const wording: Wording = rng.next() < options.templateShare ? "template" : "paraphrase";
    const task: Task = getTask(question.task);
    const whole = labelOf(question, photo, facts, metres, frame);
    const label = task.transformLabel(whole, [0, 0, frame.width, frame.height], { width: size, height: size }, false);
    const record: CorpusRecord = {
      key: `${photo.id.replace(/[^\w-]/g, "_")}_${index}`,
      photo: photo.id,
      dataset: photo.dataset,
      task: question.task,
      slots,
      instruction: renderInstruction(question.task, slots, wording, rng),
      wording,
      ...(label.task === "detection" && { boxes: label.boxes.map((box) => box.map(toHundredths) as unknown as Xyxy) }),
      ...(label.task === "classification" && { present: label.present }),
      negative: question.negative,
    };
    const target = await encodePng(task.encode(label, photoAtSize, slots));
    const members: Member[] = [
      { suffix: "json", bytes: Buffer.from(JSON.stringify(record)) },
      { suffix: "image.jpg", bytes: jpeg },
      { suffix: "target.png", bytes: target },
    ];
    if (label.task === "depth") members.push({ suffix: "depth.png", bytes: await depthPng(label) });
    records.push({ record, members });
  }
  return records;
}

/** Half of the classification questions use the default colours (green yes, red no), the others any two of the palette. */
function slotsFor({ task, category }: Question, rng: Rng): Slots {
  if (task !== "classification") return { category };
  if (rng.next() < 0.5) return { category, ...defaultColours };
  const [positive, negative] = rng.shuffle(palette);
  return { category, positive, negative };
}

function labelOf(
  { task, category, negative }: Question,
  photo: LabelledPhoto,
  { masks, boxes }: PhotoFacts,
  metres: Float32Array | undefined,
  frame: Size,
): Label {
  if (task === "classification") return { task, present: !negative };
  if (task === "depth") return { task, ...frame, metres: metres! };
  if (task === "detection") {
    return { task, ...frame, boxes: boxes!.filter((box) => box.category === category).map((box) => box.xyxy) };
  }
  const mask = masks!.get(category!) ?? new Uint8Array(frame.width * frame.height);
  const drawn = photo.ignoreDrawnAs === "foreground" ? mask.map((value) => (value === 0 ? 0 : 1)) : mask;
  return { task, ...frame, mask: drawn };
}

function depthPng({ metres, width, height }: Extract<Label, { task: "depth" }>): Promise<Buffer> {
  const millimetres = Uint16Array.from(metres, (m) => (m > 0 ? Math.min(Math.round(m * 1000), 65535) : 0));
  return encodeDepthPng(millimetres, { width, height });
}

function toHundredths(value: number): number {
  return Math.round(value * 100) / 100;
}

function checkSize(photo: LabelledPhoto, what: string, pixels: number, { width, height }: Size): void {
  if (pixels === width * height) return;
  throw new InstructCvError("dataset", `${photo.path}: ${width}x${height}, but its ${what} has ${pixels} pixels.`);
}
