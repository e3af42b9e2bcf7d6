/** Which model folder a command uses. */
import { defaultModel } from "../inference/default-model.js";

/** How the model is called in output, and where it lies. */
export interface ModelChoice {
  readonly name: string;
  readonly folder: string;
}

/** `--model` as given, else the small model that ships with the package. */
export function modelChoice(given: string | undefined): ModelChoice {
  if (given !== undefined) return { name: given, folder: given };
  return { name: "models/nano", folder: defaultModel };
}
