/** The answer of an example: the target picture drawn from the labels of its views, and how much each pixel counts in the loss. */
import type { Picture } from "../image/picture.js";
import { getTask } from "../tasks/registry.js";
import { UNKNOWN_GREY } from "../tasks/segmentation.js";
import type { Slots, TaskName, Xyxy } from "../tasks/task.js";
import type { TrainConfig } from "./config.js";
import { cropDepth, cropMask, visiblePart } from "./labels.js";
import { paste, sizeOf, type View } from "./views.js";

export interface Answer {
  readonly target: Picture;
  /**
   * Loss weight of each pixel, S*S; null means 1 everywhere. The loss is the mean over all pixels, so that an unknown pixel takes
   * nothing from the weight of the others, and nothing is added to them.
   */
  readonly pixelWeights: Float32Array | null;
}

export function answer(
  task: TaskName,
  side: number,
  views: readonly View[],
  image: Picture,
  slots: Slots,
  config: TrainConfig,
): Answer {
  const labelled = views.filter((view) => view.labelled);
  switch (task) {
    case "segmentation":
      return mask(side, views, image);
    case "detection":
      return outlines(side, labelled, image, slots, config);
    case "depth":
      return distances(side, views[0]!, image, slots, config);
    case "classification": {
      const present = labelled.some(({ sample: { record } }) => record.present ?? !record.negative);
      return { target: getTask("classification").encode({ task, present }, image, slots), pixelWeights: null };
    }
  }
}

/** Unknown pixels keep their grey, with weight 0. */
function mask(side: number, views: readonly View[], { width, height }: Picture): Answer {
  const greys = new Uint8Array(width * height);
  for (const { sample, labelled, unknown, crop, flip, place } of views) {
    const shown = labelled ? sample.mask : unknown;
    if (shown) paste(cropMask(shown, side, crop, sizeOf(place), flip), greys, place, width, 1);
  }
  const data = new Uint8Array(greys.length * 3);
  for (let p = 0, i = 0; p < greys.length; p++) {
    const grey = greys[p]!;
    data[i++] = grey;
    data[i++] = grey;
    data[i++] = grey;
  }
  const target = { width, height, data };
  if (!greys.includes(UNKNOWN_GREY)) return { target, pixelWeights: null };
  const pixelWeights = new Float32Array(greys.length);
  for (let p = 0; p < greys.length; p++) pixelWeights[p] = greys[p] === UNKNOWN_GREY ? 0 : 1;
  return { target, pixelWeights };
}

/**
 * A box that the crop drops (see detection's `transformLabel`) is half seen or too small to draw: it gets no outline, and what is seen of
 * it has weight 0 so that it is not taught as background either.
 */
function outlines(side: number, views: readonly View[], image: Picture, slots: Slots, config: TrainConfig): Answer {
  const { width, height } = image;
  const task = getTask("detection", config.model.inference);
  const { outline, copy } = config.loss.detection_pixels;
  const pixelWeights = new Float32Array(width * height).fill(copy);
  const drawn: Xyxy[] = [];
  for (const { sample, crop, flip, place } of views) {
    const size = sizeOf(place);
    for (const box of sample.record.boxes ?? []) {
      const label = { task: "detection", width: side, height: side, boxes: [box] } as const;
      const [kept] = task.transformLabel(label, crop, size, flip).boxes;
      const seen = kept ?? visiblePart(box, crop, size, flip);
      if (!seen) continue;
      const placed: Xyxy = [seen[0] + place[0], seen[1] + place[1], seen[2] + place[0], seen[3] + place[1]];
      if (kept) drawn.push(placed);
      else blank(pixelWeights, placed, width);
    }
  }
  const target = task.encode({ task: "detection", width, height, boxes: drawn }, image, slots);
  for (let p = 0; p < pixelWeights.length; p++) if (differs(target, image, p)) pixelWeights[p] = outline;
  return { target, pixelWeights };
}

function blank(weights: Float32Array, [left, top, right, bottom]: Xyxy, width: number): void {
  for (let y = top; y < bottom; y++) weights.fill(0, y * width + left, y * width + right);
}

function differs(a: Picture, b: Picture, pixel: number): boolean {
  const i = pixel * 3;
  return a.data[i] !== b.data[i] || a.data[i + 1] !== b.data[i + 1] || a.data[i + 2] !== b.data[i + 2];
}

function distances(
  side: number,
  { sample, crop, flip }: View,
  image: Picture,
  slots: Slots,
  config: TrainConfig,
): Answer {
  const { width, height } = image;
  const metres = cropDepth(sample.millimetres!, side, crop, width, flip);
  const zoom = config.data.depth_zoom ? Math.sqrt(((crop[2] - crop[0]) * (crop[3] - crop[1])) / (side * side)) : 1;
  const pixelWeights = new Float32Array(metres.length);
  for (let p = 0; p < metres.length; p++) {
    pixelWeights[p] = metres[p]! > 0 ? 1 : 0;
    metres[p]! *= zoom;
  }
  const task = getTask("depth", config.model.inference);
  return { target: task.encode({ task: "depth", width, height, metres }, image, slots), pixelWeights };
}
