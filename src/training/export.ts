/** The trained model as a folder that `load`, diffusers and transformers open: averaged weights, configs, tokenizer, defaults. */
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { writeCheckpoint } from "../checkpoints/folder.js";
import type { TensorData } from "../checkpoints/safetensors.js";
import type { Module } from "../models/module.js";
import type { TaskName } from "../tasks/task.js";
import { writeCard } from "./card/write.js";
import { sealFolder } from "./seal.js";
import type { Session } from "./session.js";
import type { Store } from "./store.js";

/**
 * Writes into an existing folder. `precision` is that of the stored weights. What an adapter learned is merged into the model's weights,
 * and beside them in `lora/`, for the model that it started from.
 */
export async function writeModel(
  dir: string,
  session: Session,
  store: Store,
  precision: "float32" | "float16",
): Promise<void> {
  const { config, tokenizerFiles: files } = session;
  const { model } = config;
  const dtype = precision === "float16" ? "F16" : "F32";
  const { unet, text, vae } = averagedWeights(session, dtype);
  const records = store.samples.map((sample) => sample.record);
  const used = (Object.keys(store.groups) as TaskName[]).filter(
    (task) => config.data.weights[task] > 0 && records.some((record) => record.task === task),
  );
  const categories = [...new Set(records.flatMap(({ slots }) => slots.category ?? []))].sort();
  await writeCheckpoint(dir, {
    unet: { config: model.unet, tensors: unet },
    textEncoder: { config: session.textConfig, tensors: text },
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
  if (session.models.adapter) {
    await mkdir(join(dir, "lora"), { recursive: true });
    await session.models.adapter.write(join(dir, "lora/pytorch_lora_weights.safetensors"), dtype);
  }
}

/** Every weight of the networks, the averages where there are, by parameter. */
function averagedWeights({ torch, models, withAverages }: Session, dtype: "F32" | "F16") {
  const read = (module: Module) =>
    new Map(
      Array.from(module.namedParameters(), ([name, { shape, value }]): [string, TensorData] => {
        return [name, { shape, data: torch.read(value), dtype }];
      }),
    );
  return withAverages(() =>
    torch.noGrad(() =>
      torch.tidy(() => {
        models.adapter?.merge(torch.ops);
        return { unet: read(models.unet), text: read(models.textEncoder), vae: read(models.vae) };
      }),
    ),
  );
}

/** Writes `<out>/model`, with a card of the run as it is logged by now, through a temporary folder that is flushed to the disk, in the recipe's precision. Returns the folder. */
export async function exportModel(out: string, session: Session, store: Store): Promise<string> {
  const model = join(out, "model");
  const temporary = join(out, `.model.${process.pid}.tmp`);
  try {
    await mkdir(temporary, { recursive: true });
    await writeModel(temporary, session, store, session.config.output.weights);
    await writeCard(temporary, out, session.config);
    await sealFolder(temporary);
    await rm(model, { recursive: true, force: true });
    await rename(temporary, model);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
  return model;
}
