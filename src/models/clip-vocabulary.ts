/** CLIP's own vocabulary, which comes with the package: that of every Stable Diffusion 1.x and 2.x checkpoint. */
import { fileURLToPath } from "node:url";

/** Absolute path of models/clip-vocabulary, a diffusers `tokenizer/` folder, also when the package is a dependency. */
export const clipVocabularyFolder = fileURLToPath(new URL("../../models/clip-vocabulary", import.meta.url));
