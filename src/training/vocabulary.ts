/** The tokenizer of a fresh model: byte-pair encoding trained on rendered training instructions, never on unseen wordings. */
import { renderInstruction } from "../instructions/render.js";
import { trainBpe } from "../models/bpe-trainer.js";
import { ClipTokenizer } from "../models/tokenizer.js";
import type { ClipTokenizerOptions } from "../models/tokenizer-files.js";
import { createRng } from "../random.js";
import { redrawColours } from "./example.js";
import type { Store } from "./store.js";

/** Instructions rendered for the vocabulary; enough for every wording and category to be met several times. */
const renderings = 20_000;

export interface TrainedTokenizer {
  readonly tokenizer: ClipTokenizer;
  readonly files: Required<Pick<ClipTokenizerOptions, "vocab" | "merges" | "maxLength">>;
}

export function trainTokenizer(
  store: Store,
  seed: number,
  vocabSize: number,
  maxLength: number,
  noise = 0,
): TrainedTokenizer {
  const rng = createRng(`${seed}/vocabulary`);
  const texts = Array.from({ length: renderings }, () => {
    const { task, slots } = rng.pick(store.samples).record;
    const wording = rng.next() < 0.1 ? "template" : "paraphrase";
    return renderInstruction(task, redrawColours(slots, rng), wording, rng, noise);
  });
  const files = { ...trainBpe(texts, vocabSize), maxLength };
  return { tokenizer: new ClipTokenizer(files), files };
}
