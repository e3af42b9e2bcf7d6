/** One batch or one after the other, split or whole: the denoiser under several conditions is the same function. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { writeTinyCheckpoint } from "../../tests/helpers/tiny-checkpoint.js";
import { readCheckpoint } from "../checkpoints/folder.js";
import { makeSchedule } from "../diffusion/schedule.js";
import { createRng } from "../random.js";
import { encodeModel } from "../tensor/onnx/proto.js";
import { type ArrayTensor, openSession } from "../tensor/onnx/session.js";
import { ConditionedNetwork, type Evaluation, type PredictOptions } from "./conditioned-network.js";
import { unetNetwork } from "./networks.js";
import { SessionCache } from "./session-cache.js";

const dir = await mkdtemp(join(tmpdir(), "instructcv-conditions-"));
await writeTinyCheckpoint(dir);
const folder = await readCheckpoint(dir);
const sessions = new SessionCache(1, 12);
afterAll(async () => {
  await sessions.close();
  await rm(dir, { recursive: true });
});

const rng = createRng(4);
const noise = (...shape: number[]): ArrayTensor & { data: Float32Array } => ({
  shape,
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => rng.normal()),
});
const size = { width: 6, height: 4 };
const options: PredictOptions = {
  noisy: noise(48, 4, 6).data,
  image: noise(48, 4, 6).data,
  text: noise(1, 16, 16),
  empty: noise(1, 16, 16),
  timestep: 500,
  conditions: ["none", "image", "both"],
  size,
  schedule: makeSchedule(folder.scheduler),
};
const apart = (a: Float32Array, b: Float32Array) => a.reduce((most, x, i) => Math.max(most, Math.abs(x - b[i]!)), 0);

describe("three conditions", () => {
  test("as a batch, in turn, and by the whole graph: the same outputs", async () => {
    const evaluations: Evaluation[] = [];
    const asked = { ...options, onEvaluation: (one: Evaluation) => evaluations.push(one) };
    const batched = await new ConditionedNetwork(folder, 16, sessions).predict(asked);
    expect(evaluations.map(({ states }) => states.shape)).toEqual([[3, 16, 16]]);
    const inTurn = await new ConditionedNetwork(folder, 16, sessions, 0).predict(asked);
    expect(evaluations.slice(1).map(({ states }) => states.shape)).toEqual(Array(3).fill([1, 16, 16]));

    const { graph, weightsFolder } = unetNetwork(folder, size, 16, 3);
    const whole = await openSession(encodeModel(graph), { threads: 1, weightsFolder });
    const { prediction } = await whole.run({ ...evaluations[0]! });
    await whole.close();
    const length = options.noisy.length;
    for (const [i, output] of batched.entries()) {
      expect(apart(output, inTurn[i]!)).toBeLessThan(1e-5);
      const expected = (prediction!.data as Float32Array).slice(i * length, (i + 1) * length);
      expect(apart(output, expected)).toBeLessThan(1e-5);
    }
    expect(apart(batched[0]!, batched[1]!)).toBeGreaterThan(1e-3);
    expect(apart(batched[1]!, batched[2]!)).toBeGreaterThan(1e-4);
  });

  test("what a sentence and a timestep decide is remembered, by what they are", async () => {
    const network = new ConditionedNetwork(folder, 16, sessions);
    const both = { ...options, conditions: ["both"] } as const;
    const [first] = await network.predict(both);
    expect(await network.predict(both)).toEqual([first]);
    const [other] = await network.predict({ ...both, text: noise(1, 16, 16) });
    expect(apart(first!, other!)).toBeGreaterThan(1e-4);
    const [later] = await network.predict({ ...both, timestep: 20 });
    expect(apart(first!, later!)).toBeGreaterThan(1e-4);
    expect(await network.predict(both)).toEqual([first]);
  });

  test("an abort is heard between two conditions", async () => {
    const controller = new AbortController();
    let evaluations = 0;
    const onEvaluation = () => {
      evaluations++;
      setImmediate(() => controller.abort(new Error("enough")));
    };
    const asked = { ...options, signal: controller.signal, onEvaluation };
    await expect(new ConditionedNetwork(folder, 16, sessions, 0).predict(asked)).rejects.toThrow("enough");
    expect(evaluations).toBe(1);
  });
});
