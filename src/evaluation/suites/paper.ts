/** The protocol of Table 1 of InstructCV on the full datasets, in the folders that their downloads unpack to. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { PET_CATEGORIES } from "../../datasets/breeds.js";
import type { ReaderName } from "../../datasets/registry.js";
import type { TaskName } from "../../tasks/task.js";
import { type Asking, askAll } from "../questions.js";
import { type EvaluationSet, listWith, type Suite } from "./set.js";

interface Layout {
  /** Under the data root; its being there chooses the layout. */
  readonly file: string;
  readonly reader: ReaderName;
  readonly root: string;
  readonly split: string;
  readonly options?: Readonly<Record<string, unknown>>;
}

const SPECIES = 2;
const askBreeds: Asking = () => PET_CATEGORIES.slice(SPECIES);

function fullSet(name: string, tasks: readonly TaskName[], layouts: readonly Layout[], asked = askAll): EvaluationSet {
  return {
    name,
    tasks,
    asked,
    everyPhoto: true,
    exclusive: tasks.includes("classification"),
    places: layouts.map(({ file }) => file),
    list(dataRoot) {
      const { reader, root, split, options } = layouts.find(({ file }) => existsSync(join(dataRoot, file)))!;
      return listWith(reader, { name, root: join(dataRoot, root), split }, options);
    },
  };
}

const coco = { reader: "coco", root: "coco", split: "val2017" } as const;
const voc = { reader: "voc", root: "VOCdevkit/VOC2012", split: "val" } as const;

/** Photos of the full sets that show nothing of what is asked are asked too, and all their classes are. */
export const paper: Suite = {
  name: "paper",
  title: "Table 1 of InstructCV",
  sets: [
    fullSet(
      "nyuv2",
      ["depth"],
      [
        { file: "nyuv2/nyu_depth_v2_labeled.mat", reader: "nyuv2-mat", root: "nyuv2", split: "test" },
        {
          file: "nyu_depth_v2/official_splits/test/nyudepthv2_test_files_with_gt.txt",
          reader: "nyuv2-bts",
          root: "nyu_depth_v2/official_splits/test",
          split: "nyudepthv2_test_files_with_gt",
        },
      ],
    ),
    fullSet("sunrgbd", ["depth"], [{ file: "SUNRGBD", reader: "sunrgbd", root: "SUNRGBD", split: "test" }]),
    fullSet(
      "ade20k",
      ["segmentation"],
      [{ file: "ADEChallengeData2016", reader: "ade20k", root: "ADEChallengeData2016", split: "validation" }],
    ),
    fullSet(
      "voc2012",
      ["segmentation"],
      [{ ...voc, file: "VOCdevkit/VOC2012/ImageSets/Segmentation", options: { boxes: "none" } }],
    ),
    fullSet(
      "oxford-pets",
      ["classification"],
      [{ file: "oxford-iiit-pet", reader: "oxford-pets", root: "oxford-iiit-pet", split: "test" }],
      askBreeds,
    ),
    fullSet("imagenet", ["classification"], [{ file: "imagenet", reader: "imagenet", root: "imagenet", split: "val" }]),
    fullSet(
      "coco",
      ["detection"],
      [
        { ...coco, file: "coco/val2017" },
        { ...coco, file: "coco/images/val2017", options: { photos: "images/val2017" } },
      ],
    ),
    fullSet(
      "voc2012-boxes",
      ["detection"],
      [{ ...voc, file: "VOCdevkit/VOC2012/ImageSets/Main", options: { list: "main" } }],
    ),
  ],
};
