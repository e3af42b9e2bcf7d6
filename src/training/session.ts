/** Everything that lives through a run: the engine, the bound models, the optimizer's tensors and the tokenizer. */
import { dirname } from "node:path";
import type { TextEncoderConfig } from "../checkpoints/configs.js";
import type { CheckpointFolder } from "../checkpoints/folder.js";
import { makeSchedule } from "../diffusion/schedule.js";
import { InstructCvError } from "../errors.js";
import { initialValue } from "../models/initial-value.js";
import type { Module, Parameter } from "../models/module.js";
import { ClipTokenizer } from "../models/tokenizer.js";
import { type ClipTokenizerOptions, readTokenizerFiles } from "../models/tokenizer-files.js";
import { createRng } from "../random.js";
import type { Tensor } from "../tensor/tensor.js";
import { createTorch, type Torch } from "../tensor/torch/index.js";
import { AuxiliaryHeads } from "./auxiliary.js";
import type { TrainConfig } from "./config.js";
import { createAdapter, type LoraOptions } from "./lora.js";
import { LossScale } from "./loss-scale.js";
import { buildModels, type Models } from "./models.js";
import { createOptimizer, createSlot, type Optimizer, type Slot } from "./optimizer.js";
import { collectPresence } from "./presence.js";
import { isNarrow, startWeights } from "./start.js";
import { openStart } from "./start-model.js";
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
  /** Runs `fn` with the averaged weights bound, then binds the trained ones again; see `openFrozen`. */
  withAverages<T>(fn: () => T): T;
  /**
   * Steps from an encoded corpus never use the vae and the text encoder, so their weights are loaded for pictures and checkpoints only:
   * from this call until the function that it returns is called. Elsewhere they are always there, and both do nothing.
   */
  openFrozen(): () => void;
}

/** The modules and the prefix of their tensors in a training state. */
const parts = ["unet", "text_encoder", "vae", "auxiliary"] as const;
type Part = (typeof parts)[number];

/** `weights` start from `config.model.init` or fresh; a resumed run overwrites them afterwards (see state.ts). */
export async function createSession(config: TrainConfig, store: Store, tokenizerFolder?: string): Promise<Session> {
  const start = config.model.init === null ? null : await openStart(config.model.init);
  const { tokenizer, files } = await openTokenizer(config, store, tokenizerFolder ?? tokenizerOf(start));
  const textConfig: TextEncoderConfig = {
    ...config.model.text_encoder,
    vocab_size: tokenizer.vocabSize,
    bos_token_id: tokenizer.startId,
    eos_token_id: tokenizer.endId,
    pad_token_id: tokenizer.padId,
  };
  const { threads, dtype, device } = config.compute;
  const torch = createTorch({
    ...(threads !== null && { threads }),
    computeDtype: dtype,
    device,
    channelsLast: config.compute.channels_last,
    activationCheckpointing: config.compute.activation_checkpointing,
  });
  const networks = { ...buildModels(config.model, textConfig), auxiliary: buildAuxiliary(config, store) };
  const modules: Partial<Record<Part, Module>> = {
    unet: networks.unet,
    text_encoder: networks.textEncoder,
    vae: networks.vae,
    ...(networks.auxiliary && { auxiliary: networks.auxiliary }),
  };
  const slots: Slot[] = [];
  const frozen: Frozen[] = [];
  const { lora } = config.model;
  for (const part of parts) {
    const module = modules[part];
    if (!module) continue;
    const trained =
      (part === "unet" && !lora) ||
      part === "auxiliary" ||
      (part === "text_encoder" && config.optimizer.train_text_encoder);
    const fresh = (name: string, parameter: Parameter) =>
      initialValue(parameter, createRng(`${config.seed}/${part}/${name}`));
    const initial = start && part !== "auxiliary" ? startWeights(start, part) : fresh;
    if (config.data.encoded !== null && (part === "vae" || part === "text_encoder")) {
      frozen.push({ module, initial });
      continue;
    }
    module.bind((name, parameter) => {
      const data = initial(name, parameter);
      if (trained) slots.push(createSlot(torch, `${part}.${name}`, data, parameter.shape));
      return trained ? slots.at(-1)!.weight : torch.tensor(data, parameter.shape);
    });
  }
  if (lora && start) checkInputs(lora, start, networks.unet.conv_in.weight);
  const adapter = lora && createAdapter(torch, networks.unet, lora, `${config.seed}/lora`);
  if (adapter) slots.push(...adapter.slots);
  const byName = new Map(slots.map((slot) => [slot.name, slot]));
  const rebind = (field: "weight" | "average") => {
    for (const part of parts) {
      for (const [name, parameter] of modules[part]?.namedParameters() ?? []) {
        const slot = byName.get(`${part}.${name}`);
        if (slot) parameter.bind(slot[field]);
      }
    }
    adapter?.use(field);
  };
  const openFrozen = holdOnce(torch, frozen);
  return {
    config,
    torch,
    models: { ...networks, adapter },
    optimizer: createOptimizer(
      torch,
      slots,
      config.optimizer,
      dtype === "float16" ? new LossScale(config.optimizer.loss_scale) : null,
    ),
    tokenizer,
    tokenizerFiles: files,
    textConfig,
    stepOptions: {
      loss: config.loss,
      schedule: makeSchedule(config.model.scheduler),
      blankPureNoise: config.model.inference.blank_pure_noise,
      emptyIds: tokenizer.encode("").map(BigInt),
    },
    withAverages(fn) {
      const release = openFrozen();
      rebind("average");
      try {
        return fn();
      } finally {
        rebind("weight");
        release();
      }
    },
    openFrozen,
  };
}

interface Frozen {
  readonly module: Module;
  readonly initial: (name: string, parameter: Parameter) => Float32Array;
}

/** Binds the weights when the first holder comes and frees them when the last has gone. */
function holdOnce(torch: Torch, frozen: readonly Frozen[]): () => () => void {
  let holders = 0;
  let held: Tensor[] = [];
  return () => {
    if (holders++ === 0) {
      for (const { module, initial } of frozen) {
        module.bind((name, parameter) => {
          held.push(torch.keep(torch.tensor(initial(name, parameter), parameter.shape)));
          return held.at(-1)!;
        });
      }
    }
    return () => {
      if (--holders > 0) return;
      torch.dispose(held);
      held = [];
    };
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

/** A text-to-image model's new input channels are zero: an adapter that leaves conv_in alone would never see the photo. */
function checkInputs(lora: LoraOptions, start: CheckpointFolder, convIn: Parameter): void {
  if (!isNarrow(start, convIn) || lora.targets.includes("conv_in")) return;
  throw new InstructCvError(
    "config",
    `${start.dir}: is a text-to-image model, and model.lora.targets leaves out conv_in, where the photo comes in.`,
    "Add conv_in to model.lora.targets.",
  );
}

function tokenizerOf(start: CheckpointFolder | null): string | undefined {
  return start ? dirname(start.tokenizer.vocabPath) : undefined;
}

async function openTokenizer(config: TrainConfig, store: Store, folder: string | undefined) {
  const length = config.model.text_encoder.max_position_embeddings;
  if (folder === undefined)
    return trainTokenizer(store, config.seed, config.model.vocab_size, length, config.data.word_noise);
  const files = { ...(await readTokenizerFiles(folder)), maxLength: length };
  return { tokenizer: new ClipTokenizer(files), files };
}
