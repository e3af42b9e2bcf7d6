/** Five updates give the losses, gradient norms and weights that PyTorch, diffusers and transformers gave (scripts/oracles/training.py). */
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { expect, test } from "vitest";
import { goldenUpdates, tinyConfig, tinyStore, tinyTokenizer } from "../../tests/helpers/tiny-training.js";
import { createLoader } from "./batch.js";
import { learningRate } from "./lr.js";
import { createSession } from "./session.js";
import { runUpdate } from "./update.js";

interface Golden {
  losses: number[];
  norms: number[];
  /** Mean magnitude of each tensor after the last update. */
  weights: Record<string, number>;
  averages: Record<string, number>;
}

test("training repeats PyTorch's run", async () => {
  const path = resolve(import.meta.dirname, "../../tests/goldens/training.golden.json");
  const golden = JSON.parse(await readFile(path, "utf8")) as Golden;
  const config = await tinyConfig();
  const store = tinyStore();
  const session = await createSession(config, store, await tinyTokenizer());
  const loader = createLoader(store, config, session.tokenizer);
  for (let update = 1; update <= goldenUpdates; update++) {
    const lr = learningRate(config.optimizer, (update - 1) / goldenUpdates);
    const { loss, gradNorm } = await runUpdate(session, loader, update, lr);
    expect(Math.abs(loss - golden.losses[update - 1]!)).toBeLessThan(1e-5);
    expect(Math.abs(gradNorm - golden.norms[update - 1]!)).toBeLessThan(1e-4);
  }
  const meanAbs = (values: Float32Array) => values.reduce((sum, value) => sum + Math.abs(value), 0) / values.length;
  for (const { name, weight, average } of session.optimizer.slots) {
    expect(Math.abs(meanAbs(session.torch.read(weight)) - golden.weights[name]!), name).toBeLessThan(2e-4);
    expect(Math.abs(meanAbs(session.torch.read(average)) - golden.averages[name]!), name).toBeLessThan(2e-4);
  }
});

test("a step leaves no tensor behind", async () => {
  const config = await tinyConfig();
  const store = tinyStore();
  const session = await createSession(config, store, await tinyTokenizer());
  const loader = createLoader(store, config, session.tokenizer);
  await runUpdate(session, loader, 1, 1e-3);
  const before = session.torch.liveTensors();
  for (let update = 2; update <= 4; update++) await runUpdate(session, loader, update, 1e-3);
  expect(session.torch.liveTensors()).toBe(before);
});
