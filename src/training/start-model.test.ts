/** A model to start from is the same model from a folder, from the hub and from a single file: its first loss tells. */
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { stringify } from "yaml";
import { type FakeHub, startFakeHub } from "../../tests/helpers/fake-hub.js";
import { writeLdmFile, writeLdmFolder } from "../../tests/helpers/ldm-file.js";
import { tinyAutoencoder, writeTinyCheckpoint } from "../../tests/helpers/tiny-checkpoint.js";
import { writeTinyCorpus } from "../../tests/helpers/tiny-corpus.js";
import { tinyConfig, tinyStore } from "../../tests/helpers/tiny-training.js";
import type { DownloadProgress } from "../checkpoints/hub/snapshot.js";
import { runCli } from "../cli/program.js";
import { createLoader } from "./batch.js";
import { readConfig, type TrainConfig } from "./config.js";
import { createSession } from "./session.js";
import { type FetchOptions, pinStart } from "./start-model.js";
import { runUpdate } from "./update.js";

const root = await mkdtemp(join(tmpdir(), "instructcv-start-model-"));
afterAll(() => rm(root, { recursive: true }));
const folder = join(root, "folder");

/** A recipe without networks: they are the start's. */
async function read(init: string, resolution: number, options?: FetchOptions): Promise<TrainConfig> {
  const { model, ...recipe } = await tinyConfig();
  recipe.optimizer.train_text_encoder = false;
  recipe.loss.terminal_share = 0;
  const path = join(root, "recipe.yaml");
  await writeFile(path, stringify({ ...recipe, model: { init, resolution, inference: model.inference } }));
  return readConfig(path, options);
}

async function firstLoss(config: TrainConfig): Promise<number> {
  const store = tinyStore();
  const session = await createSession(config, store);
  return (await runUpdate(session, createLoader(store, config, session.tokenizer), 1, 1e-3)).loss;
}

describe("by its name on the hub", () => {
  const name = "someone/tiny";
  const commit = "c".repeat(40);
  const files = new Map<string, Buffer>();
  let hub: FakeHub;
  beforeAll(async () => {
    const { vae } = tinyAutoencoder(2);
    await writeTinyCheckpoint(folder, { vae: vae!, unet: { in_channels: 4, out_channels: 4 }, dtype: "F16" });
    for (const path of await readdir(folder, { recursive: true }))
      if ((await stat(join(folder, path))).isFile()) files.set(path, await readFile(join(folder, path)));
  });
  beforeEach(async () => {
    hub = await startFakeHub({ name, commit, files });
    for (const key of ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "HF_TOKEN"])
      vi.stubEnv(key, undefined);
    vi.stubEnv("HF_HUB_OFFLINE", undefined);
    vi.stubEnv("HF_ENDPOINT", hub.url);
    vi.stubEnv("HF_HOME", await mkdtemp(join(root, "home-")));
    vi.stubEnv("HF_HUB_CACHE", undefined);
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await hub.close();
  });

  test("a recipe is completed, pinned to the commit, and starts with the loss of the folder", async () => {
    const seen: DownloadProgress[] = [];
    const config = await read(name, 32, { onProgress: (progress) => seen.push(progress) });
    expect(seen.at(-1)).toMatchObject({ bytesDone: seen[0]!.bytesTotal });
    const pinned = await pinStart(config);
    expect(pinned.model.init).toBe(`${name}@${commit}`);
    const byPath = await read(folder, 32);
    expect(await pinStart(byPath)).toBe(byPath);
    expect(pinned.model).toEqual({ ...byPath.model, init: `${name}@${commit}` });
    hub.requests.length = 0;
    expect(await firstLoss(pinned)).toBe(await firstLoss(byPath));
    expect(hub.requests).toEqual([]);
  });

  test("a revision, and a recipe that has its networks, whose model is fetched when it is pinned", async () => {
    const byPath = await read(folder, 32);
    const whole = { ...byPath, model: { ...byPath.model, init: `${name}@v1.0` } };
    const { model } = await pinStart(whole);
    expect(model.init).toBe(`${name}@${commit}`);
    expect(hub.requests.some(({ path }) => path.includes("/revision/v1.0"))).toBe(true);
  });

  test("without a network the cache is all there is", async () => {
    vi.stubEnv("HF_HUB_OFFLINE", "1");
    await expect(read(name, 32)).rejects.toThrow(/someone\/tiny: .*HF_HUB_OFFLINE=0 instructcv download someone\/tiny/);
    vi.stubEnv("HF_HUB_OFFLINE", undefined);
    await read(name, 32);
    vi.stubEnv("HF_HUB_OFFLINE", "1");
    hub.requests.length = 0;
    expect(await firstLoss(await read(name, 32))).toBeGreaterThan(0);
    expect(hub.requests).toEqual([]);
  });

  test("the command fetches it, and the run keeps the name and no place of this machine", async () => {
    await writeTinyCorpus(join(root, "corpus"));
    const { data, duration: _, output, ...rest } = await read(folder, 32);
    const recipe = join(root, "whole.yaml");
    const model = { ...rest.model, init: name };
    const settings = { data: { ...data, corpus: join(root, "corpus") }, duration: { steps: 1 } };
    await writeFile(recipe, stringify({ ...rest, ...settings, output: { ...output, sample_every: null }, model }));
    const out = join(root, "run");
    const notes: string[] = [];
    const terminal = {
      out: () => {},
      note: (s: string) => notes.push(s),
      live: false,
      signal: new AbortController().signal,
    };
    expect(await runCli(["train", "--config", recipe, "--out", out], terminal), notes.join()).toBe(0);
    expect(hub.transfers("unet/diffusion_pytorch_model.safetensors")).toHaveLength(1);
    const saved = await readFile(join(out, "config.yaml"), "utf8");
    expect(saved).toContain(`init: ${name}@${commit}\n`);
    expect(saved.match(new RegExp(`${root}.*`, "g"))).toEqual([join(root, "corpus")]);
    expect(await readFile(join(out, "model/README.md"), "utf8")).toContain(`| ${name}@${commit} |`);
  });

  test("a path that is not there says what else can be given", async () => {
    const nowhere = join(root, "nowhere");
    await expect(read(nowhere, 32)).rejects.toThrow(/nowhere: does not exist\. .*name of a model on the hub/);
    await expect(read("runs/none", 32)).rejects.toThrow(/runs\/none: no such model at http.*, and no such folder here/);
    expect(hub.requests).toHaveLength(1);
  });
});

test("a single file in the original layout starts with the loss of its folder", async () => {
  const [wide, file] = [join(root, "ldm"), join(root, "model.safetensors")];
  const [vocab, merges] = await Promise.all(
    ["vocab.json", "merges.txt"].map((name) => readFile(join("models/clip-vocabulary", name), "utf8")),
  );
  await writeLdmFolder(wide, 4, {
    vocabulary: { vocab: JSON.parse(vocab!), merges: merges!.trim().split("\n").slice(1) },
    scheduler: { beta_start: 0.00085, beta_end: 0.012, beta_schedule: "scaled_linear", prediction_type: "epsilon" },
  });
  await writeLdmFile(wide, file);
  const [one, other] = [await read(file, 64), await read(wide, 64)];
  expect(one.model.unet).toEqual({ ...other.model.unet, sample_size: 64 });
  expect(one.model.vae).toEqual(other.model.vae);
  expect(await firstLoss(one)).toBe(await firstLoss(other));
});
