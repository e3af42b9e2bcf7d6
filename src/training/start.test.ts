import { mkdtemp, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { tinyAutoencoder, writeTinyCheckpoint } from "../../tests/helpers/tiny-checkpoint.js";
import { readCheckpoint } from "../checkpoints/folder.js";
import { type TensorData, writeSafetensors } from "../checkpoints/safetensors.js";
import { Parameter } from "../models/module.js";
import { startWeights } from "./start.js";

const folder = await mkdtemp(join(tmpdir(), "instructcv-start-"));
afterAll(() => rm(folder, { recursive: true }));
const parameter = (...shape: number[]) => new Parameter(shape, { kind: "zeros" });

test("a foreign model's spellings and half precision are read", async () => {
  const { vae } = tinyAutoencoder(2);
  await writeTinyCheckpoint(folder, { vae: vae!, unet: { in_channels: 4, out_channels: 4 }, dtype: "F16" });
  const before = await readCheckpoint(folder);
  const path = "encoder.mid_block.attentions.0";
  const [query, inputs] = [before.vae.weights!.read(`${path}.to_q.weight`), before.unet.weights.read("conv_in.weight")];

  // As Stable Diffusion 1.5 comes: `query` in the autoencoder, no `text_model.` in the encoder, *.fp16.safetensors.
  const respell = async (part: "vae" | "textEncoder", spell: (name: string) => string) => {
    const { path: file, entries, read } = before[part].weights!;
    const tensors = [...entries].map(([name, { shape }]): [string, TensorData] => {
      return [spell(name), { shape, data: read(name), dtype: "F16" }];
    });
    await writeSafetensors(file, new Map(tensors));
    await rename(file, file.replace(".safetensors", ".fp16.safetensors"));
  };
  await respell("vae", (name) => name.replace(".to_q.", ".query.").replace(".to_out.0.", ".proj_attn."));
  await respell("textEncoder", (name) => name.replace("text_model.", ""));

  const start = await readCheckpoint(folder);
  expect(start.vae.weights!.entries.has(`${path}.to_q.weight`)).toBe(false);
  expect(startWeights(start, "vae")(`${path}.to_q.weight`, parameter(8, 8))).toEqual(query);
  const norm = "text_model.final_layer_norm.weight";
  expect(startWeights(start, "text_encoder")(norm, parameter(16))).toEqual(new Float32Array(16).fill(1));
  const wide = startWeights(start, "unet")("conv_in.weight", parameter(16, 8, 3, 3));
  for (const output of [0, 15]) {
    expect(wide.subarray(output * 72, output * 72 + 36)).toEqual(inputs.subarray(output * 36, output * 36 + 36));
    expect(wide.subarray(output * 72 + 36, output * 72 + 72)).toEqual(new Float32Array(36));
  }
});

test("what is missing or has another shape is named", async () => {
  const start = await readCheckpoint(folder);
  const read = startWeights(start, "unet");
  expect(() => read("conv_between.weight", parameter(1))).toThrow(/unet has no tensor conv_between\.weight/);
  expect(() => read("conv_in.weight", parameter(32, 8, 3, 3))).toThrow(
    /conv_in\.weight has shape \[16,4,3,3\], the recipe expects \[32,8,3,3\]/,
  );
  expect(() => read("conv_in.weight", parameter(16, 2, 3, 3))).toThrow(/expects \[16,2,3,3\]/);
});
