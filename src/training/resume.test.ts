/** What a run does about a damaged checkpoint, numbers that are none, and a damaged corpus; tests/resume-torture.test.ts kills it. */
import { cp, mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeTinyCorpus } from "../../tests/helpers/tiny-corpus.js";
import { tinyConfig } from "../../tests/helpers/tiny-training.js";
import type { TrainConfig } from "./config.js";
import { type TrainOptions, type TrainResult, train } from "./run.js";

let folder: string;
let config: TrainConfig;
const notes: string[] = [];
const at = (...path: string[]) => join(folder, ...path);

function run(recipe: TrainConfig, out: string, resume: TrainOptions["resume"] = "auto"): Promise<TrainResult> {
  notes.length = 0;
  return train(recipe, { out: at(out), resume, onProgress: () => {}, onNote: (line) => notes.push(line) });
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "instructcv-resume-"));
  await writeTinyCorpus(at("corpus"));
  config = await tinyConfig();
  config.data.corpus = at("corpus");
  config.duration = { steps: 6 };
  config.output = { ...config.output, checkpoint_steps: 2, log_every: 1, sample_every: null };
  await run(config, "whole");
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const weights = (out: string) => readFile(at(out, "model/unet/diffusion_pytorch_model.safetensors"));
async function expectWhole(out: string): Promise<void> {
  expect((await weights(out)).equals(await weights("whole"))).toBe(true);
}

test("auto starts where there is nothing, and goes on where there is something", async () => {
  expect(await readdir(at("whole/checkpoints"))).toEqual(["step-0000004", "step-0000006"]);
  expect(await readdir(at("whole"))).not.toContain("lock.json");
  const again = await run(config, "whole");
  expect(again).toMatchObject({ step: 6, finished: true, checkpoint: at("whole/checkpoints/step-0000006") });
  expect(notes).toEqual([`resuming at step 6 from ${at("whole/checkpoints/step-0000006")}`]);
});

const state = "training_state.safetensors";
const damages: [what: string, file: string, damage: (path: string) => Promise<void>, says: RegExp][] = [
  ["cut", state, (path) => truncate(path, 10_000), /training_state\.safetensors is not what was written/],
  ["flipped", state, (path) => flip(path, 3000), /training_state\.safetensors is not what was written/],
  [
    "without weights",
    "unet/diffusion_pytorch_model.safetensors",
    rm,
    /diffusion_pytorch_model\.safetensors is missing/,
  ],
  ["with another vocabulary", "tokenizer/vocab.json", (path) => writeFile(path, "{}"), /vocab\.json is not what was/],
  [
    "with a progress that is empty",
    "training.json",
    (path) => truncate(path, 0),
    /training\.json: damaged: is no JSON/,
  ],
  ["with other minutes", "training.json", minutesOff, /training\.json: damaged: is not what was written/],
  ["without progress", "training.json", rm, /training\.json: no such file/],
];
test.each(damages)("a checkpoint %s is passed over for the one before", async (what, file, damage, says) => {
  const out = what.replaceAll(" ", "-");
  await cp(at("whole"), at(out), { recursive: true });
  await damage(at(out, "checkpoints/step-0000006", file));
  await expect(run(config, out, true)).rejects.toThrow(says);
  expect(await run(config, out)).toMatchObject({ step: 6, finished: true });
  expect(notes[0]).toMatch(/^passed over: .*step-0000006/);
  expect(notes[0]).toMatch(says);
  expect(notes[1]).toMatch(/^resuming at step 4/);
  await expectWhole(out);
  expect(await readdir(at(out, "checkpoints"))).toEqual(["step-0000004", "step-0000006"]);
});

async function flip(path: string, byte: number): Promise<void> {
  const bytes = await readFile(path);
  bytes[byte]! ^= 1;
  await writeFile(path, bytes);
}

async function minutesOff(path: string): Promise<void> {
  await writeFile(path, (await readFile(path, "utf8")).replace('"minutes":0', '"minutes":1'));
}

test("with no whole checkpoint it starts again; damaged ones go when there is a whole one", async () => {
  await cp(at("whole"), at("none"), { recursive: true });
  for (const step of [4, 6]) await truncate(at(`none/checkpoints/step-000000${step}/${state}`), 10);
  await run(config, "none");
  expect(notes.slice(-1)).toEqual(["no checkpoint is whole: the run starts again"]);
  await expectWhole("none");
});

test("going on from an older checkpoint gives up the later ones", async () => {
  await cp(at("whole"), at("older"), { recursive: true });
  const short: TrainConfig = { ...config, duration: { steps: 5 } };
  await run(short, "older", at("older/checkpoints/step-0000004"));
  expect(await readdir(at("older/checkpoints"))).toEqual(["step-0000004", "step-0000005"]);
});

test("what killed writes left is removed, and nothing else", async () => {
  await cp(at("whole"), at("left"), { recursive: true });
  for (const name of [".model.1.tmp", "checkpoints/.step-0000008.1.tmp", "checkpoints/.step-0000002.1.old.tmp"])
    await mkdir(at("left", name, "unet"), { recursive: true });
  for (const name of [".metrics.jsonl.1-ab.tmp", "samples/.step-0000001.png.1-ab.tmp", "mine.tmp"])
    await writeFile(at("left", name), "");
  await run(config, "left");
  const names = await readdir(at("left"), { recursive: true });
  expect(names.filter((name) => name.includes("tmp"))).toEqual(["mine.tmp"]);
});

test("when every update fails, the run stops and names the last good checkpoint, from which the right recipe goes on", async () => {
  const half: TrainConfig = { ...config, duration: { steps: 3 } };
  await run({ ...half, optimizer: { ...config.optimizer, schedule: "constant", warmup: 0 } }, "constant");
  const constant: TrainConfig = { ...config, optimizer: { ...config.optimizer, schedule: "constant", warmup: 0 } };
  const wild: TrainConfig = { ...constant, optimizer: { ...constant.optimizer, lr: 1e30, max_skips: 2 } };
  await expect(run({ ...wild, duration: { steps: 20 } }, "constant")).rejects.toThrow(
    /^step 7: the loss is NaN after 2 skipped updates in a row\. Lower optimizer\.lr .* last good checkpoint is \S*\/step-0000003\. No update .* set aside\.$/,
  );
  expect(notes.slice(1)).toEqual([5, 6].map((step) => `step ${step}: the loss is NaN: the update is skipped`));
  expect(await readdir(at("constant"))).not.toContain("lock.json");
  expect(await readdir(at("constant/checkpoints"))).toEqual(["step-0000003", "suspect-step-0000004"]);
  await run(constant, "constant");
  await run(constant, "constant-whole");
  expect((await weights("constant")).equals(await weights("constant-whole"))).toBe(true);
});

test("a damaged shard stops the run before it begins, with the shard, the byte and the cure", async () => {
  await cp(at("whole"), at("shard"), { recursive: true });
  await cp(at("corpus"), at("bad-corpus"), { recursive: true });
  const shard = at("bad-corpus/train.tar");
  const whole = await readFile(shard);
  const bad = { ...config, data: { ...config.data, corpus: at("bad-corpus") } };
  const cure = /`instructcv data check .*bad-corpus` lists all that is damaged; copy or build the corpus again\.$/;
  const jpeg = whole.indexOf(Buffer.from([0xff, 0xd8, 0xff]));
  const flipped = Buffer.from(whole);
  // A letter of a sentence: every record can be read, and yet the shard is not what was built.
  flipped[whole.indexOf("segmentation cat")]! ^= 1;
  for (const [bytes, says] of [
    [Buffer.from(whole).fill(0, jpeg, jpeg + 400), /train\.tar: record \S+ at byte \d+: .*image\.jpg/],
    [whole.subarray(0, jpeg + 100), /train\.tar: damaged shard: /],
    [flipped, /train\.tar: damaged shard: its checksum is not the manifest's/],
  ] as const) {
    await writeFile(shard, bytes);
    await expect(run(bad, "shard")).rejects.toThrow(says);
    await expect(run(bad, "shard")).rejects.toThrow(cure);
  }
  expect(await run(config, "shard")).toMatchObject({ finished: true });
});
