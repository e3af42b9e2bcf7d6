/** A tiny Stable Diffusion 1.x checkpoint in both layouts: a folder as diffusers has it, and one file with the original's names. */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { readCheckpoint } from "../../src/checkpoints/folder.js";
import { type SafetensorsFile, type TensorData, writeSafetensors } from "../../src/checkpoints/safetensors.js";
import { type TinyOptions, writeTinyCheckpoint } from "./tiny-checkpoint.js";

export type LdmPart = "unet" | "vae" | "text_encoder";

/** What diffusers' converters make of Stable Diffusion 1.5 (scripts/oracles/ldm_names.py). */
export const ldmGolden: {
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  /** diffusers' name to the original's, and the shape the weight has in diffusers. */
  readonly maps: Readonly<Record<LdmPart, Readonly<Record<string, readonly [string, readonly number[]]>>>>;
  readonly configs: Readonly<Record<LdmPart, object>>;
} = JSON.parse(gunzipSync(readFileSync("tests/goldens/ldm-names.json.gz")).toString());

// As wide as before where Stable Diffusion is, so that the same blocks have a shortcut.
const widths = [32, 64, 128, 128];

/** In half precision; `channels` are the UNet's input channels, 4 of a text-to-image model. */
export async function writeLdmFolder(dir: string, channels: 4 | 8, options: TinyOptions = {}): Promise<void> {
  await writeTinyCheckpoint(dir, {
    unet: {
      in_channels: channels,
      out_channels: 4,
      block_out_channels: widths,
      down_block_types: [...Array(3).fill("CrossAttnDownBlock2D"), "DownBlock2D"],
      up_block_types: ["UpBlock2D", ...Array(3).fill("CrossAttnUpBlock2D")],
      layers_per_block: 2,
      attention_head_dim: 8,
      cross_attention_dim: 64,
      norm_num_groups: 32,
    },
    vae: {
      _class_name: "AutoencoderKL",
      block_out_channels: widths,
      down_block_types: Array(4).fill("DownEncoderBlock2D"),
      up_block_types: Array(4).fill("UpDecoderBlock2D"),
      layers_per_block: 2,
    },
    textEncoder: { hidden_size: 64, intermediate_size: 96, num_hidden_layers: 2, num_attention_heads: 1 },
    dtype: "F16",
    ...options,
  });
}

/** Writes the weights of such a folder to `file`, beside a moving average and a schedule that nobody wants; returns the weights. */
export async function writeLdmFile(folder: string, file: string): Promise<ReadonlyMap<string, TensorData>> {
  const { unet, vae, textEncoder } = await readCheckpoint(folder);
  const parts: [LdmPart, SafetensorsFile][] = [
    ["unet", unet.weights],
    ["vae", vae.weights!],
    ["text_encoder", textEncoder.weights],
  ];
  const originals = new Map<string, TensorData>();
  for (const [part, weights] of parts)
    for (const [name, { shape, dtype }] of weights.entries) {
      const [original] = ldmGolden.maps[part][name]!;
      // 1x1 convolutions have four axes there.
      const rank = ldmGolden.shapes[original]!.length;
      const padded = [...shape, ...Array(rank - shape.length).fill(1)];
      originals.set(original, { shape: padded, data: weights.read(name), dtype: dtype as "F16" });
    }
  const { data, shape } = originals.get("model.diffusion_model.out.2.bias")!;
  await writeSafetensors(
    file,
    new Map([
      ["model_ema.diffusion_modelout2bias", { shape, data: data.map((x) => x + 1), dtype: "F16" }],
      ...originals,
      ["betas", { shape: [2], data: Float32Array.of(1, 2) }],
    ]),
    { format: "pt" },
  );
  return originals;
}
