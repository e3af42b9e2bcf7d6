import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { ClipTokenizer } from "./tokenizer.js";

const tokenizer = await ClipTokenizer.fromFiles(resolve(import.meta.dirname, "../../models/clip-vocabulary"));

interface Golden {
  maxLength: number;
  cases: { text: string; ids: number[]; all: number[] }[];
}

test("a known sentence has the ids that Stable Diffusion knows it by", () => {
  expect(tokenizer.vocabSize).toBe(49_408);
  const ids = [49406, 320, 1125, 539, 320, 2368];
  expect(tokenizer.encode("a photo of a cat")).toEqual([...ids, ...Array(71).fill(49407)]);
});

test("a thousand strings have transformers' ids: scripts, emoji, controls, odd space, markers, texts near the limit", () => {
  const packed = readFileSync(new URL("../../tests/goldens/tokenizer/clip.json.gz", import.meta.url));
  const { maxLength, cases }: Golden = JSON.parse(gunzipSync(packed).toString("utf8"));
  expect(tokenizer.maxLength).toBe(maxLength);
  expect(new Set(cases.map(({ text }) => text)).size).toBe(1000);
  const differs = cases.filter(({ text, ids, all }) => {
    return `${tokenizer.encode(text)}` !== `${ids}` || `${tokenizer.tokenIds(text)}` !== `${all}`;
  });
  expect(differs.map(({ text }) => JSON.stringify(text))).toEqual([]);
});
