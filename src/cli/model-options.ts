/** The options of every command that runs a model: which one, how its weights are used, how it draws. */
import { availableParallelism } from "node:os";
import { type Command, Option } from "commander";
import type { Perceiver, SamplingOptions } from "../inference/index.js";
import { downloadBar } from "./download-bar.js";
import { modelChoice } from "./model-choice.js";
import { collect, number, wholeNumber } from "./options.js";
import type { Terminal } from "./terminal.js";

export interface ModelOptions {
  readonly model?: string;
  readonly revision?: string;
  readonly offline?: boolean;
  readonly variant?: "fp16";
  readonly precision?: "float32" | "int8";
  readonly lora?: readonly string[];
  readonly threads?: number;
  readonly steps?: number;
  readonly sampler?: string;
  readonly guidanceText?: number;
  readonly guidanceImage?: number;
  readonly resolution?: number;
  readonly tiles?: "auto" | "always" | "never";
  readonly mirror?: boolean;
  readonly restate?: boolean;
}

/** In the order of the sampler registry; the CLI does not load it to print help. A test holds the two together. */
export const SAMPLERS = ["ddim", "plms", "euler", "euler-ancestral", "heun", "dpm++2m", "unipc", "lcm"] as const;

export function addModelOptions(command: Command): Command {
  const recommended = "(default: as the model recommends)";
  return command
    .option(
      "-m, --model <model>",
      "folder, .safetensors file or owner/name on the hub (default: the small model, models/nano)",
    )
    .option("--revision <name>", "a branch, tag or commit of a model on the hub")
    .option("--offline", "take models from the cache only")
    .addOption(new Option("--variant <name>", "half-precision files where the model has them").choices(["fp16"]))
    .addOption(
      new Option("--precision <name>", 'int8: the weights that "instructcv quantize" made').choices([
        "float32",
        "int8",
      ]),
    )
    .option("--lora <file[:weight]>", "merge a LoRA adapter (may be repeated)", collect)
    .option(
      "--threads <n>",
      `threads of an operation (default: ${Math.min(availableParallelism(), 8)})`,
      wholeNumber(1, 256),
    )
    .option("--steps <n>", `denoising steps, 1 to 1000 ${recommended}`, wholeNumber(1, 1000))
    .addOption(new Option("--sampler <name>", `how to take them ${recommended}`).choices(SAMPLERS))
    .option("--guidance-text <s>", `text scale, 1 for none ${recommended}`, number(-100, 100))
    .option("--guidance-image <s>", `image scale, 1 for none ${recommended}`, number(-100, 100))
    .option("--resolution <n>", `side of the drawing, pixels ${recommended}`, wholeNumber(1, 2048))
    .addOption(
      new Option("--tiles <when>", "encode and decode in tiles").choices(["auto", "always", "never"]).default("auto"),
    )
    .option("--mirror", `average with the drawing of the mirrored photo, twice the time ${recommended}`)
    .option("--no-mirror", "draw once")
    .option("--restate", `let the network read the sentence in its template's words ${recommended}`)
    .option("--no-restate", "let it read the sentence as you worded it");
}

/** Loads the model asked for, fetching it with a progress bar if need be. `name` is what output calls it. */
export async function loadModel(
  options: ModelOptions,
  terminal: Terminal,
): Promise<{ model: Perceiver; name: string }> {
  const { load } = await import("../inference/index.js");
  const { name, folder } = modelChoice(options.model);
  const bar = downloadBar(terminal);
  try {
    const model = await load(folder, {
      ...(await weightOptions(options)),
      signal: terminal.signal,
      onDownload: bar.update,
      onNote: (note) => bar.interrupt(() => terminal.note(note)),
    });
    return { model, name };
  } finally {
    bar.stop();
  }
}

/** What `load` and `planMemory` take. */
export async function weightOptions({ revision, offline, variant, precision, lora, threads }: ModelOptions) {
  const { parseLoraOption } = await import("../inference/index.js");
  return { revision, offline, variant, precision, threads, loras: lora?.map(parseLoraOption) };
}

/** What `perceive` takes; a scale of guidance that is not given is the model's. */
export function samplingOptions(options: ModelOptions, { defaults }: Pick<Perceiver, "defaults">): SamplingOptions {
  const { steps, sampler, guidanceText, guidanceImage, resolution, tiles, mirror, restate } = options;
  const { text, image } = defaults.guidance;
  return {
    steps,
    sampler: sampler as SamplingOptions["sampler"],
    guidance: { text: guidanceText ?? text, image: guidanceImage ?? image },
    resolution,
    tiles,
    mirror,
    restate,
  };
}
