/** Every floor of the house on real photos: build a corpus, train a model on it, measure it, ask it. */
import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { parseAnswers, reportSchema } from "./helpers/contract.js";
import { runCli } from "./helpers/run-cli.js";

const repository = resolve(import.meta.dirname, "..");
const data = resolve(repository, "../shared/data");
let cwd: string;

beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), "instructcv-house-"));
  await copyFile(join(repository, "examples/dog.jpg"), join(cwd, "dog.jpg"));
});
afterAll(() => rm(cwd, { recursive: true, force: true }));

async function succeed(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runCli(args, { cwd });
  expect(code, stderr).toBe(0);
  return stdout;
}

/** The recipe of the small model, shrunk until a few steps take seconds. */
async function writeRecipe(): Promise<void> {
  const recipe = parse(await readFile(join(repository, "configs/nano.yaml"), "utf8"));
  Object.assign(recipe.model, { init: null, resolution: 32, vocab_size: 600 });
  Object.assign(recipe.model.unet, {
    sample_size: 8,
    block_out_channels: [16, 32],
    down_block_types: ["DownBlock2D", "CrossAttnDownBlock2D"],
    up_block_types: ["CrossAttnUpBlock2D", "UpBlock2D"],
    attention_head_dim: 2,
    norm_num_groups: 8,
  });
  recipe.data.corpus = "corpus";
  recipe.optimizer.batch = 4;
  recipe.duration = { steps: 3 };
  Object.assign(recipe.output, { log_every: 1, sample_every: 3, val_records: 4 });
  await writeFile(join(cwd, "tiny.yaml"), stringify(recipe));
}

/** 60 photos of the pool, of every dataset some. */
async function writePool(): Promise<void> {
  const pool = parse(await readFile(join(repository, "configs/mini.yaml"), "utf8"));
  pool.data = data;
  pool.shards = { photos: 25 };
  await writeFile(join(cwd, "pool.yaml"), stringify(pool));
}

test("corpus, train, eval and run follow one another", async () => {
  await writePool();
  await succeed("data", "build", "pool.yaml", "--out", "corpus", "--size", "32", "--limit", "12");
  const check = JSON.parse(await succeed("data", "check", "corpus", "--json"));
  expect(check).toMatchObject({ ok: true, codec: { classification: { accuracy: 1 } } });
  expect(check.codec.segmentation.iou).toBeGreaterThan(0.8);
  expect(check.codec.detection.iou).toBeGreaterThan(0.8);
  expect(check.codec.depth.mm).toBeLessThan(20);
  expect(await succeed("data", "show", "corpus")).toContain("corpus.html");
  await writeRecipe();
  const model = (await succeed("train", "--config", "tiny.yaml")).trim();
  expect(model).toBe(join("runs", "nano", "model"));
  const losses = (await readFile(join(cwd, "runs/nano/metrics.jsonl"), "utf8")).trim().split("\n");
  expect(losses).toHaveLength(3);

  const measure = ["eval", "--data", data, "--model", model, "--limit", "1", "--wording", "unseen"];
  const report = reportSchema.parse(JSON.parse(await succeed(...measure, "--json")));
  expect(report.model).toBe(model);
  expect(new Set(report.rows.map(({ task }) => task))).toEqual(
    new Set(["segmentation", "detection", "depth", "classification"]),
  );
  expect(await succeed(...measure, "--dataset", "nyuv2")).toMatch(/nyuv2 +depth +RMSE/);

  const [answer] = parseAnswers(await succeed("run", "dog.jpg", "Segment the dog", "--model", model, "--json"));
  expect(answer).toMatchObject({ task: "segmentation", category: "dog", model });
}, 900_000);
