/** The scale goes as torch.amp.GradScaler's does (scripts/oracles/loss_scale.py), and float16 training uses it. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { inOrder } from "../../tests/helpers/in-order.js";
import { tinyConfig, tinyStore } from "../../tests/helpers/tiny-training.js";
import { createLoader, type Loader } from "./batch.js";
import { LossScale } from "./loss-scale.js";
import { createOptimizer } from "./optimizer.js";
import { freshProgress } from "./run-progress.js";
import { createSession, type Session } from "./session.js";
import { loadState, saveState } from "./state.js";
import { runUpdate } from "./update.js";

interface Golden {
  runs: Record<
    string,
    {
      options: { init_scale: number; growth_factor: number; backoff_factor: number; growth_interval: number };
      updates: string;
      /** Scale, updates since it changed, whether the weights moved. */
      states: [number, number, boolean][];
    }
  >;
}

test.each(["defaults", "short", "odd", "top"])("%s: the scale after each update is GradScaler's", async (name) => {
  const path = resolve(import.meta.dirname, "../../tests/goldens/loss-scale.json");
  const { options, updates, states } = (JSON.parse(await readFile(path, "utf8")) as Golden).runs[name]!;
  const { init_scale: init, growth_factor: growth, backoff_factor: backoff, growth_interval: interval } = options;
  const lossScale = new LossScale({ init, growth, backoff, interval });
  const found = [...updates].map((letter) => {
    lossScale.update(letter === ".");
    return [lossScale.state.scale, lossScale.state.made, letter === "."];
  });
  expect(found).toEqual(states);
});

const store = tinyStore();
/** A session of the tiny recipe, computing in float32, whose loss is scaled by `init`; 1 leaves the scaling out. */
async function open(init: number): Promise<{ session: Session; loader: Loader }> {
  const config = await tinyConfig();
  const made = await createSession(config, store);
  const lossScale = init === 1 ? null : new LossScale({ ...config.optimizer.loss_scale, init });
  const optimizer = createOptimizer(made.torch, made.optimizer.slots, config.optimizer, lossScale);
  const session = { ...made, optimizer };
  return { session, loader: createLoader(store, config, session.tokenizer) };
}
const weights = ({ torch, optimizer }: Session) => optimizer.slots.map(({ weight }) => torch.read(weight));

test("a power of two changes no bit of an update: the scale is out of the gradients before they are clipped", async () => {
  const [plain, scaled] = [await open(1), await open(1024)];
  for (let update = 1; update <= 3; update++) {
    const expected = await runUpdate(plain.session, plain.loader, update, 1e-3);
    const found = await runUpdate(scaled.session, scaled.loader, update, 1e-3);
    expect({ ...found, loaderMs: 0 }).toEqual({ ...expected, loaderMs: 0 });
  }
  expect(weights(scaled.session)).toEqual(weights(plain.session));
  expect(scaled.session.optimizer.lossScale!.state).toEqual({ scale: 1024, made: 3 });
});

test("an overflow lowers the scale and is nobody's fault until nothing is magnified; a checkpoint remembers", async () => {
  const { session, loader } = await open(2048);
  const { torch, optimizer } = session;
  const lossScale = optimizer.lossScale!;
  const before = weights(session);
  /** An infinite gradient, to which the update's own is added. */
  const poison = () =>
    torch.tidy(() =>
      torch.backward(torch.ops.sum(torch.ops.mul(optimizer.slots[0]!.weight, Number.POSITIVE_INFINITY))),
    );
  poison();
  const overflow = await runUpdate(session, loader, 1, 1e-3);
  expect(overflow).toMatchObject({ skipped: expect.stringMatching(/^the gradient norm is .* scaled by 2048$/) });
  expect(overflow.overflow).toBe(true);
  expect([weights(session), lossScale.state]).toEqual([before, { scale: 1024, made: 0 }]);

  lossScale.state = { scale: 1, made: 5 };
  poison();
  const hopeless = await runUpdate(session, loader, 2, 1e-3);
  expect(hopeless.skipped).toMatch(/scaled by 1$/);
  expect(hopeless.overflow).toBeUndefined();
  expect((await runUpdate(session, loader, 3, 1e-3)).skipped).toBeNull();

  lossScale.state = { scale: 4096, made: 17 };
  const folder = await mkdtemp(join(tmpdir(), "instructcv-loss-scale-"));
  const state = await saveState(folder, session, store, { ...freshProgress, step: 2 });
  const resumed = await open(8);
  await loadState(state, resumed.session);
  expect(resumed.session.optimizer.lossScale!.state).toEqual({ scale: 4096, made: 17 });
  await rm(folder, { recursive: true });
});

test("float16 trains where libtorch has it on this processor, and says what to do where not", async () => {
  const config = await tinyConfig();
  const half = { ...config, compute: { ...config.compute, dtype: "float16" as const } };
  const { torch } = await createSession(config, store);
  if (torch.version.startsWith("1.")) {
    await expect(createSession(half, store)).rejects.toThrow(/cannot compute in float16 on cpu: .*bfloat16 or float32/);
    return;
  }
  const losses = await inOrder([config, half], async (recipe) => {
    const session = await createSession(recipe, store);
    const loader = createLoader(store, recipe, session.tokenizer);
    const outcomes = await inOrder([1, 2, 3, 4, 5, 6], (update) => runUpdate(session, loader, update, 1e-3));
    return outcomes.map(({ loss }) => loss);
  });
  for (const [i, loss] of losses[1]!.entries()) expect(Math.abs(loss / losses[0]![i]! - 1)).toBeLessThan(0.01);
});
