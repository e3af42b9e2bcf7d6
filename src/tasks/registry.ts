/** The tasks by name; everything that works over all tasks goes through here. */
import { classification } from "./classification.js";
import { depth } from "./depth.js";
import { detection } from "./detection.js";
import { segmentation } from "./segmentation.js";
import type { Task, TaskName } from "./task.js";

export const tasks: { readonly [T in TaskName]: Task<T> } = { segmentation, detection, depth, classification };

export const taskNames: readonly TaskName[] = ["segmentation", "detection", "depth", "classification"];

/** The codec of a task. */
export function getTask<T extends TaskName>(name: T): Task<T> {
  return tasks[name];
}
