/** Which model folder a command uses. */
import { fileURLToPath } from "node:url";

/** How the model is called in output, and where it lies. */
export interface ModelChoice {
  readonly name: string;
  readonly folder: string;
}

/** `--model` as given, else the small model that ships with the package. */
export function modelChoice(given: string | undefined): ModelChoice {
  if (given !== undefined) return { name: given, folder: given };
  return { name: "models/nano", folder: fileURLToPath(new URL("../../models/nano", import.meta.url)) };
}
