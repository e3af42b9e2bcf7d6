/** vitest's global set-up: bundles the code of worker threads, because Node's workers read only JavaScript. */
import { rm } from "node:fs/promises";
import { build } from "esbuild";
import type { TestProject } from "vitest/node";

/** As deep below the repository as the modules in them that find files relative to themselves. */
const workers = [
  { entry: "src/inference/worker.ts", outfile: "build/bundles/inference/worker.mjs" },
  { entry: "src/corpus/worker.ts", outfile: "build/corpus-worker.mjs" },
  { entry: "src/training/painter-worker.ts", outfile: "build/bundles/training/worker.mjs" },
];

/** A tree that does not compile fails the tests that start a thread, not all of them. */
async function bundle({ entry, outfile }: (typeof workers)[number]): Promise<void> {
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    packages: "external",
    platform: "node",
    format: "esm",
    target: "node20",
    sourcemap: "inline",
    logLevel: "warning",
  }).catch(async (error: Error) => {
    await rm(outfile, { force: true });
    console.error(`${outfile} is missing: ${error.message}`);
  });
}

export default async function setup(project: TestProject): Promise<void> {
  const bundleAll = async () => {
    await Promise.all(workers.map(bundle));
  };
  await bundleAll();
  project.onTestsRerun(bundleAll);
}
