/** The tasks by name; everything that works over all tasks goes through here. */
import { classification } from "./classification.js";
import { depth } from "./depth.js";
import { detection, detectionWith } from "./detection.js";
import { segmentation } from "./segmentation.js";
import type { Task, TaskName } from "./task.js";

export const tasks: { readonly [T in TaskName]: Task<T> } = { segmentation, detection, depth, classification };

export const taskNames: readonly TaskName[] = ["segmentation", "detection", "depth", "classification"];

/** How a checkpoint draws where the paper's way is not the only one. */
export interface DrawingStyle {
  /** Width of box outlines as a share of the box's shorter side; null for the paper's 4 pixels. */
  readonly box_outline: number | null;
}

/** The codec of a task, in the paper's style unless another is given. */
export function getTask<T extends TaskName>(name: T, style?: DrawingStyle): Task<T> {
  if (name === "detection" && style && style.box_outline !== null) {
    return detectionWith(style.box_outline) as unknown as Task<T>;
  }
  return tasks[name];
}
