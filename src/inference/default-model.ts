/** The checkpoint that ships with the package. */
import { fileURLToPath } from "node:url";

/** Absolute path of models/nano, also when the package is installed as a dependency. */
export const defaultModel = fileURLToPath(new URL("../../models/nano", import.meta.url));
