import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { placeOf } from "../datasets/registry.js";
import { readYaml } from "../yaml.js";
import { parseCorpusConfig, readCorpusConfig } from "./config.js";

const folder = resolve(import.meta.dirname, "../../configs");
const minimal = { name: "x", data: ".", datasets: [{ name: "a", reader: "coco", folder: ".", split: "train2017" }] };

test("every corpus file of the repository is valid, its readers know their options, and the manifest's copy builds the same", async () => {
  let found = 0;
  for (const name of await readdir(folder, { recursive: true })) {
    if (!name.endsWith(".yaml")) continue;
    if (!("datasets" in ((await readYaml(join(folder, name), { cure: "" })) as object))) continue;
    const config = await readCorpusConfig(join(folder, name));
    for (const { name, reader, options } of config.datasets) {
      placeOf(reader, { name, root: ".", split: "train" }, options);
    }
    expect(parseCorpusConfig(parse(stringify(config)), name)).toEqual(config);
    found++;
  }
  expect(found).toBeGreaterThanOrEqual(7);
});

test("what is left out has the stated default", () => {
  expect(parseCorpusConfig(minimal, "x")).toMatchObject({
    size: 128,
    seed: 0,
    val_share: 0.03,
    instructions: { mode: "rp", template_share: 0.3, bank: null },
    sampling: { min_area: 0.005, negatives: { segmentation: 0.2, detection: 0.2, classification: 1 } },
    box_outline: null,
    shards: { photos: 256, megabytes: 256 },
    max_skipped: 0.1,
  });
});

const wrong: [what: string, change: object, says: RegExp][] = [
  ["an unknown key", { sead: 1 }, /x\.yaml: .*sead/],
  ["a deep unknown key", { sampling: { negatives: { depth: 1 } } }, /sampling\.negatives: .*depth/],
  ["an unknown reader", { datasets: [{ ...minimal.datasets[0], reader: "kitti" }] }, /datasets\.0\.reader: .*coco/],
  ["an unknown task", { datasets: [{ ...minimal.datasets[0], tasks: ["normals"] }] }, /datasets\.0\.tasks\.0/],
  ["a name twice", { datasets: [minimal.datasets[0], minimal.datasets[0]] }, /two datasets are named a/],
  ["no dataset", { datasets: [] }, /datasets/],
  ["a size out of range", { size: 4096 }, /size/],
];
test.each(wrong)("%s is an error that names it", (_what, change, says) => {
  expect(() => parseCorpusConfig({ ...minimal, ...change }, "x.yaml")).toThrow(says);
});

test("an option that the reader does not know is named with its dataset", () => {
  const place = { name: "voc2012", root: ".", split: "train" };
  expect(() => placeOf("voc", place, { boxd: [] })).toThrow(/Dataset voc2012 \(voc\): options: .*boxd/);
});

test("one file may start from another", async () => {
  const dir = await mkdtemp(join(tmpdir(), "instructcv-config-"));
  await writeFile(join(dir, "base.yaml"), stringify({ ...minimal, sampling: { max_boxes: 3 } }));
  await writeFile(join(dir, "more.yaml"), "extends: base.yaml\nname: more\nsampling: { max_per_task: 2 }\n");
  const { name, sampling } = await readCorpusConfig(join(dir, "more.yaml"));
  expect([name, sampling.max_boxes, sampling.max_per_task]).toEqual(["more", 3, 2]);
  await rm(dir, { recursive: true });
});
