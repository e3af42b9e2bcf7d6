/** The instruction bank: for each task the paper's template, wordings to train on, and wordings kept back to measure robustness. */
import type { TaskName } from "../tasks/task.js";
import { classification } from "./bank/classification.js";
import { depth } from "./bank/depth.js";
import { detection } from "./bank/detection.js";
import { segmentation } from "./bank/segmentation.js";

export interface Wordings {
  /** The paper's fixed prompt. */
  readonly template: string;
  /** Paraphrases a corpus may use. */
  readonly train: readonly string[];
  /** Paraphrases no training ever sees. */
  readonly unseen: readonly string[];
}

export type Bank = Readonly<Record<TaskName, Wordings>>;

export const bank: Bank = { segmentation, detection, depth, classification };
