import { defineConfig } from "vitest/config";

/** Processes, not threads: the engines are native add-ons, and leak tests measure the memory of their own process. */
export default defineConfig({
  test: {
    globalSetup: "tests/helpers/build-worker.ts",
    include: ["src/**/*.test.ts", "tests/**/*.test.ts"],
    pool: "forks",
    poolOptions: { forks: { minForks: 1, maxForks: 2 } },
    testTimeout: 60_000,
    hookTimeout: 120_000,
    teardownTimeout: 20_000,
  },
});
