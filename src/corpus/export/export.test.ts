import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from "hyparquet";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { type SmallRecord, smallParts, smallRecords, writeCorpus } from "../../../tests/helpers/small-corpus.js";
import { exportCorpus } from "./export.js";

const goldens = resolve("tests/goldens/corpus");
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
let folder: string;
let corpus: string;
let exported: string;
let records: SmallRecord[];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "export-"));
  corpus = join(folder, "corpus");
  exported = join(folder, "export");
  records = await smallRecords();
  await writeCorpus(corpus, records);
  await exportCorpus(corpus, { out: exported, ...smallParts });
});
afterAll(() => rm(folder, { recursive: true }));

type Cell = { bytes: Uint8Array; path: string };
async function rowsOf(dir: string, split: string): Promise<Record<string, unknown>[]> {
  const files = (await readdir(join(dir, "data"))).filter((name) => name.startsWith(`${split}-`)).sort();
  const rows = [];
  for (const name of files) {
    const file = await asyncBufferFromFile(join(dir, "data", name));
    rows.push(...(await parquetReadObjects({ file, utf8: false })));
  }
  return rows;
}
async function hashes(dir: string): Promise<Record<string, string>> {
  const files = ["README.md", ...(await readdir(join(dir, "data"))).map((name) => `data/${name}`)];
  return Object.fromEntries(await Promise.all(files.map(async (f) => [f, sha256(await readFile(join(dir, f)))])));
}
const header = async (dir: string) => parse((await readFile(join(dir, "README.md"), "utf8")).split("---\n")[1]!);

describe("exportCorpus", () => {
  it("writes every record, bytes untouched, in order", async () => {
    for (const [split, name] of [
      ["train", "train"],
      ["val", "validation"],
    ] as const) {
      const expected = records.filter((small) => small.split === split);
      const rows = await rowsOf(exported, name);
      expect(rows).toHaveLength(expected.length);
      for (const [i, { record, members }] of expected.entries()) {
        const { input_image, edited_image, ...text } = rows[i] as Record<string, unknown> & Record<string, Cell>;
        const bytes = (suffix: string) => sha256(members.find((member) => member.suffix === suffix)!.bytes);
        expect(sha256(input_image!.bytes)).toBe(bytes("image.jpg"));
        expect(sha256(edited_image!.bytes)).toBe(bytes("target.png"));
        expect(input_image!.path).toBe(`${record.key}.image.jpg`);
        const { task, dataset, photo, instruction, slots } = record;
        expect(text).toEqual({ edit_prompt: instruction, task, category: slots.category, dataset, photo });
      }
    }
  });

  it("is what Hugging Face datasets and pyarrow read as pictures and strings", async () => {
    const golden = JSON.parse(await readFile(join(goldens, "hf-dataset.json"), "utf8"));
    expect(golden.features.input_image).toMatch(/^Image\(/);
    for (const [name, { rows, types }] of Object.entries<{ rows: number; types: Record<string, string> }>(
      golden.files,
    )) {
      const metadata = await parquetMetadataAsync(await asyncBufferFromFile(join(exported, "data", name)));
      expect(Number(metadata.num_rows)).toBe(rows);
      expect(types.edited_image).toBe("struct<bytes: binary, path: string>");
    }
    expect(Object.keys(golden.files)).toEqual((await readdir(join(exported, "data"))).sort());
    for (const [split, read] of Object.entries<Record<string, unknown>[]>(golden.splits)) {
      const ours = (await rowsOf(exported, split)).map((row) => {
        const cell = ({ bytes, path }: Cell) => ({ decoded: ["PIL", "RGB", 64, 64], path, sha256: sha256(bytes) });
        return {
          ...row,
          input_image: cell(row.input_image as Cell),
          edited_image: cell(row.edited_image as Cell),
        };
      });
      expect(ours).toEqual(read);
    }
  });

  it("keeps files and row groups small, and stores the photo of several records once", async () => {
    const files = (await readdir(join(exported, "data"))).filter((name) => name.startsWith("train"));
    expect(files.sort().at(-1)).toBe("train-00002-of-00003.parquet");
    let stored = 0;
    for (const name of files) {
      const file = await asyncBufferFromFile(join(exported, "data", name));
      expect(file.byteLength).toBeLessThan(smallParts.partBytes + 5000);
      const { row_groups, key_value_metadata } = await parquetMetadataAsync(file);
      expect(row_groups.length).toBeGreaterThan(1);
      for (const { total_byte_size } of row_groups) {
        expect(Number(total_byte_size)).toBeLessThan(smallParts.groupBytes + 2000);
      }
      stored += row_groups.reduce((sum, { columns }) => sum + Number(columns[0]!.meta_data!.total_compressed_size), 0);
      const { info } = JSON.parse(key_value_metadata!.find(({ key }) => key === "huggingface")!.value!);
      expect(info.features.edited_image).toEqual({ _type: "Image" });
    }
    const photos = records.filter(({ split }) => split === "train").map(({ members }) => members[1]!.bytes.length);
    expect(stored).toBeLessThan(0.6 * photos.reduce((sum, bytes) => sum + bytes, 0));
  });

  it("describes itself in a card", async () => {
    const { configs, dataset_info, license_details, task_categories } = await header(exported);
    expect(configs).toEqual([
      {
        config_name: "default",
        data_files: [
          { split: "train", path: "data/train-*" },
          { split: "validation", path: "data/validation-*" },
        ],
      },
    ]);
    expect(dataset_info.features).toContainEqual({ name: "input_image", dtype: "image" });
    expect(dataset_info.splits.map((split: { num_examples: number }) => split.num_examples)).toEqual([28, 7]);
    const sizes = await Promise.all(
      (await readdir(join(exported, "data"))).map(
        async (name) => (await readFile(join(exported, "data", name))).length,
      ),
    );
    expect(dataset_info.download_size).toBe(sizes.reduce((sum, size) => sum + size, 0));
    expect(license_details).toBe("round: CC0-1.0; square: research only");
    expect(task_categories).toContain("depth-estimation");
    const card = await readFile(join(exported, "README.md"), "utf8");
    expect(card).toContain("| train | 8 | 8 | 4 | 8 | 28 |");
    expect(card).toContain("| square | Square \\| things | train | 3 | research only |");
  });

  it("gives the same bytes again, and only the splits asked for", async () => {
    await exportCorpus(corpus, { out: join(folder, "again"), ...smallParts });
    expect(await hashes(join(folder, "again"))).toEqual(await hashes(exported));
    const seen: number[] = [];
    await exportCorpus(corpus, { out: join(folder, "val"), splits: ["val"] }, (done, total) => seen.push(done / total));
    expect(await readdir(join(folder, "val", "data"))).toEqual(["validation-00000-of-00001.parquet"]);
    expect((await header(join(folder, "val"))).configs[0].data_files).toHaveLength(1);
    expect(seen).toHaveLength(7);
    expect(seen.at(-1)).toBe(1);
  });

  it("leaves out a split without records", async () => {
    const train = join(folder, "only-train");
    await writeCorpus(
      train,
      records.filter(({ split }) => split === "train"),
    );
    const splits = await exportCorpus(train, { out: join(folder, "only-train-out") });
    expect(splits.map(({ name }) => name)).toEqual(["train"]);
    expect((await header(join(folder, "only-train-out"))).configs[0].data_files).toHaveLength(1);
  });

  it("leaves nothing after a failure or an abort, and nothing in the way untouched", async () => {
    const out = join(folder, "failed");
    const damaged = join(folder, "damaged");
    await writeCorpus(damaged, records);
    await truncate(join(damaged, "train-000001.tar"), 40_000);
    await expect(exportCorpus(damaged, { out, ...smallParts })).rejects.toThrow(/train-000001\.tar: damaged shard/);
    const controller = new AbortController();
    const stop = (done: number) => done === 9 && controller.abort();
    await expect(exportCorpus(corpus, { out, ...smallParts }, stop, controller.signal)).rejects.toThrow(/abort/i);
    await expect(exportCorpus(corpus, { out, splits: ["test"] })).rejects.toThrow(/no split "test"/);
    expect((await readdir(folder)).filter((name) => name.startsWith("failed"))).toEqual([]);
    await mkdir(out);
    await exportCorpus(corpus, { out, splits: ["val"] });
    await expect(exportCorpus(corpus, { out })).rejects.toThrow(/failed: the folder is not empty/);
    await writeFile(join(folder, "file"), "");
    await expect(exportCorpus(corpus, { out: join(folder, "file") })).rejects.toThrow(/file: is no folder/);
  });
});

describe("the shards themselves", () => {
  it("are what Python's webdataset reads", async () => {
    const golden = JSON.parse(await readFile(join(goldens, "webdataset.json"), "utf8"));
    const ours: Record<string, unknown[]> = { train: [], val: [] };
    for (const { split, record, members } of records) {
      const sums = members.map(({ suffix, bytes }) => [suffix, sha256(bytes)]);
      ours[split]!.push({ key: record.key, members: Object.fromEntries(sums) });
    }
    expect(golden.splits).toEqual(ours);
    for (const [file, read] of Object.entries(golden.files)) {
      expect(sha256(await readFile(join(corpus, file)))).toBe(read);
    }
    expect(golden.decoded).toEqual({
      key: "small_4_0",
      shapes: { "image.jpg": [64, 64, 3], "target.png": [64, 64, 3] },
    });
  });
});
