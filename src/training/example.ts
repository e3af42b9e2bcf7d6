/** One training example: first all that chance decides about it, from records alone, then its pictures. */
import type { Picture } from "../image/picture.js";
import { renderInstruction } from "../instructions/render.js";
import type { Rng } from "../random.js";
import { defaultColours, palette } from "../tasks/colours.js";
import type { Slots, TaskName } from "../tasks/task.js";
import { type Answer, answer } from "./answer.js";
import type { TrainConfig } from "./config.js";
import { type Partner, splitFrame } from "./pairs.js";
import type { Sample, StoredSample } from "./store.js";
import { compose, type DrawnView, drawViews, type View, wholeFrame } from "./views.js";

/** One training example at the model's size S. */
export interface Example extends Answer {
  readonly task: TaskName;
  readonly instruction: string;
  readonly slots: Slots;
  readonly image: Picture;
}

/** An example that is decided and not made: plain data, which can be sent to a thread. */
export interface DrawnExample<V extends DrawnView | View = DrawnView> {
  readonly task: TaskName;
  readonly instruction: string;
  readonly slots: Slots;
  readonly views: readonly V[];
}

/** Random crop, mirror, colours, wording; with a partner, the two side by side. `side` is the corpus size. */
export function drawExample(
  sample: StoredSample,
  partner: Partner | null,
  side: number,
  config: TrainConfig,
  rng: Rng,
): DrawnExample {
  const { data, model } = config;
  const { task } = sample.record;
  const shown: Partner[] = [{ sample, labelled: true }, ...(partner ? [partner] : [])];
  const places = partner ? splitFrame(model.resolution, rng) : [wholeFrame(model.resolution)];
  const views = drawViews(places, (i) => shown[i]!, side, config, rng, data.crop[task]);
  const slots = data.redraw_colours ? redrawColours(sample.record.slots, rng) : sample.record.slots;
  const wording = rng.next() < data.template_share ? "template" : "paraphrase";
  return { task, instruction: renderInstruction(task, slots, wording, rng, data.word_noise), slots, views };
}

/** The pictures of an example whose rasters are loaded. */
export function makeExample(drawn: DrawnExample<View>, side: number, config: TrainConfig): Example {
  const { task, instruction, slots, views } = drawn;
  const image = compose(config.model.resolution, views, side);
  return { task, instruction, slots, image, ...answer(task, side, views, image, slots, config) };
}

/** A sample as it is: whole frame, recorded colours and instruction. */
export function plain(sample: Sample, side: number, config: TrainConfig): Example {
  const { task, slots, instruction } = sample.record;
  const place = wholeFrame(config.model.resolution);
  const view: View = { sample, labelled: true, crop: wholeFrame(side), flip: false, place, jitter: null };
  return makeExample({ task, slots, instruction, views: [view] }, side, config);
}

/** Classification only: half the time the default colours (which questions may leave out), else any two of the palette. */
export function redrawColours(slots: Slots, rng: Rng): Slots {
  if (!slots.positive || !slots.negative) return slots;
  if (rng.next() < 0.5) return { ...slots, ...defaultColours };
  const [positive, negative] = rng.shuffle(palette) as [Slots["positive"], Slots["negative"]];
  return { ...slots, positive, negative };
}
