/** Kept answers, divided runs and exported predictions: each must give the undivided, fresh report, or say why not. */
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fresh, NAMES, options, report } from "../../../tests/helpers/dice-evaluation.js";
import { evaluate, mergeRuns, readRun, reportOf, runEvaluation, writeRun } from "../index.js";
import type { AnswerOf } from "../predictor.js";
import type { Respondent } from "../respondent.js";
import { cached } from "./cache.js";
import { rounded } from "./canonical.js";
import { openPredictions } from "./folder.js";
import { saving } from "./save.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "instructcv-predictions-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** To the bit: tables would hide a difference in a probability. */
const records = async (respondent: Respondent) => (await runEvaluation({ ...options, respondent })).records;

describe("kept answers", () => {
  it("give the very report of fresh ones, and are not asked for again", async () => {
    const plain = await report(fresh());
    const asked: string[] = [];
    const dir = join(folder, "cache");
    expect(await report(cached(fresh(asked), dir, { model: "a" }))).toEqual(plain);
    const total = asked.length;
    expect(total).toBe(NAMES.length * (1 + 2 + 2 + 2));
    expect(await records(cached(fresh(asked), dir, { model: "a" }))).toEqual(await records(fresh()));
    expect(asked).toHaveLength(total);
    // Another model, or another seed, is another key.
    await report(cached(fresh(asked), dir, { model: "b" }));
    expect(asked).toHaveLength(2 * total);
  });

  it("let an interrupted evaluation go on where it was", async () => {
    const dir = join(folder, "interrupted");
    const asked: string[] = [];
    const stop = new AbortController();
    const respondent = () => cached(fresh(asked), dir, {});
    const cut = evaluate(
      { ...options, respondent: respondent() },
      ({ done }) => done === 10 && stop.abort(new Error("cut")),
      stop.signal,
    );
    await expect(cut).rejects.toThrow("cut");
    const before = asked.length;
    expect(before).toBeLessThan(20);
    expect(await report(respondent())).toEqual(await report(fresh()));
    expect(asked).toHaveLength(35);
  });

  it("are an error when damaged, never passed over", async () => {
    const dir = join(folder, "damaged");
    await report(cached(fresh(), dir, {}));
    const [first] = await readdir(dir);
    const [file] = await readdir(join(dir, first!));
    await writeFile(join(dir, first!, file!), "{");
    await expect(report(cached(fresh(), dir, {}))).rejects.toThrow(/damaged answer in the cache.*Delete the file/);
  });
});

describe("a divided evaluation", () => {
  it("equals the undivided one, through the disk and in any order", async () => {
    const whole = await runEvaluation({ ...options, respondent: fresh() });
    const runs: string[] = [];
    for (const i of [2, 1, 3]) {
      const part = await runEvaluation({ ...options, respondent: fresh(), shard: [i, 3] });
      expect(part.head.suite).toContain(`part ${i} of 3`);
      runs.push(join(folder, `part-${i}`));
      await writeRun(runs.at(-1)!, part);
    }
    const merged = mergeRuns(await Promise.all(runs.map(readRun)));
    expect(merged.records).toEqual(JSON.parse(JSON.stringify(whole.records)));
    const tables = { paperStyle: true, bootstrap: 20 };
    expect(reportOf(merged, tables)).toEqual(reportOf(whole, tables));
  });

  it("is not put together from parts that are missing, there twice or of something else", async () => {
    const part = (i: number, more = {}) => runEvaluation({ ...options, ...more, respondent: fresh(), shard: [i, 2] });
    const [one, two] = [await part(1), await part(2)];
    expect(() => mergeRuns([one])).toThrow(/Part 2 of 2: expected one run, found 0/);
    expect(() => mergeRuns([one, two, two])).toThrow(/Part 2 of 2: expected one run, found 2/);
    const other = await part(2, { seed: 5 });
    expect(() => mergeRuns([one, other])).toThrow(/different evaluations: options/);
  });

  it("is read only when whole", async () => {
    const run = await runEvaluation({ ...options, respondent: fresh() });
    const dir = join(folder, "cut-run");
    await writeRun(dir, run);
    await writeFile(join(dir, "records.jsonl"), `${JSON.stringify(run.records[0])}\n`);
    await expect(readRun(dir)).rejects.toThrow(/records\.jsonl: expected \d+ records, found 1/);
  });
});

it("rounds boxes so that COCO's [x, y, width, height] gives their corners back", () => {
  // As they are, width and right side are both half-way between two numbers: 1500 would come back.
  const xyxy = [1 + 2 ** -43, 0, 1500 + 2 ** -42, 1] as const;
  expect(xyxy[0] + (xyxy[2] - xyxy[0])).not.toBe(xyxy[2]);
  const answer = rounded({ task: "detection", boxes: [{ xyxy, score: 1 }] }) as AnswerOf<"detection">;
  const [left, , right] = answer.boxes[0]!.xyxy;
  expect(left + (right - left)).toBe(right);
});

describe("predictions in a folder", () => {
  it("that were exported here score exactly as they did", async () => {
    const dir = join(folder, "exported");
    const saved = saving(fresh(), dir, "dice");
    const ours = await report(saved);
    await saved.finish();
    const theirs = await openPredictions(dir);
    expect(theirs.name).toBe("dice");
    expect((await report(theirs)).rows).toEqual(ours.rows);
    expect(await records(theirs)).toEqual(await records(fresh()));
  });
});
