/** Writes the questions that a built corpus answers, each with the native label file that answers it: what bench/original_builder.py reads. */
import { writeFile } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import { parseCorpusConfig } from "../corpus/config.js";
import { listPool, openPhoto } from "../corpus/pool.js";
import { openCorpus } from "../corpus/read.js";
import type { CorpusRecord } from "../corpus/record.js";
import { NYU_37 } from "../datasets/indoor-names.js";
import type { ReaderName } from "../datasets/registry.js";
import type { LabelledPhoto } from "../datasets/sample.js";
import { VOC_CLASSES } from "../datasets/voc.js";
import { InstructCvError } from "../errors.js";
import { slotColours } from "../tasks/colours.js";

/**
 * The questions are read back from the corpus, so they are those that our builder asked, in its order, whatever its sampling.
 * @param corpus folder of a complete corpus; its datasets must still be where its configuration says
 * @param file the request to write
 * @param out folder that the other builder is to write to
 * @returns number of questions
 * @throws {InstructCvError} "usage" for a dataset whose reader has no counterpart there
 */
export async function writeRequest(corpus: string, file: string, out: string): Promise<number> {
  const { manifest, records } = await openCorpus(corpus);
  const config = parseCorpusConfig(manifest.config, join(corpus, "manifest.json"));
  const data = resolve(config.data);
  const pool = await listPool(config, () => {}, undefined);
  const photos = new Map<string, { reader: ReaderName; photo: LabelledPhoto }>();
  for (const entry of pool.entries) {
    const photo = openPhoto(pool.sources, entry);
    photos.set(photo.id, { reader: pool.sources[entry.source]!.reader, photo });
  }
  const questions: unknown[] = [];
  for (const split of Object.keys(manifest.splits)) {
    for await (const { record } of records(split)) {
      const { reader, photo } = photos.get(record.photo)!;
      const { positive, negative } = slotColours(record.slots);
      questions.push({
        key: record.key,
        reader,
        path: relative(data, photo.path),
        task: record.task,
        category: record.slots.category,
        present: !record.negative,
        instruction: record.instruction,
        positive: positive.rgb,
        negative: negative.rgb,
        label: await labelOf(record, reader, photo, data),
      });
    }
  }
  const { size, jpeg_quality, box_outline } = config;
  await writeFile(file, JSON.stringify({ data, out: resolve(out), size, jpeg_quality, box_outline, questions }));
  return questions.length;
}

/** Where the answer lies in the files of the dataset, in the words of bench/original_builder.py. */
async function labelOf(
  { task, slots, negative }: CorpusRecord,
  reader: ReaderName,
  { path, split, boxes }: LabelledPhoto,
  data: string,
): Promise<Record<string, unknown>> {
  if (task === "classification") return {};
  const category = slots.category ?? "";
  const root = dirname(dirname(path));
  const file = basename(path);
  const beside = (...folders: string[]) => relative(data, join(root, ...folders, file.replace(/\.\w+$/, ".png")));
  if (reader === "nyuv2") {
    if (task === "depth") return { depth: beside("nyu_depths"), levels_per_metre: 25.5 };
    return { png: beside("nyu_labels40"), white: [NYU_37.indexOf(category)], grey: 39 };
  }
  if (reader === "voc") {
    if (task === "segmentation") {
      const value = (VOC_CLASSES as readonly string[]).indexOf(category) + 1;
      return { png: beside("SegmentationClass"), white: [value], grey: 255 };
    }
    const found = await boxes!();
    return { boxes: found.filter((box) => box.category === category).map((box) => box.xyxy) };
  }
  if (reader === "coco") {
    return { annotations: relative(data, join(root, "annotations", `instances_${split}.json`)), file };
  }
  if (reader === "oxford-pets") {
    const png = beside("annotations", "trimaps");
    return task === "detection" ? { png, background: 2 } : { png, white: negative ? [] : [1, 3], grey: -1 };
  }
  throw new InstructCvError("usage", `The original builder has no counterpart of the reader "${reader}" for ${task}.`);
}
