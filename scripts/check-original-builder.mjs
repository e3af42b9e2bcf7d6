/**
 * Checks that bench/original_builder.py makes the pictures that our corpus builder makes, so that timing one beside the other is fair.
 * usage: node scripts/check-original-builder.mjs [photos a dataset, 12 unless given]   after `npm run build`; needs Pillow and numpy
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compareWithOriginal } from "../dist/bench/corpus-agreement.js";
import { writeRequest } from "../dist/bench/corpus-questions.js";
import { buildAsOriginal, findPython } from "../dist/bench/original-builder.js";
import { buildCorpus } from "../dist/corpus/build.js";
import { readCorpusConfig } from "../dist/corpus/config.js";

const limit = Number(process.argv[2] ?? 12);
const python = findPython("PIL, numpy");
if (!python) throw new Error("No Python with Pillow and numpy in .venv or on the PATH.");
const mini = await readCorpusConfig("configs/mini.yaml");
const config = { ...mini, datasets: mini.datasets.map((dataset) => ({ ...dataset, limit })) };
const folder = await mkdtemp(join(tmpdir(), "instructcv-check-"));
let failed = false;
try {
  const corpus = join(folder, "corpus");
  await buildCorpus(config, { out: corpus });
  for (const variant of ["same-pictures", "decode-once"]) {
    const out = join(folder, variant);
    const request = `${out}.json`;
    const questions = await writeRequest(corpus, request, out);
    const built = buildAsOriginal(python, request, variant);
    const found = await compareWithOriginal(corpus, out);
    const seeds = JSON.parse(await readFile(join(out, "seeds.json"), "utf8"));
    console.log(JSON.stringify({ variant, built, found }, null, 1));
    const checks = {
      "all samples": built.samples === questions && seeds.length === questions && found.records === questions,
      // Two decoders, two Lanczos filters (ours lets libjpeg shrink first) and one JPEG compression each.
      "photos differ by less than 3 grey levels on average, none by more than 8":
        found.photo.mean < 3 && found.photo.worst < 8,
      "masks: IoU above 0.97 over each dataset": Object.values(found.masks).every(({ pooled }) => pooled > 0.97),
      "boxes within 1 pixel": found.boxes.worst <= 1,
      "depth within 2 grey levels": found.depth.worst <= 2,
      "classification equal": found.classification.equal === found.classification.pictures,
      "instructions equal": found.instructions.equal === questions,
    };
    for (const [name, passed] of Object.entries(checks)) {
      console.log(`${passed ? "ok  " : "FAIL"} ${name}`);
      if (!passed) failed = true;
    }
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
process.exitCode = failed ? 1 : 0;
