/**
 * Writes models/clip-vocabulary from OpenAI CLIP's merge list, which PyPI carries in the wheel of open_clip_torch:
 *
 *   pip download --no-deps open_clip_torch==3.3.0
 *   unzip open_clip_torch-3.3.0-py3-none-any.whl open_clip/bpe_simple_vocab_16e6.txt.gz
 *   node scripts/make-clip-vocabulary.mjs open_clip/bpe_simple_vocab_16e6.txt.gz
 */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";

/** github.com/openai/CLIP/blob/main/clip/bpe_simple_vocab_16e6.txt.gz */
const sha256 = "924691ac288e54409236115652ad4aa250f48203de50a9e4722a6ecd48d6804a";
/** The list has 262,144 merges; CLIP keeps those that leave 49,152 tokens without the two markers' places. */
const mergeCount = 49_152 - 256 - 2;
const markers = ["<|startoftext|>", "<|endoftext|>"];
const out = fileURLToPath(new URL("../models/clip-vocabulary/", import.meta.url));

const packed = readFileSync(process.argv[2]);
const found = createHash("sha256").update(packed).digest("hex");
if (found !== sha256) throw new Error(`${process.argv[2]}: expected sha256 ${sha256}, found ${found}`);
const merges = gunzipSync(packed)
  .toString("utf8")
  .split("\n")
  .slice(1, 1 + mergeCount);

const vocab = Object.fromEntries(tokens().map((token, id) => [token, id]));
const config = {
  tokenizer_class: "CLIPTokenizer",
  model_max_length: 77,
  do_lower_case: true,
  bos_token: markers[0],
  eos_token: markers[1],
  unk_token: markers[1],
  pad_token: markers[1],
};
mkdirSync(out, { recursive: true });
writeFileSync(`${out}vocab.json`, JSON.stringify(vocab));
writeFileSync(`${out}merges.txt`, `${["#version: 0.2", ...merges].join("\n")}\n`);
writeFileSync(`${out}tokenizer_config.json`, `${JSON.stringify(config, null, 2)}\n`);
console.log(`${Object.keys(vocab).length} tokens, ${merges.length} merges`);

/** In the order of their ids: 256 letters for bytes, the same ending a word, one token a merge, start and end of text. */
function tokens() {
  const printable = [...range(0x21, 0x7e), ...range(0xa1, 0xac), ...range(0xae, 0xff)];
  // The other 68 bytes are written as the letters from U+0100 on.
  const letters = String.fromCharCode(...printable, ...range(0x100, 0x143)).split("");
  return [
    ...letters,
    ...letters.map((letter) => `${letter}</w>`),
    ...merges.map((m) => m.replace(" ", "")),
    ...markers,
  ];
}

function range(first, last) {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}
