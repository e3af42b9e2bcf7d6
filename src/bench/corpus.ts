/** Building a corpus beside the work of the original's builder, reading it beside a training step, and memory against the size of a set. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildCorpus } from "../corpus/build.js";
import { type CorpusConfig, readCorpusConfig } from "../corpus/config.js";
import { writeRequest } from "./corpus-questions.js";
import { buildAsOriginal, findPython, type OriginalVariant } from "./original-builder.js";
import { writeSyntheticSet } from "./synthetic-set.js";

/** Photos of each dataset. */
const LIMIT = 120;
const ROUNDS = 2;
const SYNTHETIC = [1_000, 10_000, 100_000] as const;

const NAMES: Readonly<Record<OriginalVariant, string>> = {
  "same-pictures": "as the original, same pictures",
  "decode-once": "... photos decoded once",
  "own-size": "... pictures at the photo's own size",
};

const root = fileURLToPath(new URL("../../", import.meta.url));
const mini = await readCorpusConfig(join(root, "configs/mini.yaml"));
const config: CorpusConfig = { ...mini, datasets: mini.datasets.map((dataset) => ({ ...dataset, limit: LIMIT })) };
const folder = await mkdtemp(join(tmpdir(), "instructcv-bench-"));
try {
  if (existsSync(config.data)) await compareBuilders();
  else console.log(`  not measured: no datasets in ${config.data}`);
  await measureMemory();
} finally {
  await rm(folder, { recursive: true, force: true });
}

interface Rate {
  readonly seconds: number;
  readonly samples: number;
}

/** Builders take turns, so that a busy machine slows all; the best round of each counts. */
async function compareBuilders(): Promise<void> {
  const cores = availableParallelism();
  const python = findPython("numpy, PIL");
  const out = join(folder, "corpus");
  await build(out, cores); // what is asked of the other builder; also warms the disk's cache
  const request = join(folder, "request.json");
  const original = join(folder, "original");
  await writeRequest(out, request, original);
  const rates = new Map<string, Rate>();
  const note = (name: string, rate: Rate) => {
    const best = rates.get(name);
    if (!best || rate.seconds < best.seconds) rates.set(name, rate);
  };
  for (let round = 0; round < ROUNDS; round++) {
    for (const workers of new Set([1, cores])) {
      note(`this code, ${workers} ${workers === 1 ? "thread" : "threads"}`, await build(out, workers));
    }
    if (!python) continue;
    for (const variant of ["same-pictures", "decode-once", "own-size"] as const satisfies OriginalVariant[]) {
      await rm(original, { recursive: true, force: true });
      note(NAMES[variant], buildAsOriginal(python, request, variant));
    }
  }
  const yardstick = rates.get(NAMES["same-pictures"]);
  for (const [name, { samples, seconds }] of rates) {
    const ratio = yardstick ? `  ${(samples / seconds / (yardstick.samples / yardstick.seconds)).toFixed(1)} x` : "";
    console.log(`  ${name.padEnd(34)} ${(samples / seconds).toFixed(0).padStart(6)} samples/s${ratio}`);
  }
  if (!python) console.log("  original    not measured: no Python with numpy and Pillow in .venv or on the PATH");
}

/** The whole of what a builder does once the photos are listed. */
async function build(out: string, workers: number): Promise<Rate> {
  let start = 0;
  let samples = 0;
  await buildCorpus(config, { out, workers, overwrite: true }, ({ phase, records }) => {
    if (phase === "building" && start === 0) start = performance.now();
    samples = records;
  });
  return { seconds: (performance.now() - start) / 1000, samples };
}

/** Peak memory of the command itself for lists of growing length; each is divided so that as many photos are encoded. */
async function measureMemory(): Promise<void> {
  for (const photos of SYNTHETIC) {
    const data = join(folder, `synthetic-${photos}`);
    await writeSyntheticSet(data, photos);
    const script = fileURLToPath(new URL("./corpus-memory.js", import.meta.url));
    const { stdout, stderr, status } = spawnSync(process.execPath, [script, data], { encoding: "utf8" });
    if (status !== 0) throw new Error(stderr);
    const { peak, seconds } = JSON.parse(stdout) as { peak: number; seconds: number };
    console.log(
      `  ${String(photos).padStart(7)} photos listed, 512 built     peak ${(peak / 2 ** 20).toFixed(0)} MiB, ${seconds.toFixed(1)} s`,
    );
    await rm(data, { recursive: true, force: true });
  }
}
