import { expect, test } from "vitest";
import { parseLoraOption } from "./lora-option.js";

test.each([
  ["ink.safetensors", "ink.safetensors", 1],
  ["ink.safetensors:0.6", "ink.safetensors", 0.6],
  ["loras/ink:-1.5e-1", "loras/ink", -0.15],
  ["loras/ink:.5", "loras/ink", 0.5],
  ["ink:2", "ink", 2],
  ["C:\\loras\\ink.safetensors", "C:\\loras\\ink.safetensors", 1],
  ["C:\\loras\\ink.safetensors:0.6", "C:\\loras\\ink.safetensors", 0.6],
  ["c:/loras/ink.safetensors:+1", "c:/loras/ink.safetensors", 1],
  ["C:ink.safetensors", "C:ink.safetensors", 1],
  ["C:7", "C:7", 1],
  ["a:b/c", "a:b/c", 1],
  ["16:9 ratio", "16:9 ratio", 1],
])("%s", (text, path, weight) => {
  expect(parseLoraOption(text)).toEqual({ path, weight });
});

test.each([
  ["", /needs a file/],
  ["ink.safetensors:", /weight "" is not a number/],
  ["ink.safetensors:high", /weight "high" is not a number/],
  ["ink.safetensors:0,6", /weight "0,6" is not a number/],
  ["ink.safetensors:1e999", /weight "1e999" is not a number/],
])("%j is an error", (text, message) => {
  expect(() => parseLoraOption(text)).toThrow(
    expect.objectContaining({ code: "usage", message: expect.stringMatching(message) }),
  );
});
