/** Reads a training recipe and fetches the model that it starts from, with a progress bar if need be. */
import type { TrainConfig } from "../training/config.js";
import { downloadBar } from "./download-bar.js";
import type { Terminal } from "./terminal.js";

/** A model on the hub is pinned to its commit. Throws InstructCvError for a bad recipe or a model that cannot be had; AbortError. */
export async function readRecipe(path: string, terminal: Terminal): Promise<TrainConfig> {
  const { readConfig } = await import("../training/config.js");
  const { pinStart } = await import("../training/start-model.js");
  const bar = downloadBar(terminal);
  const { signal } = terminal;
  const onNote = (note: string) => bar.interrupt(() => terminal.note(note));
  const hub = { signal, onNote, onProgress: bar.update };
  try {
    return await pinStart(await readConfig(path, hub), hub);
  } finally {
    bar.stop();
  }
}
