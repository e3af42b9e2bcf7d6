/** `instructcv download`: fetches a model from the hub before it is needed, and prints where it lies. */
import { type Command, Option } from "commander";
import { downloadBar } from "./download-bar.js";
import { EXIT } from "./exit.js";
import type { Terminal } from "./terminal.js";

interface DownloadOptions {
  readonly revision?: string;
  readonly variant?: "fp16";
}

export function addDownload(program: Command, terminal: Terminal, exit: (code: number) => void): void {
  program
    .command("download")
    .summary("fetch a model from the hub")
    .description("Fetch a model in diffusers layout from the Hugging Face hub and print its folder.")
    .argument("<model>", "owner/name, such as timbrooks/instruct-pix2pix, or owner/name@revision")
    .option("--revision <name>", "a branch, tag, refs/pr/N or commit (default: main)")
    .addOption(new Option("--variant <name>", "half-precision weights where the model has them").choices(["fp16"]))
    .addHelpText("after", help)
    .action(async (model: string, options: DownloadOptions) => exit(await downloadModel(model, options, terminal)));
}

const help = `
A model of Stable Diffusion 1.5's size is about 4 GB, half of that as --variant fp16. Only what is needed is fetched: configs,
tokenizer and safetensors weights; pickles (.bin, .ckpt) are refused. Every file is checked against its hash. Ctrl-C or a lost
connection keeps what has arrived: the same command goes on from there. "run --model owner/name" fetches by itself.

It goes to the cache that all Hugging Face libraries share, so what Python fetched is found, and the other way round:
~/.cache/huggingface/hub, unless one of these says otherwise.

Environment:
  HF_HUB_CACHE, HF_HOME   folder of the cache; folder that holds hub/ and token
  HF_TOKEN                access token for gated and private models (else HF_TOKEN_PATH, or the token of "hf auth login")
  HF_HUB_OFFLINE=1        use the cache only
  HF_ENDPOINT             another hub or a mirror
  HTTPS_PROXY, HTTP_PROXY, NO_PROXY

Examples:
  instructcv download timbrooks/instruct-pix2pix --variant fp16
  HF_HUB_OFFLINE=1 instructcv run photo.jpg "Detect the person" --model timbrooks/instruct-pix2pix
`;

async function downloadModel(model: string, options: DownloadOptions, terminal: Terminal): Promise<number> {
  const { resolveModel } = await import("../inference/index.js");
  const bar = downloadBar(terminal);
  try {
    const { signal } = terminal;
    const onNote = (note: string) => bar.interrupt(() => terminal.note(note));
    const folder = await resolveModel(model, { ...options, signal, onProgress: bar.update, onNote });
    bar.stop();
    terminal.out(folder);
    return EXIT.done;
  } finally {
    bar.stop();
  }
}
