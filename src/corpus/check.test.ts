import { mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { altered, type SmallRecord, smallRecords, writeCorpus } from "../../tests/helpers/small-corpus.js";
import { encodePng } from "../image/io.js";
import { encodeRle } from "../tasks/rle.js";
import { checkCorpus } from "./check.js";
import type { Manifest } from "./record.js";

let folder: string;
let records: SmallRecord[];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "check-"));
  records = await smallRecords();
});
afterAll(() => rm(folder, { recursive: true }));

async function problemsOf(name: string, changed: readonly SmallRecord[], more: Partial<Manifest> = {}) {
  await writeCorpus(join(folder, name), changed, more);
  return (await checkCorpus(join(folder, name))).problems;
}
const at = (key: string) => records.findIndex(({ record }) => record.key === key);
const without = (small: SmallRecord, suffix: string): SmallRecord => ({
  ...small,
  members: small.members.filter((member) => member.suffix !== suffix),
});

describe("checkCorpus", () => {
  it("finds nothing wrong with a sound corpus and says what its codecs lose", async () => {
    await writeCorpus(join(folder, "sound"), records);
    const seen: number[] = [];
    const report = await checkCorpus(join(folder, "sound"), {}, (done, total) => seen.push(done / total));
    expect(report.problems).toEqual([]);
    expect(report.records).toBe(35);
    expect(seen.at(-1)).toBe(1);
    const { segmentation, detection, depth, classification } = report.codec;
    expect(segmentation).toMatchObject({ measure: "iou", samples: 10, negatives: 5 });
    expect(segmentation!.value).toBeGreaterThan(0.96);
    expect(segmentation!.value).toBeLessThan(1);
    expect(detection!.value).toBeGreaterThan(0.9);
    expect(depth).toMatchObject({ measure: "mm", samples: 5, negatives: 0 });
    // 10 m in 255 steps, rounded: a quarter of a step on average.
    expect(depth!.value).toBeGreaterThan(5);
    expect(depth!.value).toBeLessThan(15);
    expect(classification).toMatchObject({ measure: "accuracy", value: 1, samples: 10 });
  });

  it("draws as many samples as asked for, by the seed", async () => {
    const dir = join(folder, "sound");
    const few = await checkCorpus(dir, { samples: 3 });
    expect(Object.values(few.codec).map(({ samples }) => samples)).toEqual([3, 3, 3, 3]);
    expect(await checkCorpus(dir, { samples: 3 })).toEqual(few);
    expect(await checkCorpus(dir, { samples: 3, seed: 1 })).not.toEqual(few);
  });

  it("decodes boxes in the manifest's style", async () => {
    const broad = await smallRecords(0.2);
    await writeCorpus(join(folder, "broad"), broad, { box_outline: 0.2 });
    const { problems, codec } = await checkCorpus(join(folder, "broad"));
    expect(problems).toEqual([]);
    expect(codec.detection!.value).toBeGreaterThan(0.85);
  });

  it("reports every damaged shard, and goes on with the others", async () => {
    const dir = join(folder, "damaged");
    const { splits } = await writeCorpus(dir, records);
    const [cut, flipped] = splits.train!.shards.map(({ file }) => join(dir, file));
    await truncate(cut!, splits.train!.shards[0]!.bytes - 30_000);
    const bytes = await readFile(flipped!);
    bytes[600]! ^= 1;
    await writeFile(flipped!, bytes);
    await rm(join(dir, splits.val!.shards[0]!.file));
    const { problems, records: read } = await checkCorpus(dir);
    expect(problems).toContainEqual(expect.stringMatching(/^train-000000\.tar: \d+ bytes, the manifest says \d+$/));
    expect(problems).toContainEqual(expect.stringMatching(/^train-000000\.tar: damaged: /));
    expect(problems).toContainEqual(expect.stringMatching(/^train-000000\.tar: \d+ records, the manifest says 14$/));
    expect(problems).toContain("train-000001.tar: its checksum is not the manifest's");
    expect(problems).toContain("val-000000.tar: missing");
    expect(read).toBeGreaterThan(14);
  });

  it("finds keys that come twice and photos in two splits", async () => {
    const twice = [...records.slice(0, 3), altered(records[1]!, { photo: "small/0" }), ...records.slice(3)];
    expect(await problemsOf("twice", twice)).toEqual(["train-000000.tar: record small_0_1: the key comes twice"]);
    const leaked = records.map((small, i) => (i === 30 ? altered(small, { photo: "small/1" }) : small));
    expect(await problemsOf("leaked", leaked)).toEqual([
      "val-000000.tar: record small_4_2: its photo small/1 is in train and in val",
    ]);
  });

  it("finds totals that are not true", async () => {
    const { splits } = await writeCorpus(join(folder, "totals"), records);
    const wrong = { ...splits, train: { ...splits.train!, records: 27, photos: 5 } };
    expect(await problemsOf("totals", records, { splits: wrong })).toEqual([
      "manifest.json: split train: 27 records, its shards have 28",
      "manifest.json: split train: 5 photos, its records show 4",
    ]);
  });

  it("finds records that lack what their task needs", async () => {
    const changed = [...records];
    const [mask, boxes, depth, present] = ["small_0_0", "small_0_2", "small_0_4", "small_0_5"].map(at);
    changed[mask!] = altered(records[mask!]!, { mask: encodeRle(new Uint8Array(12), { width: 4, height: 3 }) });
    changed[boxes!] = altered(records[boxes!]!, { boxes: undefined });
    changed[depth!] = without(records[depth!]!, "depth.png");
    changed[present!] = altered(records[present!]!, { present: undefined });
    changed[8] = without(records[8]!, "target.png");
    expect(await problemsOf("lacking", changed)).toEqual([
      "train-000000.tar: record small_0_0: mask: 4x3, but the photo is 96x72",
      expect.stringMatching(/record small_0_2: boxes: /),
      "train-000000.tar: record small_0_4: depth.png: missing",
      expect.stringMatching(/record small_0_5: present: /),
      "train-000000.tar: record small_1_1: target.png: missing",
    ]);
  });

  it("finds pictures of another size, that do not decode, and drawings that say the opposite", async () => {
    const changed = [...records];
    const replaced = (small: SmallRecord, suffix: string, bytes: Buffer): SmallRecord => ({
      ...small,
      members: small.members.map((member) => (member.suffix === suffix ? { suffix, bytes } : member)),
    });
    const small = await encodePng({ width: 8, height: 8, data: new Uint8Array(192) });
    const target = (key: string) => records[at(key)]!.members.find(({ suffix }) => suffix === "target.png")!.bytes;
    changed[0] = replaced(records[0]!, "target.png", small);
    changed[9] = replaced(records[9]!, "image.jpg", Buffer.from("no picture"));
    changed[at("small_0_1")] = replaced(records[at("small_0_1")]!, "target.png", target("small_0_0"));
    changed[at("small_0_6")] = replaced(records[at("small_0_6")]!, "target.png", target("small_0_5"));
    expect(await problemsOf("pictures", changed)).toEqual([
      "train-000000.tar: record small_0_0: target.png: 8x8, expected 64x64",
      expect.stringMatching(/record small_0_1: drawn mask of an absent thing: \d+ pixels$/),
      "train-000000.tar: record small_0_6: drawn as present, labelled otherwise",
      expect.stringMatching(/record small_1_2: image\.jpg: .*found text/),
    ]);
  });

  it("measures a wrong label as a loss", async () => {
    const shifted = records.map((small) => {
      const { boxes } = small.record;
      return boxes?.length
        ? altered(small, { boxes: boxes.map(([x1, y1, x2, y2]) => [x1 / 2, y1, x2 / 2, y2]) })
        : small;
    });
    await writeCorpus(join(folder, "shifted"), shifted);
    expect((await checkCorpus(join(folder, "shifted"))).codec.detection!.value).toBeLessThan(0.5);
    const missed = records.map((small) => {
      const { boxes } = small.record;
      return boxes?.length ? altered(small, { boxes: [...boxes, [0, 0, 10, 10]] }) : small;
    });
    await writeCorpus(join(folder, "missed"), missed);
    const { value } = (await checkCorpus(join(folder, "missed"))).codec.detection!;
    const whole = (await checkCorpus(join(folder, "sound"))).codec.detection!.value!;
    // 7 boxes in 5 pictures, then 5 more that nothing was drawn for.
    expect(value).toBeCloseTo((whole * 7) / 12, 6);
  });

  it("stops when asked to, and refuses what is no corpus", async () => {
    const controller = new AbortController();
    const stop = () => controller.abort();
    await expect(checkCorpus(join(folder, "sound"), {}, stop, controller.signal)).rejects.toThrow(/abort/i);
    await expect(checkCorpus(folder)).rejects.toThrow(/manifest\.json/);
  });
});
