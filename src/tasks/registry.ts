/** The tasks by name; everything that works over all tasks goes through here. */
import { classification } from "./classification.js";
import { type DepthGrey, depthWith } from "./depth.js";
import { detectionWith } from "./detection.js";
import { segmentation } from "./segmentation.js";
import type { Task, TaskName } from "./task.js";

/** How a checkpoint draws where the paper's way is not the only one. */
export interface DrawingStyle {
  /** Width of box outlines as a share of the box's shorter side; null for the paper's 4 pixels. */
  readonly box_outline: number | null;
  /** How the grey of a depth map tells metres. @default "linear", 0 to 10 m, as in the paper */
  readonly depth_grey?: DepthGrey;
}
const paperStyle: DrawingStyle = { box_outline: null };

type Tasks = { readonly [T in TaskName]: Task<T> };
const tasksIn = ({ box_outline, depth_grey = "linear" }: DrawingStyle): Tasks => ({
  segmentation,
  detection: detectionWith(box_outline),
  depth: depthWith(depth_grey),
  classification,
});

/** The codecs in the paper's style. */
export const tasks: Tasks = tasksIn(paperStyle);

export const taskNames: readonly TaskName[] = ["segmentation", "detection", "depth", "classification"];

/** The codec of a task, in the paper's style unless another is given. */
export function getTask<T extends TaskName>(name: T, style: DrawingStyle = paperStyle): Task<T> {
  return tasksIn(style)[name];
}
