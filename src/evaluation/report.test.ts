/** The forms a report is printed in. */
import { describe, expect, it } from "vitest";
import { type Report, type Row, reportToJson, reportToMarkdown, reportToText } from "./report.js";

const row = (metric: string, wording: Row["wording"], value: number | null): Row => ({
  dataset: "voc2012",
  task: "segmentation",
  metric,
  wording,
  value,
  baseline: 0.25,
  n: 352,
});
const report: Report = {
  suite: "test splits",
  model: "nano",
  rows: [row("IoU", "template", 0.61234), row("IoU", "unseen", 0.5), row("mIoU", "template", null)],
  notes: ["A note."],
};

describe("report", () => {
  it("prints the stable JSON and nothing else", () => {
    expect(JSON.parse(reportToJson(report))).toEqual({ suite: "test splits", model: "nano", rows: report.rows });
  });

  it("aligns a table with the wordings side by side", () => {
    expect(reportToText(report)).toBe(
      [
        "test splits, model nano",
        "",
        "dataset  task          metric  template  unseen  baseline    n",
        "-------  ------------  ------  --------  ------  --------  ---",
        "voc2012  segmentation  IoU        0.612   0.500     0.250  352",
        "                       mIoU           -       -     0.250  352",
        "",
        "A note.",
        "",
      ].join("\n"),
    );
  });

  it("shows intervals where there are some", () => {
    const rows = [
      { ...row("IoU", "template", 0.61234), low: 0.5, high: 0.7 },
      { ...row("AP", "template", 0.5), low: null },
    ];
    const lines = reportToMarkdown({ ...report, rows }).split("\n");
    expect(lines[2]).toBe("| voc2012 | segmentation | IoU | 0.612 (0.500 to 0.700) | 0.250 | 352 |");
    expect(lines[3]).toBe("| voc2012 | segmentation | AP | 0.500 | 0.250 | 352 |");
  });

  it("makes a GitHub table", () => {
    const lines = reportToMarkdown(report).split("\n");
    expect(lines[1]).toBe("| --- | --- | --- | ---: | ---: | ---: | ---: |");
    expect(lines[2]).toBe("| voc2012 | segmentation | IoU | 0.612 | 0.500 | 0.250 | 352 |");
  });
});
