/** Predictions of other systems in a folder: what can be used is scored, what cannot is named and counted. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { NAMES, PIXELS, photoOf, report, size } from "../../../tests/helpers/dice-evaluation.js";
import { encodeDepthPng, encodeGreyPng } from "../../image/io.js";
import { encodeRle } from "../../tasks/rle.js";
import { openPredictions } from "./folder.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "instructcv-foreign-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A file as `numpy.save` writes it. */
const npy = (descr: string, shape: string, bytes: Buffer) => {
  const header = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${shape}, }\n`;
  const head = Buffer.from(`\x93NUMPY\x01\x00..${header}`, "latin1");
  head.writeUInt16LE(header.length, 8);
  return Buffer.concat([head, bytes]);
};

describe("predictions in a folder", () => {
  const write = async (dir: string, file: string, content: string | Uint8Array) => {
    const path = join(folder, dir, "voc2012", file);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
  };
  const scored = async (dir: string, task: "segmentation" | "detection" | "depth" | "classification") =>
    report(await openPredictions(join(folder, dir)), { tasks: [task], labelMaps: false });

  it("are named and counted where they are missing, of another size or no numbers", async () => {
    const grey = (w: number, h: number, values: ArrayLike<number>) =>
      encodeGreyPng(Uint8Array.from(values), { width: w, height: h });
    for (const name of NAMES) await write("masks", `masks/dog/${name}.png`, grey(6, 4, new Uint8Array(PIXELS)));
    await write("masks", `masks/cat/${NAMES[0]}.png`, grey(6, 4, new Uint8Array(PIXELS).fill(255)));
    await write("masks", `masks/cat/${NAMES[1]}.png`, grey(4, 6, new Uint8Array(PIXELS).fill(255)));
    await write("masks", `masks/cat/${NAMES[2]}.png`, grey(6, 4, new Uint8Array(PIXELS).fill(7)));
    await write("masks", `probabilities/cat/${NAMES[3]}.png`, grey(6, 4, new Uint8Array(PIXELS).fill(127)));
    const { rows, coverage, notes } = await scored("masks", "segmentation");
    expect(rows.map(({ n }) => n)).toEqual([2, 2, 7, 2]);
    expect(coverage).toMatchObject({ asked: 10, scored: 7 });
    expect(notes.join("\n")).toContain("7 of 10 questions were scored");
    const faults = coverage!.faults.map(({ photo, fault }) => `${photo}: ${fault}`).join("\n");
    expect(faults).toMatch(/000002: .*expected 6x4, found 4x6.*swapped/);
    expect(faults).toMatch(/000003: .*expected a mask of 0 and 1 or 255, found the value 7/);
    expect(faults).toMatch(/000005: found none of .*000005\.png/);
  });

  it("may be label maps with names for their values", async () => {
    for (const name of NAMES)
      await write(
        "labels",
        `labels/${name}.png`,
        encodeGreyPng(
          Uint8Array.from({ length: PIXELS }, (_, i) => i % 3),
          size,
        ),
      );
    await write("labels", "labels/classes.json", JSON.stringify(["background", "dog", "cat"]));
    const { rows, coverage } = await scored("labels", "segmentation");
    expect(coverage).toBeUndefined();
    expect(rows[2]!.n).toBe(10);
    await write("labels", "labels/classes.json", JSON.stringify(["background", "dog"]));
    expect((await scored("labels", "segmentation")).coverage).toMatchObject({ asked: 10, scored: 0 });
  });

  it("may be COCO results, whose odd entries are left out and counted", async () => {
    const entry = (image_id: unknown, category_id: number, bbox: unknown, more = {}) => ({
      ...{ image_id, category_id, bbox, score: 0.9 },
      ...more,
    });
    const cat = 17;
    const results = [
      entry(2008000001, cat, [0.1, 0.3, 3.6, 3]),
      entry("2008_000002.jpg", cat, [0, 0, 6, 4], { id: 1 }),
      entry("2008_000002", cat, [0, 0, 1, 1], { id: 1 }),
      entry("2008_000003", cat, [0, 0, -1, 1]),
      entry("2008_000009", cat, [0, 0, 1, 1]),
      entry("2008_000004", 3, [0, 0, 1, 1]),
    ];
    await write("boxes", "detection.json", JSON.stringify(results));
    const { rows, coverage, notes } = await scored("boxes", "detection");
    expect(rows.find(({ metric }) => metric === "AP@.5 (all classes asked)")!.n).toBe(9);
    expect(coverage!.faults).toMatchObject([{ photo: "voc2012/2008_000003", category: "cat" }]);
    const text = notes.join("\n");
    expect(text).toMatch(/1 entries have the id of one before: left out/);
    expect(text).toMatch(/1 images were not asked about, the first 2008_000009: left out/);
    expect(text).toMatch(/1 entries of 1 categories that were not asked for, the first "car": left out/);
    expect(text).toMatch(/1 photos have no entry in detection\.json \(the first: voc2012\/2008_000005\)/);
    await write("boxes", "detection.json", '[{"image_id": 1, "category_id": 17, "bbox": [NaN, 0, 1, 1], "score": 1}]');
    await expect(scored("boxes", "detection")).rejects.toThrow(/detection\.json: no JSON.*NaN/);
    await write("boxes", "detection.json", '[{"image_id": 1, "category_id": 12, "bbox": [0, 0, 1, 1], "score": 1}]');
    await expect(scored("boxes", "detection")).rejects.toThrow(/expected a category, or a category_id/);
  });

  it("may be depth as millimetres or NumPy arrays, and never both or not a number", async () => {
    const truth = await photoOf(NAMES[0]!).depth!();
    const doubles = Buffer.from(Float64Array.from(truth).buffer);
    await write("depth", `depth/${NAMES[0]}.npy`, npy("<f8", "(1, 4, 6)", doubles));
    await write("depth", `depth/${NAMES[1]}.png`, await encodeDepthPng(new Uint16Array(PIXELS).fill(2000), size));
    await write("depth", `depth/${NAMES[2]}.npy`, npy("<f4", "(6, 4)", Buffer.alloc(PIXELS * 4)));
    await write("depth", `depth/${NAMES[2]}.png`, await encodeDepthPng(new Uint16Array(PIXELS), size));
    await write("depth", `depth/${NAMES[3]}.npy`, npy("<f4", "(4, 6)", Buffer.alloc(PIXELS * 4, 255)));
    await write("depth", `depth/${NAMES[4]}.npy`, npy("<i4", "(4, 6)", Buffer.alloc(PIXELS * 4)));
    const { rows, coverage } = await scored("depth", "depth");
    expect(rows[0]).toMatchObject({ metric: "RMSE (m)", n: 2 });
    const faults = coverage!.faults.map(({ fault }) => fault).join("\n");
    expect(faults).toMatch(
      /found both .* which one counts\?\n24 pixels are no distance.*\n.*expected a \.npy of one map/,
    );
    const perfect = await report(await openPredictions(join(folder, "depth")), {
      ...{
        tasks: ["depth"],
        photos: async function* () {
          yield photoOf(NAMES[0]!);
        },
      },
    });
    expect(perfect.rows[0]!.value).toBe(0);
  });

  it("may be relative depth, which is fitted to the truth before it counts", async () => {
    const [a, b, c] = NAMES as [string, string, string];
    const disparity = (await photoOf(a).depth!()).map((metres) => 3 / metres - 5);
    await write("relative", `depth/${a}.npy`, npy("<f4", "(4, 6)", Buffer.from(disparity.buffer)));
    await write("relative", `depth/${b}.npy`, npy("<f4", "(4, 6)", Buffer.alloc(PIXELS * 4)));
    await write("relative", `depth/${c}.npy`, npy("<f4", "(4, 6)", Buffer.alloc(PIXELS * 4, 255)));
    const some = async function* () {
      for (const name of [a, b, c]) yield photoOf(name);
    };
    const aligned = async (depthAlign: "disparity" | "median") =>
      report(await openPredictions(join(folder, "relative"), { relativeDepth: depthAlign === "disparity" }), {
        ...{ tasks: ["depth"], photos: some, depthAlign },
      });
    const byLine = await aligned("disparity");
    expect(byLine.rows[0]).toMatchObject({ metric: "RMSE (m)", n: 2 });
    expect(byLine.notes[0]).toMatch(/fitted to each photo's truth \(disparity\).*not comparable/);
    // What has no number is a fault; a constant map fits as its mean; a right one is right.
    expect(byLine.coverage!.faults.map(({ photo, fault }) => [photo, fault])).toEqual([
      [`voc2012/${c}`, "24 pixels are infinite or not a number"],
    ]);
    const alone = await report(await openPredictions(join(folder, "relative"), { relativeDepth: true }), {
      ...{ tasks: ["depth"], depthAlign: "disparity" },
      photos: async function* () {
        yield photoOf(a);
      },
    });
    expect(alone.rows[0]!.value).toBeLessThan(1e-4);
    const byMedian = await aligned("median");
    expect(byMedian.coverage!.faults.map(({ fault }) => fault)).toEqual([
      expect.stringMatching(/pixels are no distance/),
      expect.stringMatching(/positive median to scale by, found 0/),
      expect.stringMatching(/24 pixels are no distance/),
    ]);
  });

  it("may be masks of single objects as COCO results", async () => {
    const mask = (await photoOf(NAMES[0]!).masks!()).get("cat")!.map((value) => (value === 1 ? 1 : 0));
    const left = mask.map((value, i) => (i % 6 < 3 ? value : 0));
    const right = mask.map((value, i) => (i % 6 < 3 ? 0 : value));
    const runs = Array.from({ length: PIXELS }, () => 1);
    const about = (photo: number, segmentation: unknown, score: unknown = 0.8) => ({
      ...{ image_id: NAMES[photo], category: "cat", segmentation, score },
    });
    const results = [
      about(0, encodeRle(left, size), 0.5),
      about(0, encodeRle(right, size)),
      about(0, encodeRle(new Uint8Array(PIXELS).fill(1), size), 0.25),
      about(1, { size: [4, 6], counts: [...runs.slice(1), 1] }),
      about(2, { size: [6, 4], counts: runs }),
      about(3, encodeRle(mask, size), 12),
      about(4, { size: [4, 6], counts: "0" }),
    ];
    await write("objects", "segmentation.json", JSON.stringify(results));
    const { rows, coverage } = await scored("objects", "segmentation");
    expect(rows[0]).toMatchObject({ metric: "IoU (present classes asked)", n: 2 });
    const faults = coverage!.faults.map(({ fault }) => fault);
    expect(faults).toHaveLength(3);
    expect(faults[0]).toMatch(/found the size \[6, 4\]: height and width are swapped/);
    expect(faults[1]).toMatch(/a score from 0 to 1, found 12/);
    expect(faults[2]).toMatch(/found Run lengths cover/);
    const alone = await report(await openPredictions(join(folder, "objects")), {
      tasks: ["segmentation"],
      photos: async function* () {
        yield photoOf(NAMES[0]!);
      },
    });
    expect(alone.rows[0]!.value).toBe(1);
    await mkdir(join(folder, "objects/voc2012/masks"));
    await expect(scored("objects", "segmentation")).rejects.toThrow(/segmentation\.json and .*masks: which one counts/);
  });

  it("may be yes/no answers, one for each question", async () => {
    const answer = (image_id: string, category: string, probability: unknown) => ({ image_id, category, probability });
    const [a, b] = NAMES as [string, string];
    const answers = [
      answer(a, "cat", 0.9),
      answer(a, "dog", 0.2),
      answer(b, "cat", 0.3),
      answer(b, "cat", 0.4),
      answer(b, "dog", 2),
    ];
    await write("yes", "classification.json", JSON.stringify(answers));
    const { coverage } = await scored("yes", "classification");
    expect(coverage).toMatchObject({ asked: 10, scored: 2 });
    expect(coverage!.faults.slice(0, 2).map(({ fault }) => fault)).toEqual([
      "2 answers in classification.json, expected one",
      "2 is no probability from 0 to 1",
    ]);
  });
});
