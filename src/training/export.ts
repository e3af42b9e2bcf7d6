/** The trained model as a folder that `load`, diffusers and transformers open: averaged weights, configs, tokenizer, defaults. */
import { writeCheckpoint } from "../checkpoints/folder.js";
import type { TensorData } from "../checkpoints/safetensors.js";
import type { TaskName } from "../tasks/task.js";
import type { Session } from "./session.js";
import type { Store } from "./store.js";

/** Writes into an existing folder. `precision` is that of the stored weights. */
export async function writeModel(
  dir: string,
  session: Session,
  store: Store,
  precision: "float32" | "float16",
): Promise<void> {
  const { config, tokenizerFiles: files } = session;
  const { model } = config;
  const dtype = precision === "float16" ? "F16" : "F32";
  const tensors = (part: string) => {
    const found = new Map<string, TensorData>();
    const prefix = `${part}.`;
    for (const { name, average } of session.optimizer.slots) {
      if (!name.startsWith(prefix)) continue;
      found.set(name.slice(prefix.length), { shape: average.shape, data: session.torch.read(average), dtype });
    }
    for (const [name, { data, shape }] of session.frozen) {
      if (name.startsWith(prefix)) found.set(name.slice(prefix.length), { shape, data, dtype });
    }
    return found;
  };
  const vae = tensors("vae");
  const records = store.samples.map((sample) => sample.record);
  const used = (Object.keys(store.groups) as TaskName[]).filter(
    (task) => config.data.weights[task] > 0 && records.some((record) => record.task === task),
  );
  const categories = [...new Set(records.flatMap(({ slots }) => slots.category ?? []))].sort();
  await writeCheckpoint(dir, {
    unet: { config: model.unet, tensors: tensors("unet") },
    textEncoder: { config: session.textConfig, tensors: tensors("text_encoder") },
    vae: { config: model.vae, ...(vae.size > 0 && { tensors: vae }) },
    tokenizer: {
      config: { model_max_length: session.tokenizer.maxLength, ...(files.padToken && { pad_token: files.padToken }) },
      vocab: files.vocab,
      merges: files.merges.map((pair) => pair.join(" ")),
    },
    scheduler: model.scheduler,
    defaults: { name: config.name, resolution: model.resolution, ...model.inference, tasks: used, categories },
    metadata: { recipe: config.name, seed: String(config.seed) },
  });
}
