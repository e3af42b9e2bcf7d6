/** What an encoding will hold, decided before anything is computed; and whether a folder was begun with the same. */
import { mkdir, statfs } from "node:fs/promises";
import { join } from "node:path";
import { width } from "../../checkpoints/safetensors.js";
import { InstructCvError } from "../../errors.js";
import { writeAtomic } from "../../files.js";
import { packageVersion } from "../../version.js";
import type { TrainConfig } from "../config.js";
import type { Digests } from "./encoders.js";
import { type Plan, planSchema, readNote, rowShape, type ShardKind } from "./layout.js";
import { differing, type Settings, settingsOf } from "./settings.js";

export interface EncodeOptions {
  /** Augmented views of each record. @default 4 */
  readonly views?: number;
  /** Of the stored numbers; float16 takes half the room and is no longer exact. @default "float32" */
  readonly dtype?: "float32" | "float16";
  /** Examples encoded at a time. @default optimizer.batch of the recipe */
  readonly batch?: number;
  /** Most bytes of a shard; what is lost when the encoding is stopped. @default 64 MB */
  readonly shardBytes?: number;
}

export function makePlan(config: TrainConfig, records: number, digests: Digests, options: EncodeOptions): Plan {
  const { views = 4, dtype = "float32", batch = config.optimizer.batch, shardBytes = 64e6 } = options;
  const { vae, resolution, text_encoder: text } = config.model;
  if (vae._class_name !== "AutoencoderKL") throw new TypeError("checkEncodable comes first");
  const side = resolution / 2 ** (vae.block_out_channels.length - 1);
  const fields = {
    format: "instructcv-encoded/1" as const,
    version: packageVersion(),
    computed: { dtype: config.compute.dtype, device: config.compute.device, batch },
    settings: settingsOf(config),
    digests,
    records,
    views,
    dtype: dtype === "float16" ? ("F16" as const) : ("F32" as const),
    logvar: config.loss.target_latents === "sample",
    latents: [vae.latent_channels, side, side] as [number, number, number],
    states: [text.max_position_embeddings, text.hidden_size] as [number, number],
    shard_rows: { views: 1, text: 1 },
  };
  const rowsIn = (kind: ShardKind) => Math.max(1, Math.floor(shardBytes / rowBytes(fields, kind)));
  return { ...fields, shard_rows: { views: rowsIn("views"), text: rowsIn("text") } };
}

export function rowBytes(plan: Plan, kind: ShardKind): number {
  return rowShape(plan, kind).reduce((product, n) => product * n, width[plan.dtype]);
}

/** Writes plan.json into `dir`, or finds the same there. Throws InstructCvError("usage") for that of another encoding. */
export async function beginPlan(dir: string, plan: Plan): Promise<void> {
  await mkdir(dir, { recursive: true });
  const path = join(dir, "plan.json");
  const begun = await readNote(path, planSchema);
  if (begun === null) return writeAtomic(path, `${JSON.stringify(plan, null, 2)}\n`);
  const keys = differing(decisive(plan), decisive(begun));
  if (keys.length === 0) return;
  throw new InstructCvError(
    "usage",
    `${path}: was begun with another ${keys.join(", ")}.`,
    "Give another --out, or remove the folder to encode anew.",
  );
}

/** What two runs of one encoding must share; the device and the batch may differ, by the last bit of a number. */
function decisive({ settings, digests, computed, version: _, ...plan }: Plan): Settings {
  return { ...settings, ...digests, "compute.dtype": computed.dtype, ...plan };
}

/** Throws InstructCvError("usage") when the disk has less room than `bytes`. */
export async function checkRoom(dir: string, bytes: number, what: string): Promise<void> {
  const { bavail, bsize } = await statfs(dir);
  const free = bavail * bsize;
  if (bytes <= free) return;
  const gigabytes = (n: number) => `${(n / 1e9).toFixed(1)} GB`;
  throw new InstructCvError(
    "usage",
    `${dir}: ${what} need ${gigabytes(bytes)} more, the disk has ${gigabytes(free)} free.`,
    "Make room, or take fewer --views or --dtype float16.",
  );
}
