import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { tinyAutoencoder, writeTinyCheckpoint } from "../../tests/helpers/tiny-checkpoint.js";
import { EXIT } from "./exit.js";
import { runCli } from "./program.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "instructcv-cli-export-"));
  const defaults = { steps: 3, sampler: "euler-ancestral" as const };
  await writeTinyCheckpoint(join(folder, "tiny"), { ...tinyAutoencoder(3), resolution: 32, defaults });
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** `instructcv export ...`: its exit code and what it says. */
async function run(...args: string[]) {
  const [out, notes]: [string[], string[]] = [[], []];
  const signal = new AbortController().signal;
  const terminal = {
    out: (line: string) => out.push(line),
    note: (line: string) => notes.push(line),
    live: false,
    signal,
  };
  return { code: await runCli(["export", ...args], terminal), out, notes: notes.join("\n") };
}
const at = (name: string) => join(folder, name);

test("prints the folder, and says what is in it and that another sampler was meant", async () => {
  const { code, out, notes } = await run(at("tiny"), "--out", at("onnx"));
  expect([code, out]).toEqual([EXIT.done, [at("onnx")]]);
  expect(notes).toMatch(/unet\.onnx: [\d.]+ MB\n/);
  expect(notes).toContain("pictures of 32x32, 3 steps, 1 evaluation each");
  expect(notes).toContain("names the sampler euler-ancestral; the steps in bundle.json are DDIM's");
  expect((await readdir(at("onnx"))).sort()).toEqual(
    ["bundle.json", "text_encoder.onnx", "tokenizer", "unet.onnx", "vae_decoder.onnx", "vae_encoder.onnx"].sort(),
  );
});

test("options reach the bundle; with --json its content is all that is printed", async () => {
  const args = ["--size", "48x24", "--steps", "2", "--weights", "float16", "--json"];
  const { code, out, notes } = await run(at("tiny"), "--out", at("onnx"), ...args);
  expect([code, out.length, notes]).toEqual([EXIT.done, 1, ""]);
  const bundle = JSON.parse(out[0]!);
  expect(bundle).toMatchObject({ picture: { width: 48, height: 24 }, weights: "float16", steps: [{}, {}] });
  expect(bundle).toEqual(JSON.parse(await readFile(join(at("onnx"), "bundle.json"), "utf8")));
});

test.each([
  ["a size without a height", ["--size", "48"], /WIDTHxHEIGHT/],
  ["a size that cannot be halved", ["--size", "50x50"], /multiples of 8 pixels/],
  ["another format", ["--format", "tflite"], /onnx/],
  ["a folder of something else", ["--out", "."], /something else than a bundle/],
])("%s is wrong usage, and nothing is written", async (_, args, says) => {
  const { code, out, notes } = await run(at("tiny"), "--out", at("onnx"), ...args);
  expect([code, out]).toEqual([EXIT.usage, []]);
  expect(notes).toMatch(says);
  expect(await readdir(folder)).toEqual(["tiny"]);
});
