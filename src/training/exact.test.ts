/** Why a checkpoint needs no generator state: an update follows from weights, moments, averages, the seed and its number alone. */
import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { inOrder } from "../../tests/helpers/in-order.js";
import { tinyConfig, tinyStore, tinyTokenizer } from "../../tests/helpers/tiny-training.js";
import { type Batch, createLoader, type Loader } from "./batch.js";
import type { TrainConfig } from "./config.js";
import { emaDecay } from "./optimizer.js";
import { freshProgress } from "./run-progress.js";
import { createSession, type Session } from "./session.js";
import { loadState, saveState } from "./state.js";
import { runUpdate } from "./update.js";

let folder: string;
let config: TrainConfig;
let tokenizer: string;
const store = tinyStore();
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "instructcv-exact-"));
  tokenizer = await tinyTokenizer();
  config = await tinyConfig();
  // All heads and pairs of photos: whatever draws random numbers takes part.
  config.data.pairs = 0.3;
  config.data.word_noise = 0.2;
  config.data.template_share = 0.5;
  config.model.unet = { ...config.model.unet, addition_embed_type: "text", addition_embed_type_num_heads: 2 };
  config.loss.auxiliary = { sentence: 0.1, presence: 0.1, extent: 0.1, asked: 0.1, photos: 4 };
});
afterAll(() => Promise.all([folder, tokenizer].map((path) => rm(path, { recursive: true, force: true }))));

async function open(recipe: TrainConfig = config): Promise<{ session: Session; loader: Loader<Batch> }> {
  const session = await createSession(recipe, store, tokenizer);
  return { session, loader: createLoader(store, recipe, session.tokenizer) };
}
/** Everything an update may change, as bytes, in hexadecimal. */
const values = ({ torch, optimizer }: Session) => {
  const hash = createHash("sha256");
  for (const { weight, first, second, average } of optimizer.slots)
    for (const tensor of [weight, first, second, average]) hash.update(torch.read(tensor));
  return hash.digest("hex");
};
const lr = 1e-3;

test("an update does not depend on what was drawn before it", async () => {
  const whole = await open();
  await runUpdate(whole.session, whole.loader, 1, lr);
  const state = await saveState(folder, whole.session, store, { ...freshProgress, step: 1 });
  const expected = await inOrder([2, 3], (update) => runUpdate(whole.session, whole.loader, update, lr));

  const random = vi.spyOn(Math, "random").mockImplementation(() => {
    throw new Error("Math.random was asked");
  });
  const resumed = await open();
  await loadState(state, resumed.session);
  const { torch } = resumed.session;
  const found = await inOrder([2, 3], async (update) => {
    torch.manualSeed(999 + update);
    torch.tidy(() => torch.randn([update]));
    await resumed.loader.batch(17);
    await resumed.loader.photos(5, 2);
    return runUpdate(resumed.session, resumed.loader, update, lr);
  });
  random.mockRestore();
  const exact = (outcomes: typeof found) => outcomes.map(({ loaderMs, ...rest }) => rest);
  expect(exact(found)).toEqual(exact(expected));
  expect(values(resumed.session)).toEqual(values(whole.session));

  // The seed and the number are what it depends on.
  const other = await open({ ...config, seed: config.seed + 1 });
  await loadState(state, other.session);
  expect((await runUpdate(other.session, other.loader, 2, lr)).loss).not.toBe(expected[0]!.loss);
});

test("the average moves, by its decay: it is neither the weights nor what it was", async () => {
  const { session, loader } = await open();
  const { torch, optimizer } = session;
  const read = () => optimizer.slots.map(({ average, weight }) => [torch.read(average), torch.read(weight)] as const);
  for (let update = 1; update <= 3; update++) {
    const before = read();
    await runUpdate(session, loader, update, lr);
    const decay = emaDecay(config.optimizer.ema, update);
    let worst = 0;
    for (const [i, [average, weight]] of read().entries()) {
      const old = before[i]![0];
      for (let k = 0; k < average.length; k++)
        worst = Math.max(worst, Math.abs(average[k]! - (decay * old[k]! + (1 - decay) * weight[k]!)));
    }
    expect(worst).toBeLessThan(1e-6);
    const convIn = optimizer.slots.findIndex(({ name }) => name === "unet.conv_in.weight");
    const moved = read()[convIn]!;
    expect(moved[0]).not.toEqual(before[convIn]![0]);
    expect(moved[0]).not.toEqual(moved[1]);
  }
});

test.each([
  ["loss", Number.NaN, /the loss is NaN/],
  ["gradient norm", 1e20, /the (gradient norm|loss) is (NaN|Infinity)/],
])("an update without a number for its %s changes nothing but is over", async (_what, poison, says) => {
  const { session, loader } = await open();
  await runUpdate(session, loader, 1, lr);
  const before = values(session);
  const bad: Loader<Batch> = {
    ...loader,
    async batch(step) {
      const batch = await loader.batch(step);
      batch.target.fill(poison);
      return batch;
    },
  };
  expect((await runUpdate(session, bad, 2, lr)).skipped).toMatch(says);
  expect(values(session)).toEqual(before);
  const after = await runUpdate(session, loader, 3, lr);
  expect(after.skipped).toBeNull();

  // No gradient is left over: it is the third update of a run that never saw the bad batch.
  const clean = await open();
  await runUpdate(clean.session, clean.loader, 1, lr);
  expect(await runUpdate(clean.session, clean.loader, 3, lr)).toEqual({ ...after, loaderMs: expect.any(Number) });
  expect(values(session)).toEqual(values(clean.session));
});

test("a state that holds no number is not written", async () => {
  const { session } = await open();
  const { torch, optimizer } = session;
  const slot = optimizer.slots[3]!;
  torch.write(slot.second, new Float32Array(torch.read(slot.second).length).fill(Number.POSITIVE_INFINITY));
  await expect(saveState(join(folder, "bad"), session, store, { ...freshProgress, step: 9 })).rejects.toThrow(
    new RegExp(`step 9: ${slot.name} \\(second\\) is no number any more: no checkpoint is written`),
  );
});
