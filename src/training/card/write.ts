/** Writes a model's card from what its run left: README.md and the losses as a picture, beside the weights. */
import { copyFile, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { readCheckpoint } from "../../checkpoints/folder.js";
import type { SafetensorsFile } from "../../checkpoints/safetensors.js";
import { readManifest } from "../../corpus/manifest.js";
import { writeAtomic } from "../../files.js";
import type { TrainConfig } from "../config.js";
import { readMetrics } from "../log.js";
import { readRunInfo } from "../run-info.js";
import { modelCard } from "./card.js";

/** `model`: the finished folder; `run`: that of the run, with run.json, metrics.jsonl and loss.svg. What is missing there the card leaves out. */
export async function writeCard(model: string, run: string, config: TrainConfig): Promise<void> {
  const { unet, textEncoder, vae, defaults } = await readCheckpoint(model);
  const hasCurve = await copyFile(join(run, "loss.svg"), join(model, "loss.svg")).then(
    () => true,
    () => false,
  );
  // The model is worth more than its card: a corpus that is gone, or a damaged run.json, is no reason to lose it.
  const manifest = await readManifest(config.data.corpus).catch(() => null);
  const info = await readRunInfo(run).catch(() => null);
  const card = modelCard({
    config,
    defaults,
    textConfig: textEncoder.config,
    parameters: {
      unet: count(unet.weights),
      text_encoder: count(textEncoder.weights),
      vae: vae.weights ? count(vae.weights) : 0,
    },
    bytes: await bytesBelow(model),
    manifest,
    starts: info?.starts ?? [],
    metrics: await readMetrics(run),
    hasCurve,
  });
  await writeAtomic(join(model, "README.md"), card);
}

function count({ entries }: SafetensorsFile): number {
  return [...entries.values()].reduce((sum, { shape }) => sum + shape.reduce((product, n) => product * n, 1), 0);
}

async function bytesBelow(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  const sizes = await Promise.all(files.map(async (file) => (await stat(file)).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}
