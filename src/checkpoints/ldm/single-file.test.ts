/** Against diffusers' converters (scripts/oracles/ldm_names.py), and byte for byte against the same weights in a folder. */
import { readFileSync } from "node:fs";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type LdmPart, ldmGolden, writeLdmFile, writeLdmFolder } from "../../../tests/helpers/ldm-file.js";
import { readCheckpoint } from "../folder.js";
import { readSafetensors, type SafetensorsFile, type TensorData, writeSafetensors } from "../safetensors.js";
import { inferConfigs } from "./infer-configs.js";
import { prefixes, unetName, vaeName } from "./names.js";

const root = await mkdtemp(join(tmpdir(), "instructcv-ldm-"));
afterAll(() => rm(root, { recursive: true }));

describe("Stable Diffusion 1.5 at full size", () => {
  const names = Object.keys(ldmGolden.shapes);
  const translated = (prefix: string, rename: (name: string) => string | null) =>
    Object.fromEntries(
      names.filter((name) => name.startsWith(prefix)).map((name) => [rename(name.slice(prefix.length)), name]),
    );
  const expected = (part: LdmPart) =>
    Object.fromEntries(Object.entries(ldmGolden.maps[part]).map(([name, [source]]) => [name, source]));

  test("every name is what diffusers makes of it", () => {
    expect(translated(prefixes.unet, (name) => unetName(name, 2))).toEqual(expected("unet"));
    expect(translated(prefixes.vae, (name) => vaeName(name, 4))).toEqual(expected("vae"));
    expect(translated(prefixes.textEncoder, (name) => name)).toEqual(expected("text_encoder"));
  });

  test.each([8, 4])("the shapes tell the configs: %i input channels", (channels) => {
    const conv = `${prefixes.unet}input_blocks.0.0.weight`;
    const { unet, vae, textEncoder } = inferConfigs(new Set(names), (name) =>
      name === conv ? [320, channels, 3, 3] : ldmGolden.shapes[name]!,
    );
    expect(unet).toMatchObject({ ...ldmGolden.configs.unet, in_channels: channels, transformer_layers_per_block: 1 });
    expect(vae).toMatchObject({ ...ldmGolden.configs.vae, scaling_factor: 0.18215 });
    expect(textEncoder).toMatchObject({ ...ldmGolden.configs.text_encoder, hidden_act: "quick_gelu" });
  });

  test("names of nothing are null", () => {
    expect([unetName("label_emb.0.0.weight", 2), vaeName("loss.logvar", 4)]).toEqual([null, null]);
  });
});

const bytesOf = (file: SafetensorsFile, name: string) => Buffer.from(file.read(name).buffer);

describe("one checkpoint in both layouts", () => {
  const folder = join(root, "folder");
  const single = join(root, "instruct-pix2pix.safetensors");
  let originals: ReadonlyMap<string, TensorData>;

  beforeAll(async () => {
    await writeLdmFolder(folder, 8);
    originals = await writeLdmFile(folder, single);
  });

  test("reads as identical tensors at their places in the one file", async () => {
    const [one, other] = [await readCheckpoint(single), await readCheckpoint(folder)];
    const whole = await readSafetensors(single);
    for (const part of ["unet", "vae", "textEncoder"] as const) {
      const [view, separate] = [one[part].weights!, other[part].weights!];
      expect(view.path).toBe(single);
      expect([...view.entries.keys()].sort()).toEqual([...separate.entries.keys()].sort());
      for (const [name, { shape, dtype }] of separate.entries) {
        expect([name, view.entries.get(name)]).toMatchObject([name, { shape, dtype }]);
        expect([name, bytesOf(view, name).equals(bytesOf(separate, name))]).toEqual([name, true]);
      }
    }
    const { start, end } = whole.entries.get("first_stage_model.encoder.mid.attn_1.q.weight")!;
    const linear = one.vae.weights!.entries.get("encoder.mid_block.attentions.0.to_q.weight");
    expect(linear).toEqual({ dtype: "F16", shape: [128, 128], start, end });
  });

  test("has the configs of the folder, the family's schedule, CLIP's vocabulary and the paper's defaults", async () => {
    const [one, other] = [await readCheckpoint(single), await readCheckpoint(folder)];
    expect(one.unet.config).toEqual({ ...other.unet.config, sample_size: 64 });
    expect(one.vae.config).toEqual(other.vae.config);
    const { vocab_size, hidden_size, num_hidden_layers, num_attention_heads } = other.textEncoder.config;
    expect(one.textEncoder.config).toMatchObject({ vocab_size, hidden_size, num_hidden_layers, num_attention_heads });
    expect(one).toMatchObject({ dir: single, name: "instruct-pix2pix" });
    expect(one.scheduler).toMatchObject({ beta_schedule: "scaled_linear", prediction_type: "epsilon" });
    expect(one.defaults).toMatchObject({ resolution: 512, steps: 100, guidance: { text: 7.5, image: 1.5 } });
    expect(Object.keys(JSON.parse(readFileSync(one.tokenizer.vocabPath, "utf8")))).toHaveLength(49408);
    expect(readFileSync(one.tokenizer.mergesPath, "utf8")).toContain("i n\n");
  });

  const tensor = { shape: [1], data: Float32Array.of(1) };
  const without = (prefix: string) => [...originals].filter(([name]) => !name.startsWith(prefix));
  const others: [string, () => [string, TensorData][], RegExp][] = [
    ["XL", () => [...originals, ["conditioner.embedders.0.x", tensor]], /is a Stable Diffusion XL checkpoint/],
    [
      "2.x",
      () => [...originals, ["cond_stage_model.model.ln_final.bias", tensor]],
      /is a Stable Diffusion 2.x checkpoint/,
    ],
    ["a part of a folder", () => [["conv_in.weight", tensor]], /no tensor starts with model\.diffusion_model\./],
    ["no VAE", () => without(prefixes.vae), /holds no VAE/],
    ["no text encoder", () => without(prefixes.textEncoder), /holds no text encoder/],
    [
      "cut",
      () => without(`${prefixes.vae}encoder.conv_in`),
      /has no tensor "first_stage_model\.encoder\.conv_in\.weight"/,
    ],
  ];
  test.each(others)("%s is refused in a line", async (_, tensors, message) => {
    const path = join(root, "other.safetensors");
    await writeSafetensors(path, new Map(tensors()));
    const error: Error = await readCheckpoint(path).then(
      () => expect.fail("read"),
      (e) => e,
    );
    expect(error).toMatchObject({ name: "InstructCvError", code: "checkpoint" });
    expect(error.message).toMatch(message);
    expect(error.message).toContain(path);
    expect(error.message).not.toContain("\n");
  });

  test("files that are no safetensors", async () => {
    const path = join(root, "v1-5.ckpt");
    await rename(join(root, "other.safetensors"), path);
    await expect(readCheckpoint(path)).rejects.toThrow(
      /v1-5.ckpt is a pickle: .*any code.*weights_only=True.*v1-5.safetensors/,
    );
    await writeFile(join(root, "photo.png"), "");
    await expect(readCheckpoint(join(root, "photo.png"))).rejects.toThrow(/is not a checkpoint/);
  });
});
