import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { readCorpusConfig } from "../corpus/config.js";
import { readYaml } from "../yaml.js";
import { parseConfig, readConfig } from "./config.js";

const folder = resolve(import.meta.dirname, "../../configs");
const tiny = async () => parse(await readFile(join(folder, "tiny.yaml"), "utf8"));

test("every recipe of the repository is valid and survives being saved with a run", async () => {
  const names = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith(".yaml"));
  expect(names).toEqual(expect.arrayContaining(["nano.yaml", "claims/one.yaml"]));
  for (const name of names) {
    const path = join(folder, name);
    if ("datasets" in ((await readYaml(path, { cure: "" })) as object)) {
      await readCorpusConfig(path); // what a corpus is made of
      continue;
    }
    const config = await readConfig(path);
    expect(parseConfig(parse(stringify(config)), name)).toEqual(config);
  }
});

test("an unknown key is an error that names it, at every depth", async () => {
  const top = { ...(await tiny()), sede: 1 };
  expect(() => parseConfig(top, "x.yaml")).toThrow(/x\.yaml: .*sede/);
  const deep = await tiny();
  deep.data.jitter.hue = 0.1;
  expect(() => parseConfig(deep, "x.yaml")).toThrow(/data\.jitter: .*hue/);
  const model = await tiny();
  model.model.unet.block_channels = [1];
  expect(() => parseConfig(model, "x.yaml")).toThrow(/model\.unet\.block_channels: unknown key/);
});

test.each([
  ["unet.in_channels", (c: Recipe) => (c.model.unet.in_channels = 8), /in_channels: expected 96 .* found 8/],
  ["cross attention", (c: Recipe) => (c.model.unet.cross_attention_dim = 8), /cross_attention_dim: expected 16/],
  ["resolution", (c: Recipe) => (c.model.resolution = 30), /resolution: expected a multiple of 8/],
  ["dropout", (c: Recipe) => (c.loss.dropout.text = 0.95), /the three shares exceed 1/],
  ["epsilon", (c: Recipe) => (c.model.scheduler.prediction_type = "epsilon"), /zero terminal SNR cannot be learned/],
  ["crop", (c: Recipe) => (c.data.crop.depth.scale = [1, 0.5]), /crop\.depth\.scale: low end first/],
])("a contradiction is an error: %s", async (_, change, message) => {
  const config = await tiny();
  change(config);
  expect(() => parseConfig(config, "x.yaml")).toThrow(message);
});

interface Recipe {
  model: { resolution: number; unet: Record<string, unknown>; scheduler: Record<string, unknown> };
  loss: { dropout: { text: number } };
  data: { crop: { depth: { scale: [number, number] } } };
}

test("min-SNR with sample prediction at zero SNR is refused", async () => {
  const config = await tiny();
  config.model.scheduler.prediction_type = "sample";
  config.loss.min_snr_gamma = 5;
  expect(() => parseConfig(config, "x.yaml")).toThrow(/min-SNR gives sample prediction the weight 0/);
});

test("a missing file and broken YAML are one-line errors", async () => {
  await expect(readConfig("no/such.yaml")).rejects.toThrow(/^no\/such\.yaml: no such file\./);
  const broken = join(folder, "../package-lock.json");
  await expect(readConfig(broken)).rejects.toThrow(/package-lock\.json: /);
});

test("a recipe extends another one, key by key", async () => {
  const [nano, first] = await Promise.all(
    ["nano.yaml", "nano-recognition.yaml"].map((name) => readConfig(join(folder, name))),
  );
  // nano-recognition.yaml changes nano-64.yaml, which changes nano.yaml.
  const { crop } = nano!.data;
  const wide = (low: number) => ({ scale: [low, 1], aspect: [0.7, 1.43] });
  expect(first).toEqual({
    ...nano!,
    name: "nano-recognition",
    model: { ...nano!.model, init: null, resolution: 64, unet: { ...nano!.model.unet, sample_size: 16 } },
    data: {
      ...nano!.data,
      pairs: 0.35,
      crop: { ...crop, segmentation: wide(0.35), detection: wide(0.4), classification: wide(0.35) },
      jitter: { brightness: 0.35, contrast: 0.35, saturation: 0.5 },
    },
    loss: { ...nano!.loss, auxiliary: { ...nano!.loss.auxiliary, presence: 0.2, photos: 128 } },
    optimizer: { ...nano!.optimizer, lr: 0.001, final_share: 0.2, batch: 8 },
    duration: first!.duration,
  });
  const scratch = await mkdtemp(join(tmpdir(), "instructcv-config-"));
  try {
    await writeFile(
      join(scratch, "steps.yaml"),
      `extends: ${join("..", relative(tmpdir(), folder), "tiny.yaml")}\nduration: { minutes: 3 }\n`,
    );
    expect((await readConfig(join(scratch, "steps.yaml"))).duration).toEqual({ minutes: 3 });
    await writeFile(join(scratch, "a.yaml"), "extends: b.yaml\n");
    await writeFile(join(scratch, "b.yaml"), "extends: a.yaml\n");
    await expect(readConfig(join(scratch, "a.yaml"))).rejects.toThrow(/circle of recipes/);
    await writeFile(join(scratch, "lost.yaml"), "extends: nowhere.yaml\n");
    await expect(readConfig(join(scratch, "lost.yaml"))).rejects.toThrow(/nowhere\.yaml: no such file/);
  } finally {
    await rm(scratch, { recursive: true });
  }
});
