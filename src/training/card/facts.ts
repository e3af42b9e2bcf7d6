/** What a model's card is written from. */
import type { Defaults, TextEncoderConfig } from "../../checkpoints/configs.js";
import type { Manifest } from "../../corpus/record.js";
import type { TrainConfig } from "../config.js";
import type { Metrics } from "../log.js";
import type { RunStart } from "../run-info.js";

export interface CardFacts {
  readonly config: TrainConfig;
  readonly defaults: Defaults;
  readonly textConfig: TextEncoderConfig;
  readonly parameters: Readonly<Record<"unet" | "text_encoder" | "vae", number>>;
  /** Of the folder, without the card. */
  readonly bytes: number;
  /** Null when the corpus is not there any more. */
  readonly manifest: Manifest | null;
  /** None without run.json. */
  readonly starts: readonly RunStart[];
  /** In their order; may be none. */
  readonly metrics: readonly Metrics[];
  /** Whether loss.svg lies beside. */
  readonly hasCurve: boolean;
}

/** The last two parts of a path: where it lies on the machine that trained is of no use to others. */
export function nameOf(path: string): string {
  return path.split(/[\\/]/).filter(Boolean).slice(-2).join("/");
}
