import { appendFile, mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { gridPng } from "./grid.js";
import { openRunLog, readMetrics, scalarsOf } from "./log.js";
import type { TrainProgress } from "./progress.js";

let out: string;
beforeAll(async () => {
  out = await mkdtemp(join(tmpdir(), "instructcv-log-"));
  await mkdir(join(out, "samples"));
});
afterAll(() => rm(out, { recursive: true, force: true }));

const progress = (step: number): TrainProgress => ({
  step,
  steps: 10,
  fraction: step / 10,
  loss: 1 / step,
  losses: { depth: 0.5 },
  auxiliary: { sentence: 1, presence: 2, extent: 3, asked: 4 },
  lr: 1e-3,
  gradNorm: 2,
  samplesPerSecond: 60,
  flopsPerSecond: 5e10,
  limitShare: 0.4,
  rssBytes: 1e9,
  peakRssBytes: 2e9,
  loaderShare: 0.1,
  etaSeconds: 60,
});

test("a report is a line, an event and now and then a picture", async () => {
  const log = await openRunLog(out, "run", 0);
  const picture = { width: 4, height: 2, data: new Uint8Array(24) };
  await log.add(progress(1), 0.5);
  const validation = { losses: { depth: 0.75 }, depthRmse: 1.5 };
  await log.add({ ...progress(2), validation }, 1, await gridPng([[picture, picture]]));
  expect(await readMetrics(out)).toEqual([
    { ...progress(1), minutes: 0.5 },
    { ...progress(2), validation, minutes: 1 },
  ]);
  expect((await readdir(out)).sort()).toEqual(["loss.svg", "metrics.jsonl", "samples", "tensorboard"]);
  expect(await readdir(join(out, "samples"))).toEqual(["step-0000002.png"]);
  const [events] = await readdir(join(out, "tensorboard"));
  const bytes = await readFile(join(out, "tensorboard", events!), "latin1");
  for (const tag of ["brain.Event:2", "loss/total", "validation/depthRmse", "samples"]) expect(bytes).toContain(tag);
});

test("resumed, later lines and a torn one are dropped", async () => {
  await appendFile(join(out, "metrics.jsonl"), '{"step":3,"lo');
  await openRunLog(out, "run", 1);
  expect((await readMetrics(out)).map(({ step }) => step)).toEqual([1]);
});

test("names for TensorBoard", () => {
  const validation = { losses: { depth: 0.75 }, segmentationIou: 0.5 };
  expect(scalarsOf({ ...progress(4), validation })).toMatchObject({
    "loss/total": 0.25,
    "loss/depth": 0.5,
    "heads/asked": 4,
    "validation_loss/depth": 0.75,
    "validation/segmentationIou": 0.5,
  });
  expect(Object.keys(scalarsOf(progress(4))).some((tag) => tag.startsWith("validation"))).toBe(false);
});
