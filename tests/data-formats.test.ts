/** One corpus of every native format: the real samples in ../shared/data, miniatures where there are none, data of one's own. */
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { stringify } from "yaml";
import { openCorpus } from "../src/corpus/read.js";
import type { CorpusRecord } from "../src/corpus/record.js";
import { encodeJpeg, encodePng } from "../src/image/io.js";
import { runCli } from "./helpers/run-cli.js";

const fixtures = resolve("../shared/data/fixtures");
let cwd: string;

beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), "instructcv-formats-"));
  const link = (from: string, to: string) => cp(from, join(cwd, to), { recursive: true });
  // The development kit keeps its samples in a shallower folder than the release.
  for (const kind of ["images", "annotations"]) {
    await link(join(fixtures, "ade20k-sceneparsing-sample/sampleData", kind), `ade/${kind}/validation`);
  }
  await link(join(fixtures, "ade20k-full-sample/dataset/ADE20K_2021_17_01/images"), "ade-full/images");
  await link(join(fixtures, "sunrgbd-toy/images"), "sun/kv1/b3dodata");
  await link(join(fixtures, "sunrgbd-toy/images/img_0063"), "sun/kv1/NYUdata/NYU0001");
  await link(join(fixtures, "keras-retinanet-coco-voc/pascal"), "voc2007");
  await link(join(fixtures, "keras-retinanet-coco-voc/coco"), "coco");
  await link(resolve("tests/goldens/depth-datasets/nyu_depth_v2_labeled.mat"), "nyu-mat/nyu_depth_v2_labeled.mat");
  await link(join(fixtures, "nyu16bit-unidepth/assets/demo"), "nyu/study_0001");
  await writeFile(join(cwd, "nyu/train.txt"), "/study_0001/rgb.png /study_0001/depth.png 518.8579\n");
  await link(resolve("examples/own-data"), "mine");
  // FSS-1000 and ImageNet could not be had: one photo each in their layouts.
  await mkdir(join(cwd, "fss/zebra"), { recursive: true });
  await mkdir(join(cwd, "imagenet/train/n02123045"), { recursive: true });
  await writeFile(join(cwd, "imagenet/LOC_synset_mapping.txt"), "n02123045 tabby, tabby cat\n");
  const side = { width: 40, height: 40 };
  const photo = await encodeJpeg({ ...side, data: new Uint8Array(40 * 40 * 3).fill(120) });
  await writeFile(join(cwd, "fss/zebra/1.jpg"), photo);
  await writeFile(join(cwd, "imagenet/train/n02123045/n02123045_1.JPEG"), photo);
  const square = Uint8Array.from({ length: 40 * 40 * 3 }, (_, i) => (Math.floor(i / 3) % 40 < 20 ? 255 : 0));
  await writeFile(join(cwd, "fss/zebra/1.png"), await encodePng({ ...side, data: square }));

  const dataset = (name: string, reader: string, folder: string, split: string, options = {}) => ({
    name,
    reader,
    folder,
    split,
    options,
  });
  const config = {
    name: "formats",
    size: 96,
    data: ".",
    val_share: 0,
    datasets: [
      dataset("ade20k", "ade20k", "ade", "validation"),
      dataset("ade20k-full", "ade20k-full", "ade-full", "training"),
      dataset("sunrgbd", "sunrgbd", "sun", "all"),
      dataset("voc2007", "voc", "voc2007", "train", { list: "main" }),
      dataset("coco", "coco", "coco", "train2017", { photos: "images/train2017" }),
      dataset("nyu-mat", "nyuv2-mat", "nyu-mat", "all"),
      dataset("nyu", "nyuv2-bts", "nyu", "train"),
      dataset("fss", "fss1000", "fss", "all"),
      dataset("imagenet", "imagenet", "imagenet", "train"),
      dataset("mine", "manifest", "mine", "manifest"),
    ],
  };
  await writeFile(join(cwd, "formats.yaml"), stringify(config));
}, 60_000);
afterAll(() => rm(cwd, { recursive: true, force: true }));

test("every format becomes records of the tasks it has labels for", async () => {
  const { code, stderr } = await runCli(["data", "build", "formats.yaml", "--out", "corpus"], { cwd });
  expect(code, stderr).toBe(0);
  expect(stderr).toMatch(
    /1 photo could not be used \(all are listed in manifest\.json\); the first:\n {2}nyu-mat\/4: /,
  );
  const corpus = await openCorpus(join(cwd, "corpus"));
  const tasks: Record<string, Set<string>> = {};
  const records: CorpusRecord[] = [];
  for await (const { record } of corpus.records("train")) {
    tasks[record.dataset] ??= new Set();
    tasks[record.dataset]!.add(record.task);
    records.push(record);
  }
  const [seg, det, dep, cls] = ["segmentation", "detection", "depth", "classification"];
  expect(Object.fromEntries(Object.entries(tasks).map(([name, found]) => [name, [...found].sort()]))).toEqual({
    ade20k: [cls, seg],
    "ade20k-full": [cls, det, seg],
    sunrgbd: [dep],
    voc2007: [cls, det],
    coco: [cls, det, seg],
    "nyu-mat": [cls, dep, seg],
    nyu: [dep],
    fss: [cls, seg],
    imagenet: [cls],
    mine: [cls, dep, det, seg],
  });
  // The miniature has a frame without any known depth.
  expect(corpus.manifest.skipped).toEqual([
    { photo: "nyu-mat/4", reason: expect.stringMatching(/no pixel of known depth/) },
  ]);
  // The NYUv2 part of SUN RGB-D is left out.
  expect(records.filter(({ dataset }) => dataset === "sunrgbd").map(({ photo }) => photo)).toHaveLength(2);
  expect(records.filter(({ dataset }) => dataset === "mine")).toHaveLength(40);
  const check = await runCli(["data", "check", "corpus", "--json"], { cwd });
  expect(JSON.parse(check.stdout)).toMatchObject({ ok: true });
  expect(check.code).toBe(0);
}, 120_000);
