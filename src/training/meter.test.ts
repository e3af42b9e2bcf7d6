import { expect, test } from "vitest";
import { Meter } from "./meter.js";
import { progressLine, type TrainProgress, withPrefix } from "./progress.js";

test("speed, share of the limit and memory since the last take", async () => {
  const meter = new Meter(0.5, { flopsPerUpdate: 3e6, limit: 1e9 });
  const outcome = { loss: 2, tasks: [], auxiliary: null, gradNorm: 4, loaderMs: 0, skipped: null };
  const before = performance.now();
  for (let i = 0; i < 2; i++) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    meter.add({ ...outcome, loss: 2 + i });
  }
  const seconds = (performance.now() - before) / 1000;
  const means = meter.take(8, 0.75);
  expect([means.loss, means.gradNorm]).toEqual([2.5, 4]);
  expect(means.samplesPerSecond).toBeGreaterThan(16 / (seconds + 0.005));
  expect(means.samplesPerSecond).toBeLessThan(16 / 0.009);
  // 8 samples are one update of 3 million operations.
  expect(means.flopsPerSecond / means.samplesPerSecond).toBeCloseTo(3e6 / 8, 3);
  expect(means.limitShare).toBeCloseTo(means.flopsPerSecond / 1e9, 9);
  expect(means.etaSeconds).toBeGreaterThan(0.009);
  expect(means.rssBytes).toBeGreaterThan(1e7);
  expect(means.peakRssBytes).toBeGreaterThanOrEqual(means.rssBytes * 0.9);
});

test("a skipped update is counted and not averaged; a resumed meter goes on with what was pending", () => {
  const work = { flopsPerUpdate: 1, limit: 1 };
  const made = { loss: 2, tasks: [], auxiliary: null, gradNorm: 4, loaderMs: 0, skipped: null };
  const first = new Meter(0, work);
  first.add(made);
  first.add({ ...made, loss: Number.NaN, skipped: "the loss is NaN" });
  const second = new Meter(0.5, work, JSON.parse(JSON.stringify(first.pending)));
  second.add({ ...made, loss: 5 });
  expect(second.take(8, 0.75)).toMatchObject({ loss: 3.5, gradNorm: 4, skipped: 1 });
  expect(second.pending).toEqual({ outcomes: [], skipped: 0, ms: 0 });
});

test("the line states them with units", () => {
  const progress: TrainProgress = {
    step: 5,
    steps: 10,
    fraction: 0.5,
    loss: 0.25,
    losses: { depth: 0.125 },
    lr: 1e-3,
    gradNorm: 1,
    samplesPerSecond: 62.13,
    flopsPerSecond: 54.321e9,
    limitShare: 0.43,
    rssBytes: 1.234e9,
    peakRssBytes: 2e9,
    loaderShare: 0.1,
    etaSeconds: 65,
  };
  expect(progressLine(progress)).toBe(
    " 50.0%  step 5/10  loss 0.2500 (dep 0.1250)  lr 1.0e-3  |g| 1.00  62.1 samples/s  54.3 GFLOP/s (43% of the limit)  1.23 GB  ETA 1:05",
  );
});

test.each([
  [0, "0.00 "],
  [999, "999 "],
  [1e3, "1.00 k"],
  [1.5e15, "1.50 P"],
])("%f with a prefix", (value, expected) => {
  expect(withPrefix(value)).toBe(expected);
});
