/** `instructcv export`: a model as ONNX graphs that a browser, or any program with ONNX Runtime, runs without this one. */
import { type Command, InvalidArgumentError, Option } from "commander";
import type { ExportedBundle, OnnxExportOptions } from "../inference/index.js";
import { EXIT } from "./exit.js";
import { collect, wholeNumber } from "./options.js";
import { type Progress, startProgress } from "./progress.js";
import type { Terminal } from "./terminal.js";

interface ExportCommandOptions {
  readonly out: string;
  readonly size?: OnnxExportOptions["size"];
  readonly steps?: number;
  readonly weights: NonNullable<OnnxExportOptions["weights"]>;
  readonly precision?: "float32" | "int8";
  readonly lora?: readonly string[];
  readonly json?: boolean;
}

export function addExport(program: Command, terminal: Terminal, exit: (code: number) => void): void {
  program
    .command("export")
    .summary("export a model as ONNX graphs for the browser")
    .description(
      "Write a model as ONNX graphs and a bundle.json that says how to run them: for browsers and other programs.",
    )
    .argument("<model>", "model folder, .safetensors file, or owner/name of a downloaded one")
    .requiredOption("-o, --out <dir>", "folder to make; an earlier bundle there is replaced")
    .addOption(new Option("--format <name>", "what to write").choices(["onnx"]).default("onnx"))
    .option("--size <WxH>", "of the pictures, pixels (default: the model's resolution, square)", pictureSize)
    .option("--steps <n>", "denoising steps of the plan (default: what the model recommends)", wholeNumber(1, 1000))
    .addOption(
      new Option("--weights <type>", "how float weights are stored")
        .choices(["stored", "float32", "float16"])
        .default("stored"),
    )
    .addOption(
      new Option("--precision <name>", 'int8: the weights that "instructcv quantize" made').choices([
        "float32",
        "int8",
      ]),
    )
    .option("--lora <file[:weight]>", "merge a LoRA adapter (may be repeated)", collect)
    .option("--json", "print bundle.json's content on stdout and nothing else")
    .addHelpText("after", help)
    .action(async (model: string, options: ExportCommandOptions) => exit(await exportModel(model, options, terminal)));
}

const help = `
The folder holds text_encoder.onnx, unet.onnx, vae_encoder.onnx and vae_decoder.onnx (opset 21, fixed sizes, one condition at a time), the
tokenizer's files and bundle.json: inputs and outputs, the denoising steps as numbers (DDIM), guidance as weights, tasks and
categories. examples/onnx/run-bundle.mjs runs it in a page with onnxruntime-web. The folder is written whole or not at all.

Weights of up to 512 MB lie inside their .onnx file; larger ones in .onnx.data files of 1 GB at most beside it, which a page fetches and passes
as \`externalData\`. All compute is float32: "--weights float16" halves the download, not the memory or the time.

The small model: 24 MB, a second. Stable Diffusion's size with "--weights float16": 2.1 GB of disk, 1.4 GB of memory, half a minute of work (and
what the disk takes). WebAssembly has 4 GB in all, which the float32 it computes in exceeds: such a bundle is for servers and WebGPU.

Examples:
  instructcv export models/nano --out nano-onnx
  instructcv export runs/mine/model --out mine-onnx --weights float16 --size 512x384
`;

function pictureSize(text: string) {
  const [, width, height] = /^(\d{1,4})x(\d{1,4})$/.exec(text) ?? [];
  if (!width) throw new InvalidArgumentError("Expected WIDTHxHEIGHT in pixels, such as 512x384.");
  return { width: Number(width), height: Number(height) };
}

async function exportModel(model: string, options: ExportCommandOptions, terminal: Terminal): Promise<number> {
  const { exportOnnx, parseLoraOption, resolveModel } = await import("../inference/index.js");
  const { out, size, steps, weights, precision, lora, json } = options;
  const folder = await resolveModel(model, { offline: true });
  let progress: Progress | undefined;
  try {
    const made = await exportOnnx(folder, {
      out,
      weights,
      signal: terminal.signal,
      onProgress(done, total) {
        progress ??= startProgress(terminal, total, "graphs");
        progress.update(done);
      },
      ...(size && { size }),
      ...(steps && { steps }),
      ...(precision && { precision }),
      ...(lora && { loras: lora.map(parseLoraOption) }),
    });
    progress?.stop();
    if (json) terminal.out(JSON.stringify(made.bundle));
    else report(made, terminal);
    return EXIT.done;
  } finally {
    progress?.stop();
  }
}

function report({ out, bundle }: ExportedBundle, terminal: Terminal): void {
  for (const { file, data, bytes } of Object.values(bundle.networks)) {
    const beside = data.length > 0 ? `, with ${data.join(", ")}` : "";
    terminal.note(`${file}: ${(bytes / 1e6).toFixed(1)} MB${beside}`);
  }
  const { width, height } = bundle.picture;
  const counted = (n: number, what: string) => `${n} ${what}${n === 1 ? "" : "s"}`;
  const steps = counted(bundle.steps.length, "step");
  terminal.note(`pictures of ${width}x${height}, ${steps}, ${counted(bundle.conditions.length, "evaluation")} each`);
  if (bundle.sampler !== "ddim")
    terminal.note(`The model itself names the sampler ${bundle.sampler}; the steps in bundle.json are DDIM's.`);
  terminal.out(out);
}
