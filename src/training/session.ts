/** Everything that lives through a run: the engine, the bound models, the optimizer's tensors and the tokenizer. */
import type { TextEncoderConfig } from "../checkpoints/configs.js";
import { type CheckpointFolder, readCheckpoint } from "../checkpoints/folder.js";
import { makeSchedule } from "../diffusion/schedule.js";
import { InstructCvError } from "../errors.js";
import type { Module, Parameter } from "../models/module.js";
import { ClipTokenizer } from "../models/tokenizer.js";
import { type ClipTokenizerOptions, readTokenizerFiles } from "../models/tokenizer-files.js";
import { createTorch, type Torch } from "../tensor/torch/index.js";
import { AuxiliaryHeads } from "./auxiliary.js";
import type { TrainConfig } from "./config.js";
import { buildModels, initialWeights, type Models, widenConvIn } from "./models.js";
import { createOptimizer, type Optimizer, type Slot } from "./optimizer.js";
import { collectPresence } from "./presence.js";
import type { StepOptions } from "./step.js";
import type { Store } from "./store.js";
import { trainTokenizer } from "./vocabulary.js";

export interface Session {
  readonly config: TrainConfig;
  readonly torch: Torch;
  readonly models: Models;
  readonly optimizer: Optimizer;
  readonly tokenizer: ClipTokenizer;
  readonly tokenizerFiles: ClipTokenizerOptions;
  readonly textConfig: TextEncoderConfig;
  readonly stepOptions: StepOptions;
  /** Weights that are not trained (a frozen text encoder, the autoencoder), by prefixed name. */
  readonly frozen: ReadonlyMap<string, { readonly data: Float32Array; readonly shape: readonly number[] }>;
  /** Runs `fn` with the averaged weights bound, then binds the trained ones again. */
  withAverages<T>(fn: () => T): T;
}

/** The modules and the prefix of their tensors in a training state. */
const parts = ["unet", "text_encoder", "vae", "auxiliary"] as const;
type Part = (typeof parts)[number];

/** `weights` start from `config.model.init` or fresh; a resumed run overwrites them afterwards (see state.ts). */
export async function createSession(config: TrainConfig, store: Store, tokenizerFolder?: string): Promise<Session> {
  const start = config.model.init === null ? null : await readCheckpoint(config.model.init);
  const { tokenizer, files } = await openTokenizer(config, store, tokenizerFolder ?? tokenizerOf(start));
  const textConfig: TextEncoderConfig = {
    ...config.model.text_encoder,
    vocab_size: tokenizer.vocabSize,
    bos_token_id: tokenizer.startId,
    eos_token_id: tokenizer.endId,
    pad_token_id: tokenizer.padId,
  };
  const { threads, dtype, device } = config.compute;
  const torch = createTorch({ ...(threads !== null && { threads }), computeDtype: dtype, device });
  const models = { ...buildModels(config.model, textConfig), auxiliary: buildAuxiliary(config, store) };
  const modules: Partial<Record<Part, Module>> = {
    unet: models.unet,
    text_encoder: models.textEncoder,
    vae: models.vae,
    ...(models.auxiliary && { auxiliary: models.auxiliary }),
  };
  const slots: Slot[] = [];
  const frozen = new Map<string, { data: Float32Array; shape: readonly number[] }>();
  for (const part of parts) {
    const module = modules[part];
    if (!module) continue;
    const trained =
      part === "unet" || part === "auxiliary" || (part === "text_encoder" && config.optimizer.train_text_encoder);
    const values = initialWeights(
      module,
      `${config.seed}/${part}`,
      start && part !== "auxiliary" ? reader(start, part) : undefined,
    );
    module.bind((name, parameter) => {
      const data = values.get(name)!;
      if (trained) slots.push(createSlot(torch, `${part}.${name}`, data, parameter.shape));
      else frozen.set(`${part}.${name}`, { data, shape: parameter.shape });
      return trained ? slots.at(-1)!.weight : torch.tensor(data, parameter.shape);
    });
  }
  const byName = new Map(slots.map((slot) => [slot.name, slot]));
  const rebind = (field: "weight" | "average") => {
    for (const part of parts) {
      modules[part]?.bind((name, parameter) => byName.get(`${part}.${name}`)?.[field] ?? parameter.value);
    }
  };
  return {
    config,
    torch,
    models,
    optimizer: createOptimizer(torch, slots, config.optimizer),
    tokenizer,
    tokenizerFiles: files,
    textConfig,
    stepOptions: {
      loss: config.loss,
      schedule: makeSchedule(config.model.scheduler),
      blankPureNoise: config.model.inference.blank_pure_noise,
      emptyIds: tokenizer.encode("").map(BigInt),
    },
    frozen,
    withAverages(fn) {
      rebind("average");
      try {
        return fn();
      } finally {
        rebind("weight");
      }
    },
  };
}

function buildAuxiliary(config: TrainConfig, store: Store): AuxiliaryHeads | null {
  const { sentence, photos } = config.loss.auxiliary;
  if (sentence === 0 && photos === 0) return null;
  const { unet, vae, resolution } = config.model;
  const channels = unet.block_out_channels;
  const factor = vae._class_name === "SpaceToDepth" ? vae.factor : 2 ** (vae.block_out_channels.length - 1);
  const side = resolution / factor / 2 ** (channels.length - 1);
  return new AuxiliaryHeads(collectPresence(store), channels[0]! * 4, [channels.at(-1)!, side, side]);
}

/** A trained leaf that starts as its own average, with zero moments. */
function createSlot(torch: Torch, name: string, data: Float32Array, shape: readonly number[]): Slot {
  const zeros = new Float32Array(data.length);
  return {
    name,
    weight: torch.tensor(data, shape, { requiresGrad: true }),
    first: torch.tensor(zeros, shape),
    second: torch.tensor(zeros, shape),
    average: torch.tensor(data, shape),
  };
}

function tokenizerOf(start: CheckpointFolder | null): string | undefined {
  return start ? `${start.dir}/tokenizer` : undefined;
}

async function openTokenizer(config: TrainConfig, store: Store, folder: string | undefined) {
  const length = config.model.text_encoder.max_position_embeddings;
  if (folder === undefined)
    return trainTokenizer(store, config.seed, config.model.vocab_size, length, config.data.word_noise);
  const files = { ...(await readTokenizerFiles(folder)), maxLength: length };
  return { tokenizer: new ClipTokenizer(files), files };
}

/** Values of a checkpoint by parameter; conv_in of a text-to-image model is widened. */
function reader(start: CheckpointFolder, part: Exclude<Part, "auxiliary">) {
  const weights = { unet: start.unet, text_encoder: start.textEncoder, vae: start.vae }[part].weights;
  return (name: string, parameter: Parameter): Float32Array | undefined => {
    const entry = weights?.entries.get(name);
    if (!weights || !entry) {
      throw new InstructCvError("checkpoint", `${start.dir}: ${part} has no tensor ${name}.`, "Match model.* to it.");
    }
    const same = entry.shape.length === parameter.shape.length && entry.shape.every((n, i) => n === parameter.shape[i]);
    if (same) return weights.read(name);
    const narrow = name === "conv_in.weight" && entry.shape[1]! < parameter.shape[1]!;
    if (part === "unet" && narrow) return widenConvIn(weights.read(name), entry.shape, parameter.shape);
    throw new InstructCvError(
      "checkpoint",
      `${weights.path}: ${name} has shape [${entry.shape}], the recipe expects [${parameter.shape}].`,
      "Match model.* to the checkpoint.",
    );
  };
}
