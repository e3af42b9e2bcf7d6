/** Records: full label maps by hand, top-1 from yes/no answers, photos and answers that cannot be used. */
import { describe, expect, it } from "vitest";
import type { LabelledPhoto } from "../../datasets/sample.js";
import { InstructCvError } from "../../errors.js";
import type { EvaluateOptions } from "../options.js";
import type { Predictor } from "../predictor.js";
import { runEvaluation } from "../run.js";
import { LabelMap } from "./label-map.js";
import { mapScores } from "./map-scores.js";
import type { QuestionRecord } from "./record.js";
import { reportOf } from "./tables.js";
import { topOne } from "./top-one.js";

describe("a full label map", () => {
  it("takes the most probable class, the background where none is above one half, and leaves out what nobody knows", () => {
    const map = new LabelMap(6);
    // Truth: cat, cat, background, unknown, claimed by both, dog (although cat ignores it).
    map.add("cat", Uint8Array.of(1, 1, 0, 255, 1, 255), Float32Array.of(0.9, 0.5, 0.6, 0.9, 0.9, 0.6));
    map.add("dog", Uint8Array.of(0, 0, 0, 0, 1, 1), Float32Array.of(0.8, 0.5, 0.6, 0.9, 0.9, 0.7));
    const facts = map.facts();
    expect(facts.confusion).toEqual([
      [null, "cat", 1],
      ["cat", null, 1],
      ["cat", "cat", 1],
      ["dog", "dog", 1],
    ]);
    // cat: 1 hit, 1 missed, 1 false; dog: 1 hit; background: no hit.
    const scores = mapScores([facts]);
    expect(scores[0]!.value).toBeCloseTo((1 / 3 + 1 + 0) / 3, 12);
    expect(scores[1]!.value).toBeCloseTo(2 / 4, 12);
    expect(mapScores([])).toEqual([]);
  });

  it("does not count the background as a class where the truth has none", () => {
    const facts = { kind: "map", confusion: [["sky", "sky", 3] as const, ["sky", null, 1] as const] } as const;
    expect(mapScores([facts])[0]).toEqual({ metric: "mIoU (full label map)", value: 3 / 4, n: 1 });
  });

  it("pools the pixels of all photos, not the scores of photos", () => {
    const one = { kind: "map", confusion: [["sky", "sky", 1] as const] } as const;
    const other = { kind: "map", confusion: [["sky", "road", 9] as const] } as const;
    expect(mapScores([one, other]).map(({ value }) => value)).toEqual([(1 / 10 + 0) / 2, 1 / 10]);
  });
});

describe("top-1", () => {
  const answer = (photo: string, category: string, present: boolean, probability: number | null): QuestionRecord => ({
    ...{ photo, at: 0, dataset: "pets", task: "classification", category, wording: "template", present },
    facts: probability === null ? null : { kind: "presence", present: probability >= 0.5, probability },
  });
  it("is the share of photos whose category is the most probable one", () => {
    const records = [
      answer("a", "pug", true, 0.4),
      answer("a", "boxer", false, 0.3),
      answer("b", "pug", true, 0.6),
      answer("b", "boxer", false, 0.9),
      // One of its answers is missing.
      answer("c", "pug", true, 0.9),
      answer("c", "boxer", false, null),
    ];
    expect(topOne(records)).toEqual([{ metric: "top-1 accuracy (all classes asked)", value: 1 / 2, n: 2 }]);
  });
});

const size = { width: 2, height: 1 };
const photoOf = (name: string, image: () => Promise<typeof size & { data: Uint8Array }>): LabelledPhoto => ({
  ...{ id: `voc2012/${name}`, dataset: "voc2012", split: "val", path: `/nowhere/${name}.jpg`, image },
  ...{ known: ["cat"], present: ["cat"] },
  masks: async () => new Map([["cat", Uint8Array.of(1, 0)]]),
});
const photos = async function* () {
  yield photoOf("good", async () => ({ ...size, data: new Uint8Array(6) }));
  yield photoOf("cut", async () => {
    throw new InstructCvError("image", "/nowhere/cut.jpg: cut short.");
  });
  yield photoOf("odd", async () => ({ ...size, data: new Uint8Array(6).fill(1) }));
};
/** Knows the good photo and has no number for the odd one. */
const predictor: Predictor = {
  perceive: async ({ data }) => ({
    task: "segmentation",
    mask: Uint8Array.of(1, 0),
    probability: Float32Array.of(data[0] === 0 ? 1 : Number.NaN, 0.2),
  }),
};
const options: EvaluateOptions = {
  ...{ dataRoot: "/nowhere", model: "one", predictor, photos, tasks: ["segmentation"], datasets: ["voc2012"] },
  ...{ wordings: ["template"], labelMaps: true },
};

describe("what cannot be used", () => {
  it("is named and counted, and the rest is scored", async () => {
    const run = await runEvaluation(options);
    const { rows, notes } = reportOf(run);
    expect(run.head.skipped).toEqual([
      { dataset: "voc2012", photo: "voc2012/cut", reason: "/nowhere/cut.jpg: cut short." },
    ]);
    expect(rows.map(({ metric, value, n }) => [metric, value, n])).toEqual([
      ["IoU (present classes asked)", 1, 1],
      ["mIoU (present classes asked)", 1, 1],
      ["mIoU (all classes asked)", 1, 1],
      ["mIoU (full label map)", 1, 1],
      ["pixel accuracy (full label map)", 1, 1],
    ]);
    const text = notes.join("\n");
    expect(text).toContain("1 of 2 questions were scored");
    expect(text).toContain("voc2012/odd, segmentation, cat: 1 pixels are no probability from 0 to 1.");
    expect(text).toContain("1 photo could not be used, so nothing was asked about them:\n  voc2012/cut: ");
  });

  it("survives JSON: a run read back gives the same report", async () => {
    const run = await runEvaluation(options);
    expect(reportOf(JSON.parse(JSON.stringify(run)))).toEqual(reportOf(run));
  });

  it("makes a label map faulty when one of its masks is", async () => {
    const { records } = await runEvaluation(options);
    const odd = records.find(({ photo, category, wording }) => photo === "voc2012/odd" && !category && wording);
    expect(odd).toMatchObject({ facts: null, fault: "its mask of cat is missing or faulty" });
  });
});
