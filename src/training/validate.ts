/** One-step quality of the averaged weights on fixed validation records, with a contact sheet for people. */
import { noiseLevel, sampleMix } from "../diffusion/prediction.js";
import type { Picture } from "../image/picture.js";
import { createRng } from "../random.js";
import { slotColours } from "../tasks/colours.js";
import { type DepthGrey, metresOfGrey } from "../tasks/depth.js";
import type { NamedColour, TaskName } from "../tasks/task.js";
import { collate } from "./batch.js";
import { type Example, plain } from "./example.js";
import { gridPng, pictureOf } from "./grid.js";
import { RasterReader } from "./rasters.js";
import type { Session } from "./session.js";
import { stepLoss } from "./step.js";
import { loadSample, type Store, type StoredSample } from "./store.js";

/** Quick numbers at the model's size, for watching a run; `evaluation` measures properly. */
export interface Validation {
  /** Mean loss without task weights, last timestep. */
  readonly losses: Readonly<Partial<Record<TaskName, number>>>;
  /** Intersection over union of drawn and true foreground, over all known pixels of all records. */
  readonly segmentationIou?: number;
  /** The same for outline pixels. */
  readonly outlineIou?: number;
  /** Metres. */
  readonly depthRmse?: number;
  /** Share of frames nearer to the right one of the two colours. */
  readonly classificationAccuracy?: number;
}

export interface Validator {
  run(): Promise<{ validation: Validation; grid: Buffer }>;
}

/** Records in the contact sheet, per task. */
const shown = 3;

/** Draws and loads `count` records once, evenly over the tasks that are trained. See `RasterReader.get` for what it throws. */
export async function createValidator(session: Session, store: Store, count: number): Promise<Validator> {
  const { config } = session;
  const rng = createRng(`${config.seed}/validation`);
  const tasks = (Object.keys(store.groups) as TaskName[]).filter((task) => config.data.weights[task] > 0);
  const chosen: StoredSample[] = tasks.flatMap((task) => {
    const all = store.samples.filter((sample) => sample.record.task === task);
    return rng.shuffle(all).slice(0, Math.ceil(count / tasks.length));
  });
  const examples: Example[] = [];
  const reader = new RasterReader(store.size, 0);
  try {
    for (const sample of chosen) examples.push(plain(await loadSample(sample, reader), store.size, config));
  } finally {
    await reader.close();
  }
  return {
    async run() {
      const drawn: Picture[] = [];
      const losses: number[] = [];
      const release = session.openFrozen();
      try {
        for (let start = 0; start < examples.length; start += config.optimizer.batch) {
          const part = drawExamples(session, examples.slice(start, start + config.optimizer.batch), start);
          drawn.push(...part.pictures);
          losses.push(...part.losses);
          await new Promise((resolve) => setImmediate(resolve));
        }
      } finally {
        release();
      }
      const rows = tasks.flatMap((task) => {
        const of = examples.flatMap((example, i) => (example.task === task ? [i] : []));
        return of.slice(0, shown).map((i) => [examples[i]!.image, examples[i]!.target, drawn[i]!]);
      });
      return {
        validation: measure(chosen, examples, drawn, losses, config.model.inference.depth_grey),
        grid: await gridPng(rows),
      };
    },
  };
}

/** The one-step prediction of each example from pure noise (the last timestep), and its loss. */
function drawExamples(session: Session, examples: readonly Example[], offset: number) {
  const { torch, models, config, stepOptions } = session;
  const { schedule } = stepOptions;
  const batch = collate(examples, session.tokenizer);
  const B = examples.length;
  const last = schedule.length - 1;
  const draws = {
    timesteps: Array<number>(B).fill(last),
    keepText: Array<boolean>(B).fill(true),
    keepImage: Array<boolean>(B).fill(true),
  };
  return session.withAverages(() =>
    torch.noGrad(() =>
      torch.tidy(() => {
        torch.manualSeed(config.seed + offset);
        const { ops } = torch;
        const side = batch.size / models.codec.factor;
        const latents = torch.randn([B, config.model.unet.out_channels, side, side]);
        const noise = { latents, posterior: null, perturbation: null };
        const { perSample, prediction, noisy } = stepLoss(ops, models, batch, draws, noise, stepOptions);
        const { a, b } = sampleMix(schedule.predictionType, noiseLevel(schedule, last));
        const sample = ops.add(ops.mul(prediction, a), ops.mul(noisy, b));
        const planes = torch.read(models.codec.decode(ops, ops.div(sample, models.codec.scale)));
        return {
          pictures: examples.map((_, i) => pictureOf(planes, i, batch.size)),
          losses: [...torch.read(perSample)],
        };
      }),
    ),
  );
}

function measure(
  samples: readonly StoredSample[],
  examples: readonly Example[],
  drawn: readonly Picture[],
  losses: readonly number[],
  depthGrey: DepthGrey,
): Validation {
  const sums: Partial<Record<TaskName, { sum: number; count: number }>> = {};
  const masks = { both: 0, either: 0 };
  const outlines = { both: 0, either: 0 };
  const depth = { squares: 0, count: 0 };
  const frames = { right: 0, count: 0 };
  for (const [i, example] of examples.entries()) {
    const { sum, count } = sums[example.task] ?? { sum: 0, count: 0 };
    sums[example.task] = { sum: sum + losses[i]!, count: count + 1 };
    const [truth, found, photo] = [example.target.data, drawn[i]!.data, example.image.data];
    const pixels = truth.length / 3;
    if (example.task === "classification") {
      const { positive, negative } = slotColours(samples[i]!.record.slots);
      const present = samples[i]!.record.present ?? false;
      const nearer = distance(found, positive) < distance(found, negative);
      frames.right += Number(nearer === present);
      frames.count++;
    }
    for (let p = 0; p < pixels; p++) {
      if (example.pixelWeights?.[p] === 0) continue;
      const k = p * 3;
      if (example.task === "segmentation") tally(masks, truth[k]! > 127, found[k]! > 127);
      if (example.task === "detection") {
        const same = truth[k] === photo[k] && truth[k + 1] === photo[k + 1] && truth[k + 2] === photo[k + 2];
        tally(outlines, !same, blueness(found, photo, k) > 0.5);
      }
      if (example.task === "depth") {
        const metres = (picture: Uint8Array) => metresOfGrey(picture[k]! / 255, depthGrey);
        depth.squares += (metres(found) - metres(truth)) ** 2;
        depth.count++;
      }
    }
  }
  return {
    losses: Object.fromEntries(Object.entries(sums).map(([task, { sum, count }]) => [task, sum / count])),
    ...(sums.segmentation && { segmentationIou: masks.both / Math.max(1, masks.either) }),
    ...(sums.detection && { outlineIou: outlines.both / Math.max(1, outlines.either) }),
    ...(depth.count > 0 && { depthRmse: Math.sqrt(depth.squares / depth.count) }),
    ...(frames.count > 0 && { classificationAccuracy: frames.right / frames.count }),
  };
}

function tally(counts: { both: number; either: number }, a: boolean, b: boolean): void {
  if (a && b) counts.both++;
  if (a || b) counts.either++;
}

/** How far a pixel moved from the photo towards pure blue, as a share. */
function blueness(found: Uint8Array, photo: Uint8Array, k: number): number {
  const way = [-photo[k]!, -photo[k + 1]!, 255 - photo[k + 2]!];
  const moved = [found[k]! - photo[k]!, found[k + 1]! - photo[k + 1]!, found[k + 2]! - photo[k + 2]!];
  const length = way.reduce((sum, value) => sum + value * value, 0);
  return length === 0 ? 0 : way.reduce((sum, value, c) => sum + value * moved[c]!, 0) / length;
}

/** Squared distance of the mean colour. */
function distance(data: Uint8Array, { rgb }: NamedColour): number {
  const sums = [0, 0, 0];
  for (let i = 0; i < data.length; i++) sums[i % 3]! += data[i]!;
  return sums.reduce((sum, value, c) => sum + (value / (data.length / 3) - rgb[c]!) ** 2, 0);
}
