/** Reader of one's own data: a folder of pictures with a `manifest.jsonl` that asks one question of a picture on each line. */
import { join } from "node:path";
import { z } from "zod";
import { InstructCvError } from "../errors.js";
import { readPicture, readPictureSize } from "../image/io.js";
import type { TaskName } from "../tasks/task.js";
import { requireFolder } from "./files.js";
import { linesOf } from "./json-lines.js";
import { type AskedLine, addLine, located, type OwnPhoto, questionOf, withLine } from "./own-data-asked.js";
import { readOwnBoxes, readOwnDepth, readOwnMask } from "./own-data-labels.js";
import { parseOwnLine } from "./own-data-line.js";
import { type AnnotatedBox, type Reader, Skipped } from "./sample.js";

const options = z.strictObject({
  /** How ready drawn boxes are outlined: a share of the box's shorter side, or null for 4 pixels. */
  box_outline: z.number().gt(0).max(0.5).nullable().default(null),
});

/**
 * `split` is the name of a file without `.jsonl`: `manifest` reads `manifest.jsonl`. All lines of an image, wherever they stand, are
 * questions about one photo, so that training and validation never share it. A line that is wrong is skipped and the others of its image
 * stay; a label that turns out wrong when it is read costs the whole photo. Links inside the folder are followed. The format:
 * examples/own-data/README.md.
 */
export const ownData: Reader<OwnPhoto, z.output<typeof options>> = {
  about: { title: "own data", licence: "as its owner says" },
  options,

  async *list({ name, root, split }) {
    await requireFolder(root, "your own data");
    const file = join(root, `${split}.jsonl`);
    const photos = new Map<string, OwnPhoto>();
    let lines = 0;
    for await (const { text, ...place } of linesOf(file)) {
      lines++;
      try {
        await located(`${file}:${place.line}`, async () => {
          const line = parseOwnLine(text);
          const photo = photos.get(line.image) ?? { image: line.image, asked: [] };
          await addLine(photo, line, place, root);
          photos.set(line.image, photo);
        });
      } catch (error) {
        if (!(error instanceof InstructCvError)) throw error;
        yield new Skipped(`${name}/${split}.jsonl:${place.line}`, error.message);
      }
    }
    if (lines === 0) {
      throw new InstructCvError("dataset", `${file}: expected a JSON object on each line, found an empty file.`);
    }
    yield* photos.values();
  },

  open({ name: dataset, root, split, options: { box_outline } }, { image, id, asked }) {
    const file = join(root, `${split}.jsonl`);
    const path = join(root, image);
    const of = (task: TaskName) => asked.filter((line) => line.task === task);
    const [masked, boxed, [deep]] = [of("segmentation"), of("detection"), of("depth")];
    return {
      id: `${dataset}/${id ?? image}`,
      dataset,
      split,
      path,
      image: () => readPicture(path),
      known: categoriesOf(asked),
      present: categoriesOf(asked.filter(({ negative }) => !negative)),
      ...(masked.length > 0 && {
        masked: categoriesOf(masked),
        masks: async () => {
          const size = await readPictureSize(path);
          const masks = new Map<string, Uint8Array>();
          for (const asked of masked) {
            const mask = await withLine(file, asked, "segmentation", (line) => readOwnMask(line, root, size));
            masks.set(asked.category!, mask);
          }
          return masks;
        },
      }),
      ...(boxed.length > 0 && {
        boxed: categoriesOf(boxed),
        boxes: async () => {
          const size = await readPictureSize(path);
          const boxes: AnnotatedBox[] = [];
          for (const asked of boxed) {
            const found = await withLine(file, asked, "detection", (line) =>
              readOwnBoxes(line, { root, photo: path, size, boxOutline: box_outline }),
            );
            for (const xyxy of found) boxes.push({ category: asked.category!, xyxy, ignore: false });
          }
          return boxes;
        },
      }),
      ...(deep && {
        depth: async () => {
          const size = await readPictureSize(path);
          return withLine(file, deep, "depth", (line) => readOwnDepth(line, root, size));
        },
      }),
      asked: asked.map(questionOf),
    };
  },
};

const categoriesOf = (lines: readonly AskedLine[]) => [...new Set(lines.flatMap(({ category }) => category ?? []))];
