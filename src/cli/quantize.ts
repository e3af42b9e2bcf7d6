/** `instructcv quantize`: makes the int8 weights of a model from calibration photos and says what they cost. */
import { type Command, Option } from "commander";
import type { Quantized, QuantizeProgress } from "../inference/quantize.js";
import { EXIT, errorLine, usageError } from "./exit.js";
import { expandInputs } from "./inputs.js";
import { collect, wholeNumber } from "./options.js";
import { type Progress, startProgress } from "./progress.js";
import type { Terminal } from "./terminal.js";

interface QuantizeCommandOptions {
  readonly photos: readonly string[];
  readonly instruction?: readonly string[];
  readonly steps?: number;
  readonly samples?: number;
  readonly weightBits?: "7" | "8";
  readonly autoencoder?: boolean;
  readonly threads?: number;
  readonly json?: boolean;
}

export function addQuantize(program: Command, terminal: Terminal, exit: (code: number) => void): void {
  program
    .command("quantize")
    .summary("make a model's int8 weights, with their loss measured")
    .description("Make the int8 weights of a model from photos, and measure what they cost.")
    .argument("<model>", "model folder, or owner/name of a downloaded one")
    .requiredOption("-p, --photos <paths...>", "photos, folders or quoted patterns: what the model will see")
    .option("-i, --instruction <text>", "a sentence about them (may be repeated; default: one for each task)", collect)
    .option("--steps <n>", "denoising steps (default: what the model recommends, at most 8)", wholeNumber(1, 1000))
    .option("--samples <n>", "evaluations of the network to calibrate on (default: 64)", wholeNumber(1, 10000))
    .addOption(
      new Option("--weight-bits <n>", "7 for every processor (default: 8 if this one multiplies them exactly)").choices(
        ["7", "8"],
      ),
    )
    .option("--autoencoder", "quantise the autoencoder as well (needs one: not the small model)")
    .option("--threads <n>", "threads of an operation (default: the cores, at most 8)", wholeNumber(1, 256))
    .option("--json", "print one JSON object on stdout and nothing else")
    .addHelpText("after", help)
    .action(async (model: string, options: QuantizeCommandOptions) => exit(await run(model, options, terminal)));
}

const help = `
The convolutions and linear layers of the denoiser are computed with 8-bit weights and inputs: about twice as fast. The weights go to
<model>/unet/int8.safetensors, a quarter to a third of the float ones' size, beside them; "run --precision int8" uses them. The file is
written whole or not at all; Ctrl-C leaves what was there.

Give 8 photos or more of the kind the model will see. Drawings of them are made, the inputs of each layer are measured along the
way, and further drawings show the loss: how far predictions, drawings and the answers read from them are from the float ones'.

--autoencoder does the same for the convolutions of the autoencoder, in <model>/vae/int8.safetensors. Without that file
"run --precision int8" encodes and decodes in float32.

Time: about 30 s for the small model, about 10 minutes for Stable Diffusion's size at 256 pixels on two cores (the autoencoder adds a third). Memory: 0.4 GB and 1.9 GB
beside the float weights, which stay in their file. Disk: the new file twice while it is written over an older one.

Examples:
  instructcv quantize models/mine --photos 'photos/*.jpg'
  instructcv run cat.jpg "Segment the cat" --model models/mine --precision int8
`;

async function run(model: string, options: QuantizeCommandOptions, terminal: Terminal): Promise<number> {
  const { quantize, resolveModel } = await import("../inference/index.js");
  const { photos, instruction, weightBits, json, ...rest } = options;
  const { files, problems } = await expandInputs(photos);
  for (const problem of problems) terminal.note(errorLine(problem));
  if (files.length === 0) throw usageError("--photos: no photo found.", "Give photos, folders or quoted patterns.");
  const folder = await resolveModel(model, { offline: true });
  const progress = phases(terminal);
  try {
    const made = await quantize(folder, {
      ...rest,
      photos: files,
      signal: terminal.signal,
      onProgress: progress.update,
      ...(instruction && { instructions: instruction }),
      ...(weightBits && { weightBits: weightBits === "7" ? 7 : 8 }),
    });
    progress.stop();
    terminal.out(json ? JSON.stringify(made) : report(made));
    return problems.length > 0 ? EXIT.failed : EXIT.done;
  } finally {
    progress.stop();
  }
}

/** One bar after the other. */
function phases(terminal: Terminal) {
  let phase: QuantizeProgress["phase"] | undefined;
  let bar: Progress | undefined;
  const words = { draw: "evaluations drawn", calibrate: "evaluations measured", measure: "drawings compared" };
  return {
    update(progress: QuantizeProgress) {
      if (progress.phase !== phase) {
        bar?.stop();
        phase = progress.phase;
        bar = startProgress(terminal, progress.total, words[phase]);
      }
      bar?.update(progress.done);
    },
    stop: () => bar?.stop(),
  };
}

function report({ weightBits, loss, autoencoder, ...denoiser }: Quantized): string {
  const size = (n: number) => `${(n / 1e6).toFixed(n < 1e8 ? 1 : 0)} MB`;
  const rows = [
    ["predictions", "relative error", loss.prediction.toFixed(4)],
    ...(loss.autoencoder
      ? [
          ["autoencoder, photos", "PSNR, dB", loss.autoencoder.photos.toFixed(1)],
          ["autoencoder, drawings", "PSNR, dB", loss.autoencoder.drawings.toFixed(1)],
        ]
      : []),
    ["drawings", "PSNR, dB", loss.psnr.toFixed(1)],
    ...loss.agreement.map(({ task, measure, value, n }) => [task, `${measure} (${n})`, value.toFixed(4)]),
  ];
  const widths = [0, 1].map((i) => Math.max(...rows.map((row) => row[i]!.length)));
  return [
    ...[denoiser, ...(autoencoder ? [autoencoder] : [])].flatMap(({ path, bytes, floatBytes, layers }) => [
      path,
      `${layers} layers in int8 (${weightBits}-bit weights), ${size(bytes)} beside ${size(floatBytes)}`,
    ]),
    `int8 against float, ${loss.drawings} drawings:`,
    ...rows.map(([what, measure, value]) => `  ${what!.padEnd(widths[0]!)}  ${measure!.padEnd(widths[1]!)}  ${value}`),
  ].join("\n");
}
