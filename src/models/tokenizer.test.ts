import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { smallestVocabulary, tokenizerFiles, trainBpe } from "./bpe-trainer.js";
import { byteLetters, cleanText, splitWords } from "./clip-text-split.js";
import { ClipTokenizer, longestText } from "./tokenizer.js";

const folder = "tests/goldens/tokenizer";
const readGolden = async (name: string) => JSON.parse(await readFile(join(folder, name), "utf8"));

/** Runs `body` in a folder with these files, removed afterwards. */
async function withFiles(files: Record<string, string>, body: (folder: string) => Promise<void>): Promise<void> {
  const path = await mkdtemp(join(tmpdir(), "tokenizer-"));
  try {
    for (const [name, text] of Object.entries(files)) await writeFile(join(path, name), text);
    await body(path);
  } finally {
    await rm(path, { recursive: true });
  }
}

describe("trainBpe", () => {
  it("learns the committed vocabulary, byte for byte, whatever the order of the texts", async () => {
    const { train } = (await readGolden("texts.json")) as { train: string[] };
    const files = tokenizerFiles(trainBpe(train, 700), 32);
    for (const name of ["vocab.json", "merges.txt", "tokenizer_config.json"]) {
      await expect(files[name]).toMatchFileSnapshot(join(process.cwd(), folder, name));
    }
    expect(tokenizerFiles(trainBpe([...train].reverse(), 700), 32)).toEqual(files);
  });

  it("joins the most frequent pair first and stops when every pair is rare", () => {
    const { vocab, merges } = trainBpe(["low low low lower", "slow"], 10_000);
    // "l o" is in five words, as is no other pair; then "lo w</w>" in four
    expect(merges).toEqual([
      ["l", "o"],
      ["lo", "w</w>"],
    ]);
    expect(Object.keys(vocab)).toHaveLength(smallestVocabulary + 2);
    expect(vocab["<|endoftext|>"]).toBe(smallestVocabulary + 1);
  });

  it("refuses a vocabulary smaller than the alphabet", () => {
    expect(() => trainBpe(["a"], 100)).toThrow(/at least 514/);
  });
});

describe("ClipTokenizer", () => {
  it("gives transformers' ids for every tricky string", async () => {
    const tokenizer = await ClipTokenizer.fromFiles(folder);
    const { maxLength, cases } = await readGolden("encoded.json");
    expect(tokenizer.maxLength).toBe(maxLength);
    for (const { text, ids, all } of cases) {
      expect(tokenizer.encode(text), JSON.stringify(text)).toEqual(ids);
      expect(tokenizer.tokenIds(text), JSON.stringify(text)).toEqual(all);
    }
  });

  it("numbers start, end and padding, and always ends a truncated text", async () => {
    const tokenizer = await ClipTokenizer.fromFiles(folder);
    const ids = tokenizer.encode("the ".repeat(60));
    expect(ids).toHaveLength(32);
    expect([ids[0], ids.at(-1)]).toEqual([tokenizer.startId, tokenizer.endId]);
    expect(tokenizer.padId).toBe(tokenizer.endId);
    expect(tokenizer.encode("")).toEqual([tokenizer.startId, ...Array(31).fill(tokenizer.endId)]);
  });

  it("refuses a text beyond the limit and takes one at the limit", async () => {
    const tokenizer = await ClipTokenizer.fromFiles(folder);
    expect(tokenizer.encode("a".repeat(longestText))).toHaveLength(32);
    expect(() => tokenizer.encode("a".repeat(longestText + 1))).toThrow(/10001 characters, at most 10000/);
  });

  it("reads tokenizer.json where vocab.json is absent, and the padding token of tokenizer_config.json", async () => {
    const { train } = (await readGolden("texts.json")) as { train: string[] };
    const model = trainBpe(train, 700);
    const expected = await ClipTokenizer.fromFiles(folder);
    const config = { model_max_length: 10, pad_token: { content: "!" } };
    const files = { "tokenizer.json": JSON.stringify({ model }), "tokenizer_config.json": JSON.stringify(config) };
    await withFiles(files, async (path) => {
      const tokenizer = await ClipTokenizer.fromFiles(path);
      expect(tokenizer.tokenIds("Segment the dog")).toEqual(expected.tokenIds("Segment the dog"));
      expect(tokenizer.encode("").slice(2)).toEqual(Array(8).fill(0));
    });
  });

  it.each([
    [{}, /has neither vocab.json nor tokenizer.json/],
    [{ "vocab.json": "{" }, /vocab.json is not a JSON object/],
    [{ "vocab.json": "{}" }, /merges.txt is missing/],
    [{ "vocab.json": '{"a": "b"}', "merges.txt": "" }, /token "a" must have an integer id/],
    [{ "vocab.json": "{}", "merges.txt": "a b c" }, /merge 1 must be two tokens, found "a b c"/],
    [{ "vocab.json": "{}", "merges.txt": "" }, /no token <\|startoftext\|>/],
    [{ "tokenizer.json": '{"model": {}}' }, /no byte-pair model/],
  ])("says what is wrong with the files %o", async (files, message) => {
    await withFiles(files, (path) => expect(ClipTokenizer.fromFiles(path)).rejects.toThrow(message));
  });
});

describe("splitting", () => {
  it("makes one space of many, composes and lowers", () => {
    expect(cleanText("A\u00a0\t B cafe\u0301")).toBe("a b café");
    expect(splitWords("Don't 12 go!?")).toEqual(["don", "'t", "1", "2", "go", "!?"]);
  });

  it("writes each byte as a letter of its own", () => {
    expect(new Set(byteLetters).size).toBe(256);
    expect([byteLetters[0x20], byteLetters[0x41], byteLetters[0xff]]).toEqual(["Ġ", "A", "ÿ"]);
  });
});
