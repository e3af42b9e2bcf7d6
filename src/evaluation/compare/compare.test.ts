/** Two runs compared: differences by hand, the same resamples as the paired bootstrap, and questions that only one of them answered. */
import { describe, expect, it } from "vitest";
import { pairedBootstrap } from "../metrics/index.js";
import type { QuestionRecord } from "../records/record.js";
import type { Run } from "../records/run.js";
import { compareRuns } from "./compare.js";
import { comparisonToJson, comparisonToMarkdown, comparisonToText } from "./print.js";

const mask = (photo: string, intersection: number, union: number): QuestionRecord => ({
  ...{ photo, at: 0, dataset: "pets", task: "segmentation", category: "cat", wording: "template", present: true },
  facts: { kind: "mask", intersection, union, predicted: union, truth: union, paper: 0, bins: [] } as never,
});
const runOf = (model: string, records: readonly QuestionRecord[]): Run => ({
  head: {
    ...{ format: 1, suite: "two photos", model, options: {}, datasets: ["pets"], exclusive: [] },
    ...{ tasks: ["segmentation"], wordings: ["template"], shard: [1, 1], photos: { pets: 2 }, skipped: [], notes: [] },
  },
  records,
});
const pooled = (rows: ReturnType<typeof compareRuns>["rows"]) =>
  rows.find(({ metric }) => metric === "IoU (present classes asked)")!;

describe("two runs", () => {
  const a = runOf("a", [mask("easy", 90, 100), mask("hard", 30, 100)]);
  const b = runOf("b", [mask("easy", 80, 100), mask("hard", 20, 100)]);

  it("differ by what their metrics differ by, and photos hard for both do not widen the interval", () => {
    const row = pooled(compareRuns(a, b).rows);
    expect(row).toMatchObject({ value: 0.6, against: 0.5, n: 2 });
    // Whichever photos are drawn, a is 0.1 better.
    for (const number of [row.difference, row.low, row.high]) expect(number).toBeCloseTo(0.1, 12);
  });

  it("draw the photos of the paired bootstrap", () => {
    const sample = (shift: number) =>
      Array.from({ length: 12 }, (_, i) => mask(`photo ${i}`, 10 + ((i * 7 + shift) % 13), 40 + ((i * 5) % 7)));
    const [x, y] = [sample(0), sample(4)];
    const facts = (records: readonly QuestionRecord[]) =>
      records.map((record) => record.facts as unknown as { intersection: number; union: number });
    const iou = (drawn: readonly { intersection: number; union: number }[]) =>
      drawn.reduce((sum, one) => sum + one.intersection, 0) / drawn.reduce((sum, one) => sum + one.union, 0);
    const expected = pairedBootstrap(facts(x), facts(y), iou, { resamples: 200 });
    const found = pooled(compareRuns(runOf("x", x), runOf("y", y), { bootstrap: 200 }).rows);
    expect(found.low).toBeCloseTo(expected.low, 12);
    expect(found.high).toBeCloseTo(expected.high, 12);
  });

  it("are compared by the questions that both answered, and the others are counted", () => {
    const unanswered: QuestionRecord = { ...mask("odd", 0, 1), facts: null, fault: "not a number" };
    const more = runOf("more", [...a.records, mask("new", 1, 100), mask("odd", 1, 100)]);
    const { rows, notes } = compareRuns(more, runOf("b", [...b.records, unanswered]));
    expect(pooled(rows)).toMatchObject({ value: 0.6, against: 0.5, n: 2 });
    expect(notes.join("\n")).toContain("2 questions have a scored answer in one of the runs only");
  });

  it("need a question in common", () => {
    expect(() => compareRuns(a, runOf("other", [mask("elsewhere", 1, 2)]))).toThrow(/no answered question in common/);
  });

  it("are printed as data and as tables", () => {
    const comparison = compareRuns(a, b, { bootstrap: 20 });
    expect(JSON.parse(comparisonToJson(comparison))).toMatchObject({ model: "a", against: "b", suite: "two photos" });
    expect(comparisonToText(comparison)).toMatch(/IoU \(present classes asked\) +template +0\.600 +0\.500 +\+0\.100/);
    expect(comparisonToMarkdown(comparison)).toContain("| 0.600 | 0.500 | +0.100 | +0.100 to +0.100 | 2 |");
  });
});
