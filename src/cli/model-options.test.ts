/** The options that choose a model and how it draws. */
import { Command } from "commander";
import { describe, expect, test } from "vitest";
import { samplerNames } from "../inference/index.js";
import { addModelOptions, type ModelOptions, SAMPLERS, samplingOptions, weightOptions } from "./model-options.js";

const parse = (...args: string[]) => {
  const command = addModelOptions(new Command().exitOverride().configureOutput({ writeErr: () => {} }));
  return command.parse(args, { from: "user" }).opts<ModelOptions>();
};
const model = { defaults: { guidance: { text: 7.5, image: 1.5 } } } as Parameters<typeof samplingOptions>[1];

test("the samplers offered are those there are", () => {
  expect(SAMPLERS).toEqual(samplerNames);
});

describe("options reach the library", () => {
  test("a scale that is not given is the model's", () => {
    expect(samplingOptions(parse("--guidance-text", "3"), model).guidance).toEqual({ text: 3, image: 1.5 });
    expect(samplingOptions(parse("--guidance-image", "1"), model).guidance).toEqual({ text: 7.5, image: 1 });
    const options = parse(
      "--steps",
      "4",
      "--sampler",
      "dpm++2m",
      "--resolution",
      "256",
      "--tiles",
      "always",
      "--no-mirror",
    );
    expect(samplingOptions(options, model)).toMatchObject({
      steps: 4,
      sampler: "dpm++2m",
      resolution: 256,
      tiles: "always",
      mirror: false,
      restate: undefined,
    });
  });

  test("weights", async () => {
    const options = parse(
      "--lora",
      "a.safetensors:0.5",
      "--lora",
      "b",
      "--precision",
      "int8",
      "--offline",
      "--threads",
      "2",
    );
    expect(await weightOptions(options)).toMatchObject({
      precision: "int8",
      offline: true,
      threads: 2,
      loras: [
        { path: "a.safetensors", weight: 0.5 },
        { path: "b", weight: 1 },
      ],
    });
  });

  test.each([
    ["--sampler", "magic"],
    ["--guidance-text", "much"],
    ["--resolution", "-1"],
    ["--precision", "int4"],
    ["--threads", "0"],
  ])("%s %s is refused", (...args) => {
    expect(() => parse(...args)).toThrow(/argument '.*' is invalid/);
  });
});
