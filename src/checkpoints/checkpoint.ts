/** What a checkpoint is to those who run or train it, wherever its parts were read from. */
import type {
  Defaults,
  SchedulerConfig,
  TextEncoderConfig,
  TokenizerConfig,
  UNetConfig,
  VaeConfig,
} from "./configs.js";
import type { SafetensorsFile } from "./safetensors.js";

export interface CheckpointFolder {
  /** Absolute path of the folder, or of the file when the checkpoint is a single one. */
  readonly dir: string;
  readonly name: string;
  readonly unet: { readonly config: UNetConfig; readonly weights: SafetensorsFile };
  readonly textEncoder: { readonly config: TextEncoderConfig; readonly weights: SafetensorsFile };
  /** `weights` is null for the parameter-free SpaceToDepth. */
  readonly vae: { readonly config: VaeConfig; readonly weights: SafetensorsFile | null };
  /** Both paths are that of a `tokenizer.json` where there is only one. */
  readonly tokenizer: { readonly config: TokenizerConfig; readonly vocabPath: string; readonly mergesPath: string };
  readonly scheduler: SchedulerConfig;
  readonly defaults: Defaults;
}
