import { expect, test } from "vitest";
import { checkpointFiles } from "./weight-files.js";

const released = [
  "model_index.json",
  "README.md",
  "feature_extractor/preprocessor_config.json",
  "safety_checker/config.json",
  "safety_checker/model.safetensors",
  "scheduler/scheduler_config.json",
  "text_encoder/config.json",
  "text_encoder/model.safetensors",
  "text_encoder/model.fp16.safetensors",
  "text_encoder/pytorch_model.bin",
  "tokenizer/merges.txt",
  "tokenizer/special_tokens_map.json",
  "tokenizer/tokenizer_config.json",
  "tokenizer/vocab.json",
  "unet/config.json",
  "unet/diffusion_pytorch_model.safetensors",
  "unet/diffusion_pytorch_model.fp16.safetensors",
  "unet/diffusion_pytorch_model.non_ema.safetensors",
  "vae/config.json",
  "vae/diffusion_pytorch_model.safetensors",
  "v1-5-pruned.ckpt",
  "v1-5-pruned.safetensors",
];
const others = released.filter((path) => /(json|txt)$/.test(path) && !/^(safety|feature)/.test(path)).sort();

test("one weight file a part, the configs and the tokenizer; no checker, no pickle, no single file", () => {
  const { paths, preferred } = checkpointFiles(released, "a/b");
  const weights = released.filter((path) => /model\.safetensors$/.test(path) && !path.startsWith("safety"));
  expect([...paths].sort()).toEqual([...others, ...weights].sort());
  expect(preferred).toBe(true);
});

test("the half-precision file of each part that has one", () => {
  const { paths, preferred } = checkpointFiles(released, "a/b", "fp16");
  expect(paths.filter((path) => path.endsWith(".safetensors"))).toEqual([
    "unet/diffusion_pytorch_model.fp16.safetensors",
    "vae/diffusion_pytorch_model.safetensors",
    "text_encoder/model.fp16.safetensors",
  ]);
  expect(preferred).toBe(false);
});

const less = (...left: readonly RegExp[]) => released.filter((path) => !left.some((pattern) => pattern.test(path)));
test.each([
  ["no variant", less(/fp16/), /a\/b: has no fp16 weights/],
  ["only a pickle", less(/text_encoder\/.*safetensors/), /a\/b: text_encoder\/pytorch_model.bin is a pickle/],
  ["nothing", less(/unet\/.*safetensors/), /a\/b: unet\/diffusion_pytorch_model.safetensors is missing/],
  ["no config", less(/scheduler/), /a\/b: scheduler\/scheduler_config.json is missing/],
  ["half a tokenizer", less(/merges/), /a\/b: tokenizer\/merges.txt is missing/],
  ["no index", less(/model_index/), /a\/b: has no model_index.json, but v1-5-pruned.safetensors/],
  ["no index, a pickle", less(/model_index/, /pruned.safe/), /a\/b: v1-5-pruned.ckpt is a pickle/],
  ["something else", ["README.md"], /a\/b: is not a checkpoint/],
] as const)("%s", (_, paths, message) => {
  expect(() => checkpointFiles(paths, "a/b", "fp16")).toThrow(message);
});
