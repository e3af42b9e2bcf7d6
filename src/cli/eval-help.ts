/** What `instructcv eval --help` says below its options, and the options as they arrive. */
import type { DepthAlignment, DepthCrop } from "../evaluation/index.js";
import type { ModelOptions } from "./model-options.js";

export interface EvalOptions extends ModelOptions {
  readonly data?: string;
  readonly suite?: "mini" | "paper";
  readonly task?: ("segmentation" | "detection" | "depth" | "classification")[];
  readonly dataset?: string[];
  readonly wording?: ("template" | "paraphrase" | "unseen")[];
  readonly limit?: number;
  readonly seed: number;
  readonly presentOnly?: boolean;
  readonly depthAlign?: DepthAlignment;
  readonly depthCrop?: DepthCrop;
  readonly details?: boolean;
  readonly paperStyle?: boolean;
  readonly bootstrap?: number;
  readonly cache?: string;
  readonly shard?: readonly [number, number];
  readonly out?: string;
  readonly from?: string[];
  readonly against?: string[];
  readonly predictions?: string;
  readonly savePredictions?: string;
  readonly report?: string;
  readonly json?: boolean;
  readonly markdown?: boolean;
}

export const evalHelp = `
Suites. Without --suite: nyuv2, voc2012-animals, coco, oxford-pets, oxford-pets-37breeds under --data. "mini": these and camvid, which
the shipped model never saw, and masks of all classes put together to full label maps. "paper": Table 1 of InstructCV on the full
datasets, those of these folders that are under --data:
  nyuv2/nyu_depth_v2_labeled.mat with splits.mat, or nyu_depth_v2/official_splits/test with its list; SUNRGBD (with allsplit.mat);
  ADEChallengeData2016; VOCdevkit/VOC2012; oxford-iiit-pet; imagenet (val/ and LOC_synset_mapping.txt); coco (val2017/, annotations/)
Every class is asked of every photo: 150 questions a photo on ADE20K, 80 on COCO. The rate and the time left are on stderr.

Many processes: run each with --shard i/n and its own --out, then report them together with one --from for each; or give all one
--cache and repeat the command without --shard. Both equal the undivided evaluation. A cache takes about 20 KB an answer.

Reports of stored runs (--from) have no pictures unless --data and the run's --model or --predictions are given too: a few questions are
then asked again, or taken from --cache.

Two systems: give the first --out, then the second --against what it wrote (or both of --from A --against B). Numbers are of the
questions that both answered; the interval of a difference, from --bootstrap resamples (default 1000), draws the same photos for both.

Predictions of other systems, DIR/<dataset>/ with <photo> as in the dataset (its file name without ending):
  detection.json                        COCO results: [{"image_id", "category_id" or "category", "bbox": [x, y, width, height], "score"}]
  categories.json                       names of the category ids, [{"id", "name"}]; COCO's own ids unless given
  masks/<category>/<photo>.png          0 outside, 1 or 255 inside; probabilities/<category>/<photo>.png: 0..255
  segmentation.json                     or COCO results of single objects: [{"image_id", "category", "segmentation": run lengths, "score"}]
  labels/<photo>.png, labels/classes.json   or label maps, and the names of their values from 0; 255 claims nothing
  depth/<photo>.npy or .png             metres as float32 or float64, or 16 bits of millimetres ("depth_levels_per_metre" otherwise)
  classification.json                   [{"image_id", "category", "probability"}]
  ../predictions.json                   {"name": "...", "depth_levels_per_metre": 1000}, both optional
Relative depth counts with --depth-align: "scale-shift" for depth, "disparity" for MiDaS and Depth Anything. A line is fitted to each photo's truth.
What is missing, of another size or not a number is named, counted and not scored. Details: docs/metrics.md.

Exit code 1: something could not be used and is named on stderr; everything else is measured.
`;
