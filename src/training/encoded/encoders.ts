/** The frozen networks of a recipe, alone: what turns examples into shards; and the digests that tell them from others. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { TextEncoderConfig } from "../../checkpoints/configs.js";
import type { CheckpointFolder } from "../../checkpoints/folder.js";
import { InstructCvError } from "../../errors.js";
import type { Module } from "../../models/module.js";
import { ClipTokenizer } from "../../models/tokenizer.js";
import { type ClipTokenizerOptions, readTokenizerFiles } from "../../models/tokenizer-files.js";
import type { Tensor } from "../../tensor/tensor.js";
import { createTorch, type Torch } from "../../tensor/torch/index.js";
import type { TrainConfig } from "../config.js";
import { buildModels, type Models } from "../models.js";
import { startWeights } from "../start.js";
import { openStart } from "../start-model.js";
import { canonical } from "./settings.js";

export interface Encoders extends Pick<Models, "codec" | "textEncoder"> {
  readonly torch: Torch;
  readonly tokenizer: ClipTokenizer;
  /** Frees the weights. */
  close(): void;
}

type Frozen = Pick<Models, "vae" | "textEncoder">;

/** Of the corpus' manifest, the tokenizer's files and the two networks' weights, whatever file or precision holds them. */
export interface Digests {
  readonly corpus: string;
  readonly tokenizer: string;
  readonly vae: string;
  readonly text_encoder: string;
}

/** Loads no UNet. `config` has passed `checkEncodable`. */
export async function openEncoders(config: TrainConfig): Promise<Encoders> {
  const { start, tokenizer, networks } = await openFrozen(config);
  const { threads, dtype, device } = config.compute;
  const torch = createTorch({ ...(threads !== null && { threads }), computeDtype: dtype, device });
  const held: Tensor[] = [];
  for (const [part, module] of frozenOf(networks)) {
    const weights = startWeights(start, part);
    module.bind((name, parameter) => {
      held.push(torch.tensor(weights(name, parameter), parameter.shape));
      return held.at(-1)!;
    });
  }
  const { codec, textEncoder } = networks;
  return { torch, tokenizer, codec, textEncoder, close: () => torch.dispose(held) };
}

/** Reads every weight of the two networks once, and keeps none. */
export async function digestsOf(config: TrainConfig): Promise<Digests> {
  const { start, files, networks } = await openFrozen(config);
  const [vae, text] = frozenOf(networks).map(([part, module]) => {
    const weights = startWeights(start, part);
    const hash = createHash("sha256");
    for (const [name, parameter] of module.namedParameters()) hash.update(name).update(weights(name, parameter));
    return hash.digest("hex");
  }) as [string, string];
  const corpus = await readFile(join(config.data.corpus, "manifest.json")).catch((error: NodeJS.ErrnoException) => {
    const path = join(config.data.corpus, "manifest.json");
    throw new InstructCvError("corpus", `${path}: cannot be read (${error.code}).`, "Correct data.corpus.");
  });
  return { corpus: digest(corpus), tokenizer: digest(canonical(files)), vae, text_encoder: text };
}

const digest = (data: string | Uint8Array) => createHash("sha256").update(data).digest("hex");

const frozenOf = ({ vae, textEncoder }: Frozen): ["vae" | "text_encoder", Module][] => [
  ["vae", vae],
  ["text_encoder", textEncoder],
];

async function openFrozen(config: TrainConfig): Promise<{
  start: CheckpointFolder;
  files: ClipTokenizerOptions;
  tokenizer: ClipTokenizer;
  networks: Omit<Models, "auxiliary" | "adapter">;
}> {
  const start = await openStart(config.model.init!);
  const files = {
    ...(await readTokenizerFiles(dirname(start.tokenizer.vocabPath))),
    maxLength: config.model.text_encoder.max_position_embeddings,
  };
  const tokenizer = new ClipTokenizer(files);
  const text: TextEncoderConfig = {
    ...config.model.text_encoder,
    vocab_size: tokenizer.vocabSize,
    bos_token_id: tokenizer.startId,
    eos_token_id: tokenizer.endId,
    pad_token_id: tokenizer.padId,
  };
  return { start, files, tokenizer, networks: buildModels(config.model, text) };
}
