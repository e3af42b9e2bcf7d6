/** A corpus split made up in memory and a recipe that trains on it in seconds: no file, no decoder, the same on every machine. */
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { CorpusRecord } from "../../src/corpus/record.js";
import { tokenizerFiles, trainBpe } from "../../src/models/bpe-trainer.js";
import { createRng } from "../../src/random.js";
import type { TaskName } from "../../src/tasks/task.js";
import { readConfig, type TrainConfig } from "../../src/training/config.js";
import { groupSamples, type Sample, type Store } from "../../src/training/store.js";

export const tinySize = 32;
const categories = ["cat", "dog"];
const tasks: readonly TaskName[] = ["segmentation", "detection", "depth", "classification"];

/** All of it in memory. */
export interface TinyStore extends Store {
  readonly samples: readonly Sample[];
}

/** Photos of noise with a bright square; the square is the category. */
export function tinyStore(photos = 6): TinyStore {
  const samples: Sample[] = [];
  for (let p = 0; p < photos; p++) {
    const rng = createRng(`tiny/${p}`);
    const [x, y, side] = [rng.int(12), rng.int(12), 10 + rng.int(8)];
    const inside = (i: number) => {
      const [column, row] = [i % tinySize, Math.floor(i / tinySize)];
      return column >= x && column < x + side && row >= y && row < y + side;
    };
    const area = tinySize * tinySize;
    const photo = Uint8Array.from({ length: area * 3 }, (_, i) => (inside(Math.floor(i / 3)) ? 180 : 40) + rng.int(60));
    for (const task of tasks) {
      for (const negative of task === "depth" ? [false] : [false, true]) {
        const category = task === "depth" ? null : categories[(p + Number(negative)) % 2]!;
        const record: CorpusRecord = {
          key: `${p}-${task}-${negative}`,
          photo: `tiny/${p}`,
          dataset: "tiny",
          size: [tinySize, tinySize],
          task,
          slots: { category },
          instruction: `${task} ${category ?? ""}`,
          wording: "template",
          ...(task === "detection" && { boxes: negative ? [] : [[x, y, x + side, y + side] as const] }),
          ...(task === "classification" && { present: !negative }),
          negative,
        };
        samples.push({
          record,
          photo,
          ...(task === "segmentation" && {
            mask: Uint8Array.from({ length: area }, (_, i) => (!negative && inside(i) ? 255 : 0)),
          }),
          ...(task === "depth" && {
            millimetres: Uint16Array.from({ length: area }, (_, i) => (inside(i) ? 1500 : 4000)),
          }),
        });
      }
    }
  }
  return { size: tinySize, samples, groups: groupSamples(samples) };
}

/** configs/tiny.yaml with template wording only, so that the instruction bank may change without changing the numbers. */
export async function tinyConfig(): Promise<TrainConfig> {
  const config = await readConfig(resolve(import.meta.dirname, "../../configs/tiny.yaml"));
  config.data.template_share = 1;
  return config;
}

/** A tokenizer folder that does not depend on the instruction bank. */
export async function tinyTokenizer(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "instructcv-tokenizer-"));
  const texts = [
    "Segment the cat",
    "Detect the dog",
    "Estimate the depth of this image",
    "Show red if the picture has a cat",
  ];
  for (const [name, text] of Object.entries(tokenizerFiles(trainBpe([...texts, ...texts], 560), 32))) {
    await writeFile(join(folder, name), text);
  }
  return folder;
}

/** Length of the run that PyTorch repeated for tests/goldens/training.golden.json. */
export const goldenUpdates = 5;
