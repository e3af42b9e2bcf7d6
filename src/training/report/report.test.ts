import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { gridPng } from "../grid.js";
import type { Metrics } from "../log.js";
import type { RunInfo } from "../run-info.js";
import { linearAxis, logAxis, short } from "./chart.js";
import { reportRun } from "./report.js";
import { curvesOf, type Point, smoothed, thinned } from "./series.js";

let run: string;
beforeAll(async () => {
  run = await mkdtemp(join(tmpdir(), "instructcv-report-"));
  await writeFile(join(run, "config.yaml"), "name: <b>run</b>\nseed: 1\n");
  await writeFile(join(run, "metrics.jsonl"), lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  await writeFile(join(run, "run.json"), JSON.stringify(info));
  await mkdir(join(run, "samples"));
  for (let step = 10; step <= 200; step += 10) {
    const picture = { width: 8, height: 8, data: new Uint8Array(192).fill(step) };
    const png = await gridPng([[picture, picture, picture]]);
    await writeFile(join(run, "samples", `step-${String(step).padStart(7, "0")}.png`), png);
  }
});
afterAll(() => rm(run, { recursive: true, force: true }));

const lines: Metrics[] = Array.from({ length: 200 }, (_, i) => ({
  step: i + 1,
  steps: 400,
  fraction: (i + 1) / 400,
  loss: i === 100 ? Number.NaN : 2 / (i + 1),
  losses: { depth: 0.1, segmentation: 1 / (i + 1) },
  lr: 1e-3,
  gradNorm: 3,
  samplesPerSecond: i === 0 ? 1 : 50,
  flopsPerSecond: 5e10,
  limitShare: 0.5,
  rssBytes: 1e9,
  peakRssBytes: 2e9,
  minutes: i / 60,
  ...((i + 1) % 50 === 0 && { validation: { losses: { depth: 0.2 }, depthRmse: 1, segmentationIou: i / 200 } }),
}));
const info: RunInfo = {
  format: "instructcv-run/1",
  name: "<script>alert(1)</script>",
  starts: [0, 120].map((step) => ({
    started: "2026-01-02T03:04:05.000Z",
    step,
    resumed_from: step === 0 ? null : "checkpoints/step-0000120",
    command: ["node", "instructcv", "train", "--config", "a & b.yaml"],
    working_folder: "project",
    versions: { instructcv: "1.2.3", node: "20.1.0", libtorch: "2.13.0" },
    machine: { platform: "linux", processor: "P", cores: 2, memory_bytes: 8e9, device: "cpu", precision: "float32" },
    git: { commit: "0123abc", dirty: true },
    flops_per_update: 4e9,
    limit_flops_per_second: 1e11,
  })),
};

test("one page that asks for nothing from anywhere, runs nothing and cannot be marked up by what it shows", async () => {
  const page = await reportRun(run);
  expect(page.match(/(?:src|href)="(?!data:image\/jpeg;base64,)[^"]*"/g)).toBeNull();
  expect(page).not.toMatch(/url\(|@import|<link|https?:|<script/);
  expect(page).toContain("&lt;script&gt;alert(1)&lt;/script&gt;");
  expect(page).not.toMatch(/NaN|Infinity|undefined/);
  expect(page.length).toBeLessThan(200_000);
  expect(await reportRun(run)).toBe(page);
});

test("it says how the run stands, how it was started and what it cost", async () => {
  const text = (await reportRun(run))
    .replace(/<style>.*?<\/style>/s, "")
    .replace(/<[^>]*>/g, " ")
    .replace(/\s+/g, " ");
  expect(text).toContain("Step 200 of 400 after 3:19 of training. Resumed at 120: dashed lines.");
  expect(text).toContain("50.0 samples/s");
  expect(text).toContain("50.0 G FLOP/s");
  expect(text).toContain("50% of a matrix product&#39;s speed");
  expect(text).toContain("2.00 GB most memory");
  expect(text).toContain("node instructcv train --config a &amp; b.yaml");
  expect(text).toContain("0123abc, with changes that are not committed");
  expect(text).toContain("instructcv 1.2.3, Node 20.1.0, libtorch 2.13.0");
  expect(text).toContain("name: &lt;b&gt;run&lt;/b&gt; seed: 1");
});

test("a bounded number of pictures, the first and the last among them; a mark in each chart", async () => {
  const page = await reportRun(run);
  const steps = [...page.matchAll(/<figcaption>step (\d+)/g)].map(([, step]) => Number(step));
  expect(steps).toEqual([10, 40, 60, 90, 120, 150, 170, 200]);
  const charts = curvesOf(lines).length;
  expect(page.match(/<svg /g)).toHaveLength(charts);
  expect(page.match(/resumed at step 120/g)).toHaveLength(charts);
});

test("a run of an earlier version, without run.json, pictures and the newer numbers", async () => {
  const old = await mkdtemp(join(tmpdir(), "instructcv-old-"));
  const { step, steps, loss, losses, lr, gradNorm, samplesPerSecond, minutes } = lines[0]!;
  await writeFile(join(old, "config.yaml"), "name: old\n");
  await expect(reportRun(old)).rejects.toThrow(/metrics\.jsonl: the run has logged no step yet\. Wait/);
  const line = { step, steps, loss, losses, lr, gradNorm, samplesPerSecond, minutes };
  await writeFile(join(old, "metrics.jsonl"), JSON.stringify(line));
  const page = await reportRun(old);
  expect(page).toContain("<h1>old</h1>");
  expect(page).not.toMatch(/<h2>Starts|FLOP|<img|NaN|Infinity/);
  await rm(old, { recursive: true });
});

test("another folder is named with what to give", async () => {
  await expect(reportRun(join(run, "samples"))).rejects.toThrow(
    /samples: expected the folder of a training run, .* Give/,
  );
});

test("curves: what has no point is left out, what is no number too", () => {
  const titles = curvesOf(lines).map(({ title }) => title);
  expect(titles).not.toContain("Losses of the training-only heads");
  const written = lines.map((line) => JSON.parse(JSON.stringify(line)) as Metrics);
  expect(curvesOf(written)[0]!.series[0]!.points).toHaveLength(199);
  expect(curvesOf(written)[1]!.series.map(({ name }) => name)).toEqual(["segmentation", "depth"]);
});

test("smoothing keeps a straight line, thinning keeps every spike", () => {
  const line = Array.from({ length: 2000 }, (_, i): Point => [i, i === 777 ? 1e6 : 2 * i]);
  const straight = line.filter(([step]) => step !== 777).map(([step]): Point => [step, 5]);
  expect(smoothed(straight)).toEqual(straight);
  expect(smoothed(line.slice(0, 3))).toEqual(line.slice(0, 3));
  const few = thinned(line, 100);
  expect(few.length).toBeLessThanOrEqual(100);
  expect(few).toContainEqual([777, 1e6]);
  expect(few.map(([step]) => step)).toEqual(few.map(([step]) => step).sort((a, b) => a - b));
});

test("axes are round numbers around the values", () => {
  expect(linearAxis([0.1, 0.9]).ticks.map(short)).toEqual(["0", "0.2", "0.4", "0.6", "0.8", "1"]);
  expect(linearAxis([5, 5]).ticks.length).toBeGreaterThan(1);
  expect(linearAxis([0, 0]).place(0)).toBe(0);
  expect(linearAxis([-1, 1]).place(-1)).toBeCloseTo(0);
  expect(logAxis([0.03, 3]).ticks.map(short)).toEqual(["0.03", "0.1", "0.3", "1", "3"]);
  expect(logAxis([1, 1]).ticks.length).toBeGreaterThan(1);
  expect(logAxis([1e-5, 1]).place(1e-5)).toBeCloseTo(0);
  expect([0.000123, 12345, 1e7, 0.5, -0.25].map(short)).toEqual(["1.23e-4", "12.3k", "1e7", "0.5", "-0.25"]);
});
