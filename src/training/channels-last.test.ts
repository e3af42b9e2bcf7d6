/** The other memory format computes the same updates, and the optimizer's tensors have the strides of their weights. */
import { expect, test } from "vitest";
import { inOrder } from "../../tests/helpers/in-order.js";
import { tinyConfig, tinyStore } from "../../tests/helpers/tiny-training.js";
import { createLoader } from "./batch.js";
import { createSession } from "./session.js";
import { runUpdate } from "./update.js";

test("updates are those of the usual format", async () => {
  const config = await tinyConfig();
  const store = tinyStore();
  const runs = await inOrder([false, true], async (channels_last) => {
    const recipe = { ...config, compute: { ...config.compute, channels_last } };
    const session = await createSession(recipe, store);
    const loader = createLoader(store, recipe, session.tokenizer);
    const outcomes = await inOrder([1, 2, 3], (update) => runUpdate(session, loader, update, 1e-3));
    return { session, numbers: outcomes.flatMap(({ loss, gradNorm }) => [loss, gradNorm]) };
  });
  const [usual, other] = runs as [(typeof runs)[0], (typeof runs)[0]];
  for (const [i, value] of other.numbers.entries()) expect(Math.abs(value / usual.numbers[i]! - 1)).toBeLessThan(1e-4);

  const { torch, optimizer } = other.session;
  const kernels = optimizer.slots.filter(
    ({ weight: { shape } }) => shape.length === 4 && shape[1]! > 1 && shape[3]! > 1,
  );
  expect(kernels.length).toBeGreaterThan(5);
  for (const { weight, first, second, average } of kernels)
    for (const tensor of [weight, first, second, average]) expect(torch.call("aten::stride.int", [tensor, 1])).toBe(1);
  for (const [i, { weight }] of optimizer.slots.entries()) {
    const expected = usual.session.torch.read(usual.session.optimizer.slots[i]!.weight);
    const found = torch.read(weight);
    expect(Math.max(...found.map((value, k) => Math.abs(value - expected[k]!)))).toBeLessThan(2e-3);
  }
});
