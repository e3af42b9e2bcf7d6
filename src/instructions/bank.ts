/** All wordings by task: the paper's templates, the paraphrases trained on, and those kept back for evaluation. */
import type { TaskName } from "../tasks/task.js";
import { classification } from "./wordings/classification.js";
import { depth } from "./wordings/depth.js";
import { detection } from "./wordings/detection.js";
import { segmentation } from "./wordings/segmentation.js";
import type { Wordings } from "./wordings/wording.js";

export const bank: Readonly<Record<TaskName, Wordings>> = { segmentation, detection, depth, classification };
