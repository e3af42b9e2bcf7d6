/** vitest's global set-up: bundles the inference worker, because Node's worker threads read only JavaScript. */
import { rm } from "node:fs/promises";
import { build } from "esbuild";
import type { TestProject } from "vitest/node";

const outfile = "build/worker.mjs";

/** A tree that does not compile fails the tests that load a model, not all of them. */
async function bundle(): Promise<void> {
  await build({
    entryPoints: ["src/inference/worker.ts"],
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
  await bundle();
  project.onTestsRerun(bundle);
}
