/**
 * `node dist/bench/loader.js CORPUS [MEMORY_MB]`: batches of the small model's recipe, made in memory and read as they are drawn, each in a
 * process of its own; then updates with 0, 1 and 2 threads that make them, taking turns.
 */
import { spawnSync } from "node:child_process";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { createLoader } from "../training/batch.js";
import { readConfig, type TrainConfig } from "../training/config.js";
import { alone } from "../training/distributed.js";
import { prefetch } from "../training/prefetch.js";
import { createSession } from "../training/session.js";
import { openStores } from "../training/store.js";
import { runUpdate } from "../training/update.js";

const BATCHES = 100;
const ROUNDS = 2;
const UPDATES = 3;
const [corpus, memory = "64", part] = process.argv.slice(2);
if (!corpus) throw new Error("usage: node dist/bench/loader.js CORPUS [MEMORY_MB]");

const recipe = await readConfig(fileURLToPath(new URL("../../configs/nano.yaml", import.meta.url)));
const { optimizer, loss } = recipe;
const using = (data: Partial<TrainConfig["data"]>): TrainConfig => ({
  ...recipe,
  model: { ...recipe.model, init: null },
  data: { ...recipe.data, corpus, ...data },
  compute: { ...recipe.compute, dtype: "float32", threads: availableParallelism() },
});
const megabytes = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MB`;

/** How fast the loader alone is and what it takes. */
async function measureLoader(memory_mb: number): Promise<void> {
  const config = using({ workers: 0, memory_mb });
  const start = performance.now();
  const { train } = await openStores(config, (line) => console.log(`  ${line}`));
  const opened = performance.now();
  const loader = createLoader(train, config, { encode: () => [0] });
  for (let step = 0; step < BATCHES; step++) await loader.batch(step);
  const rate = (BATCHES * optimizer.batch * 1000) / (performance.now() - opened);
  await loader.close();
  const peak = process.resourceUsage().maxRSS * 1024;
  console.log(
    `  opened in ${((opened - start) / 1000).toFixed(1)} s, ${rate.toFixed(0)} samples/s, peak memory ${megabytes(peak)}`,
  );
}

/** Updates a second with each number of threads; rounds take turns, so that a busy machine slows all. */
async function measureWorkers(memory_mb: number): Promise<void> {
  const counts = [0, 1, 2];
  const config = using({ memory_mb });
  const { train } = await openStores(config);
  const session = await createSession(config, train);
  const best = new Map(counts.map((workers) => [workers, { ms: Number.POSITIVE_INFINITY, waiting: 0 }]));
  let update = 0;
  for (let round = 0; round < ROUNDS; round++) {
    for (const workers of counts) {
      const made = createLoader(train, using({ memory_mb, workers }), session.tokenizer);
      const loader = prefetch(made, config, alone, update + 1, 2 * workers);
      await runUpdate(session, loader, ++update, 1e-4);
      const start = performance.now();
      let waiting = 0;
      for (let i = 0; i < UPDATES; i++) waiting += (await runUpdate(session, loader, ++update, 1e-4)).loaderMs;
      const ms = performance.now() - start;
      await loader.close();
      if (ms < best.get(workers)!.ms) best.set(workers, { ms, waiting });
    }
  }
  for (const [workers, { ms, waiting }] of best) {
    const rate = (UPDATES * optimizer.batch * 1000) / ms;
    console.log(
      `  ${workers} workers  ${rate.toFixed(1)} samples/s, ${((100 * waiting) / ms).toFixed(1)}% of it waiting for batches`,
    );
  }
}

if (part === "loader") await measureLoader(Number(memory));
else if (part === "workers") await measureWorkers(Number(memory));
else {
  const whole = String(2 ** 20);
  const heads = loss.auxiliary.photos;
  for (const [title, mb, which] of [
    ["loader alone, in memory", whole, "loader"],
    [`loader alone, ${memory} MB`, memory, "loader"],
    [`updates of ${optimizer.batch} samples and ${heads} photos, in memory`, whole, "workers"],
    [`updates of ${optimizer.batch} samples and ${heads} photos, ${memory} MB`, memory, "workers"],
  ] as const) {
    console.log(title);
    spawnSync(process.execPath, [fileURLToPath(import.meta.url), corpus, mb, which], { stdio: "inherit" });
  }
}
