/** An evaluation of five tiny photos with labels for all four tasks, answered by dice. */
import type { LabelledPhoto } from "../../src/datasets/sample.js";
import { type EvaluateOptions, evaluate } from "../../src/evaluation/index.js";
import type { Answer, Predictor } from "../../src/evaluation/predictor.js";
import { askModel, type Respondent } from "../../src/evaluation/respondent.js";
import type { Picture } from "../../src/image/picture.js";
import { parseInstruction } from "../../src/instructions/parse.js";
import { createRng } from "../../src/random.js";

export const size = { width: 6, height: 4 };
export const PIXELS = 24;
export const NAMES = ["2008_000001", "2008_000002", "2008_000003", "2008_000004", "2008_000005"];

/** Photos with labels for all four tasks, drawn by their names. */
export function photoOf(name: string): LabelledPhoto {
  const rng = createRng(name);
  const mask = (): Uint8Array => Uint8Array.from({ length: PIXELS }, () => rng.pick([0, 1, 1, 255]));
  const masks = new Map([["cat", mask()]]);
  const picture: Picture = { ...size, data: Uint8Array.from({ length: PIXELS * 3 }, () => rng.int(256)) };
  const metres = Float32Array.from({ length: PIXELS }, () => rng.next() * 9);
  return {
    ...{ id: `voc2012/${name}`, dataset: "voc2012", split: "val", path: `/nowhere/${name}.jpg` },
    ...{ image: async () => picture, known: ["cat", "dog"], present: ["cat"], boxed: ["cat", "dog"] },
    masks: async () => masks,
    boxes: async () => [{ category: "cat", xyxy: [0.1, 0.3, 3.7, 3.3], ignore: false }],
    depth: async () => metres,
  };
}
export const photos = async function* () {
  for (const name of NAMES) yield photoOf(name);
};

/** Answers by dice that the picture and the sentence throw, in full float precision. */
export function dice(asked: string[] = []): Predictor {
  return {
    async perceive({ data }, instruction): Promise<Answer> {
      asked.push(instruction);
      const rng = createRng(`${data.join()}/${instruction}`);
      const floats = (most: number) => Float32Array.from({ length: PIXELS }, () => rng.next() * most);
      const { task } = parseInstruction(instruction);
      const probability = floats(1);
      const corner = () => rng.next() * 3;
      const box = (): [number, number, number, number] => [corner(), corner() / 2, 3 + corner(), 2 + corner() / 2];
      switch (task) {
        case "segmentation":
          return { task, probability, mask: Uint8Array.from(probability, (p) => (p > 0.45 ? 1 : 0)) };
        case "detection":
          return { task, boxes: Array.from({ length: rng.int(12) }, () => ({ xyxy: box(), score: rng.next() })) };
        case "depth":
          return { task, metres: floats(10) };
        case "classification":
          return { task, present: rng.next() > 0.5, probability: rng.next() };
      }
    },
  };
}

export const options: EvaluateOptions = {
  ...{ dataRoot: "/nowhere", model: "dice", photos, datasets: ["voc2012"], wordings: ["template"] },
  ...{ labelMaps: true, paperStyle: true },
};
export const fresh = (asked?: string[]) => askModel(dice(asked), { seed: 0 });
export const report = (respondent: Respondent, more: Partial<EvaluateOptions> = {}) =>
  evaluate({ ...options, respondent, ...more });
