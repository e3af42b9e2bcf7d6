/** `instructcv run`: photos and sentences in, typed data and pictures out. */
import type { Command } from "commander";
import { PHOTO_EXTENSIONS } from "./inputs.js";
import { addModelOptions } from "./model-options.js";
import { collect, wholeNumber } from "./options.js";
import type { RunOptions } from "./run-photos.js";
import type { Terminal } from "./terminal.js";

export function addRun(program: Command, terminal: Terminal, exit: (code: number) => void): void {
  const command = program
    .command("run")
    .usage('[options] IMAGE... "INSTRUCTION"')
    .summary("answer sentences about photos")
    .description("Answer one or more sentences about one or more photos: data on stdout, pictures in a folder.")
    .argument("<words...>", 'IMAGE... "INSTRUCTION": photos, folders or quoted patterns, then the sentence')
    .option("-i, --instruction <text>", "a further sentence (may be repeated)", collect)
    .option("--seed <n>", "seed of the noise; same seed, same answer", wholeNumber(0, 2 ** 32 - 1), 0)
    .option("-o, --out <dir>", "folder for the pictures, made if missing", "instructcv-out")
    .option("--json", "print one JSON object a line on stdout and nothing else")
    .option("--dry-run", "say how much memory and work it would take, load and draw nothing");
  addModelOptions(command)
    .addHelpText("after", help)
    .action(async (words: string[], options: RunOptions) => {
      const { runPhotos } = await import("./run-photos.js");
      exit(await runPhotos(words, options, terminal));
    });
}

const help = `
Photos: JPEG, PNG, WebP, GIF and TIFF (first frame), AVIF; the content decides, not the name. EXIF orientation is honoured.
Up to 100 megapixels and 64 MiB a file. A folder means the photos directly in it (${PHOTO_EXTENSIONS.join(" ")}).

Memory (small model): 0.25 GB and up to 60 bytes a pixel of the photo (12 megapixels: below 1 GB). Time on two cores: a second to
load, then about 0.05 s an answer for a small photo; reading, decoding and writing 12 megapixels adds seconds.

Larger models (Stable Diffusion 1.5's size, such as alaa-lab/InstructCV): 4 GB to fetch once, which stay on the disk and are read
through the page cache; 1.1 GB of memory at 256 pixels, 1.7 GB at 512; a second an evaluation on two cores at 256 pixels, three evaluations
a step. --dry-run tells it for your model, photo and options. They keep the photo's aspect; the small one squashes it to a square.

Sentences: segment, detect, classify ("is there a dog?") or estimate depth, in free wording. See: instructcv tasks

Pictures, in the --out folder:
  <photo>.<task>-<category>.png          what the model drew
  <photo>.<task>-<category>.overlay.png  the photo with the answer over it (boxes: those at least half as sure as the best)
  <photo>.depth.mm.png                   depth as 16-bit grey, millimetres

Examples:
  instructcv run cat.jpg "Segment the cat"
  instructcv run 'photos/**/*.jpg' "Where is the dog?" -i "How far away is everything?" --out answers
  instructcv run photos "Is there a cat?" --json > answers.jsonl
  instructcv run street.jpg "Detect the person" --model alaa-lab/InstructCV --steps 20 --sampler dpm++2m --resolution 256

Exit codes: 0 done; 1 something failed and was named on stderr, the others are done; 2 wrong usage; 130 stopped by Ctrl-C.
`;
