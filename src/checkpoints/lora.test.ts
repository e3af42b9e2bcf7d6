import { copyFile, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { readLora } from "./lora.js";
import { matchLora } from "./lora-match.js";
import { loraName } from "./lora-names.js";
import { writeSafetensors } from "./safetensors.js";

const root = await mkdtemp(join(tmpdir(), "instructcv-lora-"));
afterAll(() => rm(root, { recursive: true }));

const path = join(root, "adapter.safetensors");
/** Writes an adapter of these shapes, every value 2, and reads it. */
async function adapter(shapes: Record<string, number[]>, settings?: Record<string, unknown>) {
  const tensors = Object.entries(shapes).map(([name, shape]) => {
    return [name, { shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(2) }] as const;
  });
  const metadata = settings && { lora_adapter_metadata: JSON.stringify(settings) };
  await writeSafetensors(path, new Map(tensors), metadata);
  return readLora(path);
}

const toQ = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q";
const kohyaToQ = toQ.replaceAll(".", "_");
const shapes = new Map([
  [`${toQ}.weight`, [8, 6]],
  ["conv_in.weight", [8, 4, 3, 3]],
  ["conv_in.bias", [8]],
  ["text_model.encoder.layers.0.self_attn.q_proj.weight", [8, 6]],
  ["norm.weight", [8]],
]);
const pair = (module: string, [down, up]: readonly [string, string], rank = 2) => ({
  [`${module}.${down}.weight`]: [rank, 6],
  [`${module}.${up}.weight`]: [8, rank],
});
const peft = ["lora_A", "lora_B"] as const;
const kohya = ["lora_down", "lora_up"] as const;

describe("names", () => {
  const unet = { part: "unet", module: toQ, role: "down" };
  const text = { part: "text_encoder", module: "text_model.encoder.layers.0.self_attn.q_proj", role: "up" };
  test.each([
    [`unet.${toQ}.lora_A.weight`, unet],
    [`unet.${toQ}.lora.down.weight`, unet],
    [`${toQ}.lora_A.weight`, unet],
    [`unet.${toQ.replace("to_q", "processor.to_q_lora")}.down.weight`, unet],
    [`unet.${toQ.replace("to_q", "processor.to_out_lora")}.down.weight`, { module: toQ.replace("to_q", "to_out.0") }],
    [`lora_unet_${kohyaToQ}.lora_down.weight`, { ...unet, module: kohyaToQ, style: "kohya" }],
    [`unet.${toQ}.alpha`, { ...unet, role: "alpha" }],
    ["text_encoder.text_model.encoder.layers.0.self_attn.q_proj.lora_B.weight", text],
    ["text_encoder.encoder.layers.0.self_attn.q_proj.lora_B.weight", text],
    ["text_encoder.text_model.encoder.layers.0.self_attn.q_proj.lora_linear_layer.up.weight", text],
    ["text_encoder.text_model.encoder.layers.0.self_attn.to_q_lora.up.weight", text],
    ["lora_te1_text_model_encoder_layers_0_mlp_fc1.alpha", { part: "text_encoder", role: "alpha", style: "kohya" }],
  ])("%s", (key, expected) => {
    expect(loraName(key)).toMatchObject(expected);
  });

  test("a weight of a network is none of an adapter's", () => {
    expect(loraName("unet.conv_in.weight")).toBeUndefined();
  });
});

describe("scale", () => {
  const scaleOf = async (...args: Parameters<typeof adapter>) => (await adapter(...args)).layers[0]!.scale;
  const unet = pair(`unet.${toQ}`, peft);

  test("is 1 without an alpha, the alpha tensor over the rank with one, before any settings", async () => {
    expect(await scaleOf(unet)).toBe(1);
    const tensor = { ...pair(`unet.${toQ}`, peft, 8), [`unet.${toQ}.alpha`]: [] };
    expect(await scaleOf(tensor)).toBe(0.25);
    expect(await scaleOf(tensor, { "unet.lora_alpha": 100 })).toBe(0.25);
    expect(await scaleOf({ ...pair(`lora_unet_${kohyaToQ}`, kohya, 8), [`lora_unet_${kohyaToQ}.alpha`]: [1] })).toBe(
      0.25,
    );
  });

  test.each([
    [{ "unet.lora_alpha": 3 }, 1.5],
    [{ "unet.lora_alpha": 3, "unet.use_rslora": true }, 3 / Math.SQRT2],
    [{ "unet.lora_alpha": 3, "unet.alpha_pattern": { to_q: 5, "attn1.to_q": 7 } }, 2.5],
    [{ "unet.lora_alpha": 3, "unet.alpha_pattern": { "^attn1.to_q": 5, o_q: 5, "attn1.to_k": 5 } }, 1.5],
    [{ "unet.lora_alpha": 3, "unet.alpha_pattern": { [`^${toQ}`]: 5 } }, 2.5],
    [{ "text_encoder.lora_alpha": 3 }, 1],
    [{ "unet.r": 2 }, 4],
  ])("by the settings %o is %d", async (settings, scale) => {
    expect(await scaleOf(unet, settings)).toBe(scale);
  });

  test.each([
    [{ "unet.lora_alpha": "much" }, /unet\.lora_alpha: .*expected number/],
    [{ "unet.alpha_pattern": { "to_[qk]": 3 } }, /alpha_pattern "to_\[qk\]", expected a module's name/],
  ])("of settings that cannot be read %o is an error", async (settings, message) => {
    await expect(adapter(unet, settings)).rejects.toThrow(message);
  });

  test("settings that are not JSON, or not an object, are an error", async () => {
    const tensors = Object.entries(unet).map(
      ([n, shape]) => [n, { shape, data: new Float32Array(shape[0]! * shape[1]!) }] as const,
    );
    for (const [text, message] of [
      ["{", /is not JSON\./],
      ["3", /is not a JSON object/],
    ] as const) {
      await writeSafetensors(path, new Map(tensors), { lora_adapter_metadata: text });
      await expect(readLora(path)).rejects.toThrow(message);
    }
  });
});

describe("matching", () => {
  const match = async (tensors: Record<string, number[]>) => matchLora(await adapter(tensors), "unet", shapes);

  test("finds the parameter of every layer of its network, in both styles", async () => {
    const conv = { "unet.conv_in.lora_A.weight": [2, 4, 3, 3], "unet.conv_in.lora_B.weight": [8, 2, 1, 1] };
    const text = pair("text_encoder.encoder.layers.0.self_attn.q_proj", peft);
    const found = await match({ ...pair(`unet.${toQ}`, peft), ...conv, ...text });
    expect([...found.keys()]).toEqual([`${toQ}.weight`, "conv_in.weight"]);
    const ofText = matchLora(await adapter(text), "text_encoder", shapes);
    expect([...ofText.keys()]).toEqual(["text_model.encoder.layers.0.self_attn.q_proj.weight"]);
    expect([...(await match(pair(`lora_unet_${kohyaToQ}`, kohya))).keys()]).toEqual([`${toQ}.weight`]);
  });

  test("a linear layer may be stored as a 1x1 convolution", async () => {
    const found = await match({
      [`unet.${toQ}.lora_A.weight`]: [2, 6, 1, 1],
      [`unet.${toQ}.lora_B.weight`]: [8, 2, 1, 1],
    });
    expect(found.size).toBe(1);
  });

  test.each([
    [
      "a module that is not there",
      pair(`unet.${toQ.replace("attn1", "attn3")}`, peft),
      new RegExp(`attn3\\.to_q\\.lora_A\\.weight" belongs to no module of the unet; the nearest is "${toQ}"`),
    ],
    [
      "kohya's names of the original layout",
      pair("lora_unet_input_blocks_1_1_proj_in", kohya),
      /"lora_unet_input_blocks_1_1_proj_in\.lora_down\.weight" belongs to no module/,
    ],
    [
      "another size of model",
      { ...pair(`unet.${toQ}`, peft), [`unet.${toQ}.lora_A.weight`]: [2, 7] },
      /lora_A\.weight" has shape \[2,7\], .* of shape \[8,6\] needs \[2,6\]/,
    ],
    [
      "factors of two ranks",
      { ...pair(`unet.${toQ}`, peft), [`unet.${toQ}.lora_B.weight`]: [8, 3] },
      /lora_B\.weight" has shape \[8,3\], .* needs \[8,2\]/,
    ],
    [
      "a kernel of another size",
      { "unet.conv_in.lora_A.weight": [2, 4, 1, 1], "unet.conv_in.lora_B.weight": [8, 2, 1, 1] },
      /has shape \[2,4,1,1\], conv_in of shape \[8,4,3,3\] needs \[2,4,3,3\]/,
    ],
    ["a norm", { "unet.norm.lora_A.weight": [2], "unet.norm.lora_B.weight": [8, 2] }, /norm of shape \[8\]/],
    [
      "one module in two styles",
      { ...pair(`unet.${toQ}`, peft), ...pair(`lora_unet_${kohyaToQ}`, kohya) },
      /to_q has two layers, one is "lora_unet/,
    ],
  ])("%s is an error", async (_, tensors, message) => {
    await expect(match(tensors)).rejects.toThrow(message);
  });

  test("a name in kohya's style that two modules share is an error", async () => {
    const twins = new Map([
      ["a.b_c.weight", [8, 6]],
      ["a_b.c.weight", [8, 6]],
    ]);
    const lora = await adapter(pair("lora_unet_a_b_c", kohya));
    expect(() => matchLora(lora, "unet", twins)).toThrow(/may mean a\.b_c or a_b\.c/);
  });
});

describe("files", () => {
  test.each([
    ["dora_scale", { [`lora_unet_${kohyaToQ}.dora_scale`]: [8, 1] }, /DoRA/],
    ["lora_magnitude_vector", { [`unet.${toQ}.lora_magnitude_vector.weight`]: [8] }, /DoRA/],
    ["hada_w1_a", { [`lora_unet_${kohyaToQ}.hada_w1_a`]: [8, 2] }, /LoHa/],
    ["lokr_w1", { [`lora_unet_${kohyaToQ}.lokr_w1`]: [8, 2] }, /LoKr/],
    ["lora_mid", { [`lora_unet_${kohyaToQ}.lora_mid.weight`]: [2, 2] }, /Tucker/],
    ["lora_B.bias", { [`unet.${toQ}.lora_B.bias`]: [8] }, /LoRA with biases/],
    ["a second text encoder", pair("text_encoder_2.encoder.layers.0.self_attn.q_proj", peft), /Stable Diffusion XL/],
    ["a whole weight", { "unet.conv_in.weight": [8, 4] }, /"unet\.conv_in\.weight" is not one of a LoRA adapter/],
    ["half a layer", { [`unet.${toQ}.lora_A.weight`]: [2, 6] }, /has no partner/],
    ["an alpha on its own", { [`unet.${toQ}.alpha`]: [] }, /alpha" has no partner/],
    [
      "the same factor twice",
      { ...pair(`unet.${toQ}`, peft), [`unet.${toQ}.lora.down.weight`]: [2, 6] },
      /are the same factor/,
    ],
    ["a rank of 0", { [`unet.${toQ}.lora_A.weight`]: [0, 6], [`unet.${toQ}.lora_B.weight`]: [8, 0] }, /shape \[0,6\]/],
    ["an alpha of several numbers", { ...pair(`unet.${toQ}`, peft), [`unet.${toQ}.alpha`]: [3] }, /holds \[2,2,2\]/],
    ["nothing", {}, /no tensors/],
  ])("with %s are refused", async (_, tensors, message) => {
    await expect(adapter(tensors)).rejects.toThrow(message);
  });

  test("may be a folder; pickles are refused with the way to convert them", async () => {
    await adapter(pair(`unet.${toQ}`, peft));
    const folder = join(root, "folder");
    await mkdir(folder);
    await expect(readLora(folder)).rejects.toThrow(/pytorch_lora_weights\.safetensors: cannot be opened \(ENOENT\)/);
    await copyFile(path, join(folder, "pytorch_lora_weights.safetensors"));
    expect((await readLora(folder)).layers).toHaveLength(1);
    await expect(readLora(join(root, "pytorch_lora_weights.bin"))).rejects.toThrow(/pickle.*safetensors/s);
  });
});
