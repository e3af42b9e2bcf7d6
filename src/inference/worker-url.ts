/** Where the worker's code is. */

/**
 * Compiled, the worker lies beside this file. Under a TypeScript runner there is no such file, and Node's workers read only
 * JavaScript: vitest's global set-up (tests/helpers/build-worker.ts) bundles it to build/bundles/inference/worker.mjs before any test.
 */
export const workerUrl = new URL(
  import.meta.url.endsWith(".ts") ? "../../build/bundles/inference/worker.mjs" : "./worker.js",
  import.meta.url,
);
