import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import { writeTinyCorpus } from "../../../tests/helpers/tiny-corpus.js";
import { tinyConfig } from "../../../tests/helpers/tiny-training.js";
import { readCheckpoint } from "../../checkpoints/folder.js";
import { parseConfig, type TrainConfig } from "../config.js";
import { type Metrics, readMetrics } from "../log.js";
import { train } from "../run.js";
import { readRunInfo } from "../run-info.js";
import { writeCard } from "./write.js";

let folder: string;
let run: string;
let config: TrainConfig;
let card: string;
let header: Record<string, unknown>;
let last: Metrics;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "instructcv-card-"));
  run = join(folder, "run");
  const corpus = join(folder, "corpus");
  await writeTinyCorpus(corpus);
  const manifest = JSON.parse(await readFile(join(corpus, "manifest.json"), "utf8"));
  manifest.datasets = [
    {
      name: "odd",
      title: "<script>alert(1)</script> | [x](y)",
      licence: "CC BY 4.0\n# no heading",
      split: "train",
      photos: 6,
    },
  ];
  await writeFile(join(corpus, "manifest.json"), JSON.stringify(manifest));
  const recipe = await tinyConfig();
  const output = { ...recipe.output, log_every: 2, sample_every: 4, license: "apache-2.0" };
  const name = "tiny: <img src=x> *model*";
  config = parseConfig({ ...recipe, name, data: { ...recipe.data, corpus }, duration: { steps: 6 }, output }, "recipe");
  await train(config, { out: run, onProgress: () => {} });
  card = await readFile(join(run, "model/README.md"), "utf8");
  header = parse(card.split("---\n")[1]!);
  last = (await readMetrics(run)).at(-1)!;
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The second cell of the row that starts with `what`. */
function row(what: string, text = card): string | undefined {
  const line = text.split("\n").find((one) => one.startsWith(`| ${what} |`));
  return line?.split(" | ")[1]?.replace(/ \|$/, "");
}

test("the header is the hub's, with the recipe's licence", () => {
  expect(header).toEqual({
    license: "apache-2.0",
    library_name: "instructcv",
    pipeline_tag: "image-to-image",
    tags: [
      "instructcv",
      "instruct-pix2pix",
      "image-segmentation",
      "object-detection",
      "depth-estimation",
      "image-classification",
    ],
    language: ["en"],
  });
});

test("numbers are the run's", async () => {
  const { optimizer, output } = config;
  const [start] = (await readRunInfo(run))!.starts;
  expect(row("updates")).toBe("6");
  expect(row("samples")).toBe(`${6 * optimizer.batch * optimizer.accumulate} (batch 4 x 2), for each process`);
  expect(row("time")).toBe(`${last.minutes.toFixed(1)} minutes of training`);
  expect(row("loss, weighted total")).toBe(`${Number(last.loss.toPrecision(4))}`);
  expect(row("loss, depth")).toBe(`${Number(last.losses.depth!.toPrecision(4))}`);
  expect(card).toContain(`Validation at update 6, at most ${output.val_records} records of val`);
  expect(row("mask IoU")).toBe(`${Number(last.validation!.segmentationIou!.toPrecision(4))}`);
  expect(row("program")).toContain(`libtorch ${start!.versions.libtorch}`);
  expect(row("code")).toBe(
    start!.git
      ? `commit ${start!.git.commit}${start!.git.dirty ? ", with changes that are not committed" : ""}`
      : "no git repository",
  );
  expect(row("trained on")).toBe("train");
  expect(card).toContain("| trained on | train | 6 | 42 |");
  const { unet } = await readCheckpoint(join(run, "model"));
  const weights = [...unet.weights.entries.values()].reduce(
    (sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1),
    0,
  );
  expect(row("denoiser")).toBe(`UNet2DConditionModel, 16/32 channels, ${weights} parameters`);
  expect(card).not.toMatch(/undefined|NaN|\[object/);
});

test("what comes from outside stays text; no path of the machine", () => {
  expect(card).toContain("# tiny: \\<img src=x\\> \\*model\\*\n");
  expect(card).toContain("| \\<script\\>alert(1)\\</script\\> \\| \\[x\\](y) | train | 6 | CC BY 4.0 # no heading |");
  expect(card).not.toMatch(/(^|[^\\])<(script|img)/m);
  expect(card).not.toContain(folder);
});

test("the loss curve lies beside, and is the run's", async () => {
  expect(card).toContain("![losses by step](loss.svg)");
  expect(await readFile(join(run, "model/loss.svg"))).toEqual(await readFile(join(run, "loss.svg")));
});

test("diffusers' code where it opens, what opens where it does not", async () => {
  expect(card).toContain("The whole does not open in diffusers");
  expect(card).not.toContain("from_pretrained");
  const vae = { _class_name: "AutoencoderKL" as const, block_out_channels: [8, 8], latent_channels: 4 };
  await writeCard(join(run, "model"), run, {
    ...config,
    model: { ...config.model, vae: { ...config.model.vae, ...vae } as never },
  });
  const latent = await readFile(join(run, "model/README.md"), "utf8");
  expect(latent).toContain('StableDiffusionInstructPix2PixPipeline.from_pretrained("path/to/this/folder")');
  expect(row("autoencoder", latent)).toMatch(/^AutoencoderKL, 2 pixels a latent position, 4 channels/);
});

test("what is gone is left out, and the card is written all the same", async () => {
  const gone = {
    ...config,
    data: { ...config.data, corpus: join(folder, "gone") },
    output: { ...config.output, license: null },
  };
  const empty = join(folder, "empty");
  await rm(join(run, "model/loss.svg"));
  await writeCard(join(run, "model"), empty, gone);
  const bare = await readFile(join(run, "model/README.md"), "utf8");
  expect(bare).toContain("license: other");
  expect(bare).toContain("The corpus was not there any more");
  expect(bare).toContain("The run has logged nothing.");
  expect(bare).not.toMatch(/loss\.svg|undefined|NaN/);
});

test("a licence that is no identifier is an error of the recipe", () => {
  const wrong = { ...config, output: { ...config.output, license: "MIT licence" } };
  expect(() => parseConfig(wrong, "recipe.yaml")).toThrow(/output\.license: expected an identifier such as mit/);
});
