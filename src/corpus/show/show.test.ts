import { createHash } from "node:crypto";
import { mkdtemp, rm, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { XMLParser } from "fast-xml-parser";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { oddCategory, type SmallRecord, smallRecords, writeCorpus } from "../../../tests/helpers/small-corpus.js";
import { readPicture } from "../../image/io.js";
import type { Picture } from "../../image/picture.js";
import { html } from "./html.js";
import { drawAnswer } from "./overlay.js";
import { showCorpus } from "./show.js";
import { patternOf, Statistics } from "./statistics.js";

let folder: string;
let page: string;
let records: SmallRecord[];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "show-"));
  records = await smallRecords();
  await writeCorpus(folder, records);
  page = await showCorpus(folder);
});
afterAll(() => rm(folder, { recursive: true }));

/** Visible text of the page. */
const textOf = (source: string) =>
  source
    .replace(/<style>.*?<\/style>/s, "")
    .replace(/<[^>]*>/g, " ")
    .replace(/\s+/g, " ");

describe("showCorpus", () => {
  it("asks for nothing from anywhere and runs nothing", () => {
    expect(page.match(/(?:src|href)="(?!data:image\/(?:png|jpeg);base64,)[^"]*"/g)).toBeNull();
    expect(page).not.toMatch(/url\(|@import|<link|https?:/);
    expect(page).toContain(`content="default-src 'none'; img-src data:; style-src 'unsafe-inline'"`);
  });

  it("cannot be marked up by what is in the data", async () => {
    expect(page).toContain("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;");
    expect(page).not.toContain("<script");
    expect(html`<b title="${oddCategory}">${"&'"}</b>`.text).toBe(
      `<b title="&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;">&amp;&#39;</b>`,
    );
    // Every element closes: a parser that knows no HTML reads it.
    const parser = new XMLParser({ unpairedTags: ["meta", "img"], stopNodes: ["*.style"] });
    expect(Object.keys(parser.parse(page.replace("<!doctype html>", "")).html)).toEqual(["head", "body"]);
  });

  it("counts what is in the split", () => {
    const text = textOf(page);
    expect(text).toContain("train: 28 records of 4 photos; val: 7 records of 1 photos");
    expect(text).toContain("segmentation 4 + 4 detection 4 + 4 depth 4 classification 4 + 4 present absent");
    expect(text).toMatch(/Wording of the sentences template 16 \(57%\) paraphrase 12 \(43%\)/);
    expect(text).toMatch(/Photos: dataset round 3 \(75%\) square 1 \(25%\)/);
    expect(text).toContain("Photos: longer side up to 128 px 4 (100%)");
    expect(text).toContain("Show * if it has the % 8 (29%)");
    expect(text).toContain("Square | things train 1 7 research only");
    expect(text).toContain("Skipped photos: 1 Photo Reason square/9 square/9.jpg: is empty (0 bytes).");
  });

  it("shows each sample as photo, target and decoded answer, with its facts", async () => {
    expect(page.match(/<article/g)).toHaveLength(28);
    expect(page.match(/<img [^>]*alt="[^"]+"/g)).toHaveLength(84);
    const stored = records[0]!.members.map(({ bytes }) => bytes.toString("base64"));
    expect(page).toContain(stored[1]);
    expect(page).toContain(stored[2]);
    const text = textOf(page);
    expect(text).toMatch(
      /Segment the cat photo target decoded present 9\d\d pixels, 14% of the photo; label 9\d\d pixels/,
    );
    expect(text).toMatch(/Segment the dog photo target decoded absent 0 pixels, 0% of the photo; label 0 pixels/);
    expect(text).toMatch(/Detect the cat photo target decoded present box \[[78], \d, 4[89], 3[67]\]; label 1/);
    expect(text).toMatch(/Detect the dog photo target decoded absent no box; label 0/);
    expect(text).toMatch(/depth of this image photo target decoded 0\.00 m \(yellow\) to 5\.7\d m \(violet\)/);
    expect(text).toContain("absent P(present) = 0.00; green = yes, red = no");
    expect(text).toContain("small/0, 96 x 72 px, template wording");
  });

  it("chooses samples by the seed, as many as asked for, of any split", async () => {
    const few = await showCorpus(folder, { samples: 2 });
    expect(few.match(/<article/g)).toHaveLength(8);
    const digest = (text: string) => createHash("sha256").update(text).digest("hex");
    expect(digest(await showCorpus(folder, { samples: 2 }))).toBe(digest(few));
    expect(digest(await showCorpus(folder, { samples: 2, seed: 1 }))).not.toBe(digest(few));
    expect((await showCorpus(folder, { split: "val" })).match(/<article/g)).toHaveLength(7);
    await expect(showCorpus(folder, { split: "test" })).rejects.toThrow(/no split "test"/);
  });

  it("shows a split without records", async () => {
    const empty = join(folder, "empty");
    await writeCorpus(
      empty,
      records.filter(({ split }) => split === "train"),
    );
    expect(textOf(await showCorpus(empty, { split: "val" }))).toContain("Below: the split val");
  });

  it("names a damaged shard", async () => {
    const damaged = join(folder, "damaged");
    await writeCorpus(damaged, records);
    await truncate(join(damaged, "train-000000.tar"), 40_000);
    await expect(showCorpus(damaged)).rejects.toThrow(/train-000000\.tar: damaged shard/);
  });
});

describe("Statistics", () => {
  it("counts a photo once and classes its size", () => {
    const statistics = new Statistics();
    const sizes = [
      [96, 72],
      [96, 72],
      [128, 128],
      [129, 300],
      [4000, 3000],
    ] as const;
    for (const [i, size] of sizes.entries()) {
      statistics.add({ ...records[i]!.record, photo: `p/${Math.max(1, i)}`, size });
    }
    expect(statistics.photoCount).toBe(4);
    expect([...statistics.sizes.values()]).toEqual([2, 0, 1, 0, 0, 1]);
    expect(Object.fromEntries(statistics.shapes)).toEqual({ landscape: 2, portrait: 1, square: 1 });
  });

  it("finds the template of a sentence by whole words", () => {
    const pattern = (instruction: string, category: string) => patternOf({ instruction, slots: { category } });
    expect(pattern("Locate the cat", "cat")).toBe("Locate the %");
    expect(pattern("Cat? Where is the cat?", "cat")).toBe("%? Where is the %?");
    expect(pattern("Find a t.v. (old)", "t.v. (old)")).toBe("Find a %");
    expect(pattern("Find the café", "caf")).toBe("Find the café");
  });
});

describe("drawAnswer", () => {
  const grey: Picture = { width: 40, height: 30, data: new Uint8Array(3600).fill(100) };
  const size = { width: 40, height: 30 };
  const pixel = ({ data }: Picture, x: number, y: number) => [...data.subarray(3 * (40 * y + x), 3 * (40 * y + x) + 3)];

  it("tints masks, outlines boxes, colours depths, frames answers", async () => {
    const mask = Uint8Array.from({ length: 1200 }, (_, i) => Number(i % 40 < 20));
    const common = { size, admissibility: 1 };
    const rle = { size: [30, 40], counts: "" } as const;
    const probability = new Float32Array(1200);
    const masked = drawAnswer(grey, { task: "segmentation", mask, rle, probability, area: 600, score: 1, ...common });
    expect([pixel(masked, 5, 5), pixel(masked, 30, 5)]).toEqual([
      [178, 82, 130],
      [55, 55, 55],
    ]);
    const boxes = [{ xyxy: [4, 4, 30, 20] as const, score: 1, label: "cat" }];
    const boxed = drawAnswer(grey, { task: "detection", boxes, ...common });
    expect([pixel(boxed, 4, 4), pixel(boxed, 10, 10)]).toEqual([
      [230, 159, 0],
      [100, 100, 100],
    ]);
    const metres = Float32Array.from({ length: 1200 }, (_, i) => 1 + (i % 40));
    const depth = drawAnswer(grey, { task: "depth", metres, min: 1, max: 40, ...common });
    expect([pixel(depth, 0, 0), pixel(depth, 39, 29)]).toEqual([
      [253, 231, 37],
      [68, 1, 84],
    ]);
    const yes = drawAnswer(grey, { task: "classification", present: true, probability: 1, ...common });
    expect([pixel(yes, 0, 0), pixel(yes, 20, 15)]).toEqual([
      [44, 122, 69],
      [100, 100, 100],
    ]);
    expect(pixel(grey, 0, 0)).toEqual([100, 100, 100]);
  });

  it("is in the page at the proportions of the photo", async () => {
    const urls = [...page.matchAll(/class="decoded" src="data:image\/jpeg;base64,([^"]+)"/g)];
    const picture = await readPicture(Buffer.from(urls[0]![1]!, "base64"));
    expect([picture.width, picture.height]).toEqual([320, 240]);
  });
});
