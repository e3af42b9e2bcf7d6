/** Twenty updates give what diffusers' InstructPix2Pix training script gives (scripts/oracles/training_instruct_pix2pix.py). */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  pix2pixCases,
  pix2pixConfig,
  pix2pixUpdates,
  writePix2PixStart,
} from "../../tests/helpers/pix2pix-training.js";
import { tinyStore } from "../../tests/helpers/tiny-training.js";
import { readSafetensors } from "../checkpoints/safetensors.js";
import { createLoader } from "./batch.js";
import { createSession } from "./session.js";
import { runUpdate } from "./update.js";

const goldens = resolve(import.meta.dirname, "../../tests/goldens/training-pix2pix");
let start: string;
beforeAll(async () => {
  start = join(await mkdtemp(join(tmpdir(), "instructcv-pix2pix-")), "start");
  await writePix2PixStart(start);
});
afterAll(() => rm(join(start, ".."), { recursive: true }));

/** Every n-th value, as the oracle takes them. */
const some = (values: Float32Array) => {
  const stride = Math.ceil(values.length / 64);
  return values.filter((_, i) => i % stride === 0);
};
const worst = (got: Float32Array, want: Float32Array) => {
  expect(got.length).toBe(want.length);
  return got.reduce((most, value, i) => Math.max(most, Math.abs(value - want[i]!)), 0);
};

test.each(pix2pixCases)("training (%s) repeats diffusers' script to 1e-5", async (which) => {
  const golden = await readSafetensors(join(goldens, `${which}.safetensors`));
  const store = tinyStore();
  const config = await pix2pixConfig(start, which);
  const session = await createSession(config, store);
  const loader = createLoader(store, config, session.tokenizer);
  const updates = Array.from({ length: pix2pixUpdates }, (_, i) =>
    runUpdate(session, loader, i + 1, config.optimizer.lr),
  );
  const losses = updates.map(({ loss }) => loss);
  const norms = updates.map(({ gradNorm }) => gradNorm);
  expect(worst(Float32Array.from(losses), golden.read("losses"))).toBeLessThan(1e-5);
  expect(worst(Float32Array.from(norms), golden.read("norms"))).toBeLessThan(1e-5);

  const { torch, optimizer } = session;
  expect(golden.entries.size).toBe(2 + 2 * optimizer.slots.length);
  for (const field of ["weight", "average"] as const) {
    const gaps = optimizer.slots.map((slot) => {
      const name = slot.name.replace("unet.", "");
      return worst(some(torch.read(slot[field])), golden.read(`${field}/${name}`));
    });
    expect(Math.max(...gaps), field).toBeLessThan(1e-5);
  }
});
