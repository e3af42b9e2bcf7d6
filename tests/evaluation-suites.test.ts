/** The paper's suite on real samples in the layouts of the full downloads, and the page about it as a browser would read it. */
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import {
  choosePictures,
  type EvaluateOptions,
  evaluate,
  evaluationPage,
  type Predictor,
  type Run,
  reportOf,
  runEvaluation,
} from "../src/evaluation/index.js";
import { askModel } from "../src/evaluation/respondent.js";
import { encodeJpeg } from "../src/image/io.js";
import { parseInstruction } from "../src/instructions/parse.js";

vi.setConfig({ testTimeout: 120_000 });
const fixtures = resolve("../shared/data/fixtures");
let data: string;

beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), "instructcv-suites-"));
  const copy = (from: string, to: string) => cp(join(fixtures, from), join(data, to), { recursive: true });
  for (const file of ["images/ADE_val_00000002.jpg", "annotations/ADE_val_00000002.png"])
    await copy(
      `ade20k-sceneparsing-sample/sampleData/${file}`,
      `ADEChallengeData2016/${file.replace("/", "/validation/")}`,
    );
  await copy("sunrgbd-toy/images", "SUNRGBD/kv1/b3dodata");
  await writeFile(
    join(data, "SUNRGBD/test.txt"),
    "kv1/b3dodata/img_0063\nkv1/b3dodata/2014-12-18_11-31-54_260595134347\nkv1/b3dodata/img_0000\n",
  );
  await copy("nyu16bit-unidepth/assets/demo", "nyu_depth_v2/official_splits/test/study_0001");
  await writeFile(
    join(data, "nyu_depth_v2/official_splits/test/nyudepthv2_test_files_with_gt.txt"),
    "study_0001/rgb.png study_0001/depth.png 518.8579\n",
  );
  const voc = "labelme-voc-coco/semantic_segmentation/data_dataset_voc";
  for (const kind of ["JPEGImages", "SegmentationClass"]) await copy(`${voc}/${kind}`, `VOCdevkit/VOC2012/${kind}`);
  const lists = join(data, "VOCdevkit/VOC2012/ImageSets");
  await mkdir(join(lists, "Segmentation"), { recursive: true });
  await writeFile(join(lists, "Segmentation/val.txt"), "2011_000003\n2011_000006\n2011_000025\n");
  await copy("labelme-voc-coco/bbox_detection/data_dataset_voc/Annotations", "VOCdevkit/VOC2012/Annotations");
  await mkdir(join(lists, "Main"));
  await writeFile(join(lists, "Main/val.txt"), "2011_000003\n2011_000006\n2011_000025\n");
  await copy("keras-retinanet-coco-voc/coco", "coco");
  // ImageNet could not be had: one photo in its layout, cut short.
  await mkdir(join(data, "imagenet/val/n02123045"), { recursive: true });
  await writeFile(join(data, "imagenet/LOC_synset_mapping.txt"), "n02123045 tabby, tabby cat\n");
  const photo = await encodeJpeg({ width: 40, height: 40, data: new Uint8Array(4800).fill(120) });
  await writeFile(join(data, "imagenet/val/n02123045/whole.JPEG"), photo);
  await writeFile(join(data, "imagenet/val/n02123045/cut.JPEG"), photo.subarray(0, photo.length / 2));
});
afterAll(() => rm(data, { recursive: true, force: true }));

/** Claims the left half for everything, says yes, and is 2 m from everywhere. */
const predictor: Predictor = {
  async perceive({ width, height }, instruction) {
    const { task } = parseInstruction(instruction);
    const pixels = width * height;
    if (task === "segmentation") {
      const mask = new Uint8Array(pixels);
      for (let i = 0; i < pixels; i++) mask[i] = i % width < width / 2 ? 1 : 0;
      return { task, mask, probability: new Float32Array(mask).map((claimed) => (claimed ? 0.8 : 0.1)) };
    }
    if (task === "depth") return { task, metres: new Float32Array(pixels).fill(2) };
    if (task === "detection") return { task, boxes: [{ xyxy: [0, 0, width / 2, height], score: 0.7 }] };
    return { task, present: true, probability: 0.9 };
  },
};
const options = (): EvaluateOptions => ({
  ...{ dataRoot: data, suite: "paper", model: "half", respondent: askModel(predictor, { seed: 0 }) },
  ...{ wordings: ["template"] },
});

let whole: Promise<Run> | undefined;
/** Asked once for all tests. */
const wholeRun = () => {
  whole ??= runEvaluation(options());
  return whole;
};

describe("the paper's suite", () => {
  it("reads every dataset of Table 1 that is there, and names what is not and what cannot be used", async () => {
    const run = await wholeRun();
    expect(run.head.photos).toEqual({
      ...{ nyuv2: 1, sunrgbd: 2, ade20k: 1, voc2012: 3, imagenet: 2, coco: 1, "voc2012-boxes": 3 },
    });
    expect(run.head.notes[0]).toBe("Not there, so not measured: oxford-pets (oxford-iiit-pet).");
    expect(run.head.skipped.map(({ photo }) => photo)).toEqual([
      "sunrgbd/kv1/b3dodata/img_0000",
      "imagenet/n02123045/cut",
    ]);
    const { rows, coverage } = reportOf(run, { paperStyle: true });
    expect(coverage!.skipped).toHaveLength(2);
    const of = (dataset: string, metric: string) =>
      rows.find((row) => row.dataset === dataset && row.metric === metric);
    // Every class of every photo: 150 and 20 masks, 80 and 20 sets of boxes.
    expect(of("ade20k", "mIoU (all classes asked)")!.n).toBe(150);
    expect(of("voc2012", "mIoU (all classes asked)")!.n).toBe(60);
    expect(of("coco", "AP@.5 (all classes asked)")!.n).toBe(80);
    expect(of("voc2012-boxes", "AP@.5 (all classes asked)")!.n).toBe(60);
    expect(of("ade20k", "mIoU (full label map)")!.n).toBe(1);
    expect(of("voc2012", "mIoU (full label map)")!.n).toBe(3);
    expect(of("imagenet", "top-1 accuracy (all classes asked)")).toMatchObject({ value: 1, n: 1 });
    for (const dataset of ["nyuv2", "sunrgbd"]) {
      expect(of(dataset, "RMSE (m)")!.value).toBeGreaterThan(0.1);
      expect(of(dataset, "paper-style RMSE (m)")!.value).toBe(0);
    }
  });

  it("asks for what is there only when told to, and then draws no label maps", async () => {
    const { rows, notes } = await evaluate({ ...options(), datasets: ["ade20k"], presentOnly: true });
    expect(rows[0]!.n).toBeLessThan(150);
    expect(rows.map(({ metric }) => metric).join()).not.toContain("label map");
    expect(notes[0]).toMatch(/present classes only/);
  });

  it("says where a dataset that was asked for is expected", async () => {
    await expect(evaluate({ ...options(), datasets: ["oxford-pets"] })).rejects.toThrow(
      /oxford-pets: expected .*oxford-iiit-pet, found nothing/,
    );
    await expect(evaluate({ ...options(), datasets: ["camvid"] })).rejects.toThrow(/Unknown dataset "camvid".*ade20k/);
  });
});

describe("the page", () => {
  it("has tables with intervals, curves and pictures, and every link leads somewhere on it", async () => {
    const run = await wholeRun();
    const pictures = await choosePictures(run, { dataRoot: data, respondent: options().respondent! });
    expect(new Set(pictures.map(({ choice }) => choice))).toEqual(new Set(["best", "worst", "random"]));
    for (const { tiles } of pictures) expect(tiles).toHaveLength(4);
    const page = evaluationPage({ ...run, head: { ...run.head, model: "<half>" } }, pictures, { bootstrap: 20 });
    expect(page).toContain("<title>&lt;half&gt;: Table 1 of InstructCV</title>");
    // A photo listed in no dataset is neither fetched nor run: the page allows itself pictures of its own only.
    expect(page).toContain("default-src 'none'; img-src data:; style-src 'unsafe-inline'");
    expect(page).not.toMatch(/<script|https?:\/\//);
    const ids = new Set([...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id));
    const links = [...page.matchAll(/href="#([^"]+)"/g)].map(([, to]) => to!);
    expect(links.length).toBeGreaterThan(20);
    for (const link of links) expect(ids).toContain(link);
    expect(page).toMatch(/Precision and recall at IoU 0\.5/);
    expect(page).toMatch(/Reliability: ECE 0\.\d+ of [\d,]+ pixels/);
    expect(page).toMatch(/<span class="range">\d\.\d+ to \d\.\d+<\/span>/);
    expect(page).toContain("2 photos could not be used");
    expect(page.length).toBeLessThan(4e6);
  });
});
