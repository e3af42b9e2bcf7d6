import { describe, expect, it } from "vitest";
import type { TaskName } from "../tasks/task.js";
import { bank, type Wordings } from "./bank.js";
import { lintBank } from "./lint.js";

/** Our bank with one line more for a task. */
const withLine = (task: TaskName, line: string, part: "train" | "unseen" = "train"): Record<TaskName, Wordings> => ({
  ...bank,
  [task]: { ...bank[task], [part]: [...bank[task][part], line] },
});
const problemsOf = (task: TaskName, line: string, part?: "train" | "unseen") =>
  lintBank(withLine(task, line, part))
    .map(({ problem }) => problem)
    .join("; ");

describe("lintBank", () => {
  it("finds nothing in our bank", () => {
    expect(lintBank()).toEqual([]);
  });

  it("passes a good new line", () => {
    expect(problemsOf("detection", "Look for the {category} and box it")).toBe("");
  });

  it.each<[TaskName, string, RegExp]>([
    ["detection", "Lo%e the {category}", /left-over placeholder/],
    ["detection", "Lo{category}e it", /slot inside a word/],
    ["detection", "Detect every %", /left-over.*names no category/],
    ["classification", "Show * if there is {a category}, otherwise #", /left-over/],
    ["detection", "Detect and remove every {category}", /asks to edit/],
    ["segmentation", "Erase all but the {category}", /asks to edit/],
    ["segmentation", "Segment the object", /names no category/],
    ["segmentation", "Segment the {category} and the {category}", /category twice/],
    ["segmentation", "Segment the {object}", /slot \{object\}/],
    ["depth", "Estimate the depth of the {category}", /does not have/],
    ["classification", "Show {positive} if there is {a category}", /only one of the two colours/],
    [
      "classification",
      "Show green if there is {a category}, otherwise {positive} or {negative}",
      /colour that is no slot/,
    ],
    ["segmentation", "segment the {category} here", /capital letter/],
    ["segmentation", "SEGMENT the {category}", /capitals/],
    ["segmentation", "Segment  the {category}", /stray spaces/],
    ["segmentation", "Segment the {category} .", /stray spaces/],
    ["segmentation", "Segment a {category}", /own article/],
    ["segmentation", "Segment the {a category}", /two articles/],
    ["segmentation", "Segment every {categories}", /plural after a singular/],
    ["segmentation", "Segment all {category}", /singular after a plural/],
    ["segmentation", "Segment the {category} in a image", /wrong article/],
    ["segmentation", "Segment the the {category}", /repeats a word/],
    ["segmentation", `Segment the {category}${" in the photo".repeat(10)}`, /characters long/],
    ["segmentation", "Segment the {category", /unpaired brace/],
    ["segmentation", "Ségment the {category}", /plain English/],
    ["segmentation", "Where is the {category}?", /understood as detection.*repeats/],
    ["detection", "Wash the {category}", /understood as no task/],
    [
      "classification",
      "Show {negative} if there is {a category}, otherwise {positive}",
      /understood with other colours/,
    ],
  ])("%s: %s", (task, line, expected) => {
    expect(problemsOf(task, line)).toMatch(expected);
  });

  it("finds lines that leak from train to unseen, but for articles and case", () => {
    expect(problemsOf("segmentation", "Please segment every {category} you can see!", "unseen")).toMatch(
      /repeats a line of segmentation train/,
    );
    expect(problemsOf("detection", bank.segmentation.train[0]!)).toMatch(/repeats a line of segmentation train/);
  });
});
