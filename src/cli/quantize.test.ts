/** `instructcv quantize` as typed. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { tinyAutoencoder, writeTinyCheckpoint } from "../../tests/helpers/tiny-checkpoint.js";
import { encodePng } from "../image/io.js";
import { runCli } from "./program.js";

const root = await mkdtemp(join(tmpdir(), "instructcv-quantize-cli-"));
afterAll(() => rm(root, { recursive: true }));
const model = join(root, "kl");
const photo = join(root, "photo.png");

beforeAll(async () => {
  await writeTinyCheckpoint(model, tinyAutoencoder(2));
  const data = Uint8Array.from({ length: 16 * 16 * 3 }, (_, i) => (i * 37) % 256);
  await writeFile(photo, await encodePng({ width: 16, height: 16, data }));
});

async function type(...args: string[]) {
  const lines = { out: [] as string[], note: [] as string[] };
  const terminal = {
    out: (line: string) => lines.out.push(line),
    note: (line: string) => lines.note.push(line),
    live: false,
    signal: new AbortController().signal,
  };
  const code = await runCli(["quantize", ...args], terminal);
  return { code, out: lines.out.join("\n"), note: lines.note.join("\n") };
}
const quick = ["--steps", "1", "--samples", "4", "--threads", "1", "--weight-bits", "7"];

test("options reach the library; the report shows both files and the losses", async () => {
  const sentence = ["-i", "Segment the cat", "-i", "Detect the dog"];
  const { code, out } = await type(model, "-p", photo, ...quick, ...sentence, "--autoencoder");
  expect(code).toBe(0);
  const found = out.split("\n").map((line) => line.replace(/-?\d+(\.\d+)?( MB)?$/, "N"));
  expect(found[0]).toMatch(/unet\/int8\.safetensors$/);
  expect(found[1]).toMatch(/^\d+ layers in int8 \(7-bit weights\), .* beside N$/);
  expect(found[2]).toMatch(/vae\/int8\.safetensors$/);
  // Eight 3x3 convolutions in the encoder's residual blocks, 12 in the decoder's, one resampler each.
  expect(found[3]).toMatch(/^22 layers in int8/);
  expect(found[4]).toBe("int8 against float, 4 drawings:");
  expect(found.slice(5).map((line) => line.trim().replace(/ {2,}/g, " | "))).toEqual([
    "predictions | relative error | N",
    "autoencoder, photos | PSNR, dB | N",
    "autoencoder, drawings | PSNR, dB | N",
    "drawings | PSNR, dB | N",
    "segmentation | IoU of the masks (2) | N",
    "detection | boxes in common (2) | N",
  ]);
});

test("--json prints one object; without --autoencoder the denoiser alone", async () => {
  const { out } = await type(model, "-p", photo, ...quick, "--json");
  const made = JSON.parse(out);
  expect(made).toMatchObject({ weightBits: 7, loss: { drawings: 4 } });
  expect(made).not.toHaveProperty("autoencoder");
  expect(made.loss).not.toHaveProperty("autoencoder");
});

test.each([
  { args: ["kl"], says: /required option '-p, --photos <paths\.\.\.>' not specified/ },
  { args: ["kl", "-p", join(root, "*.jpg")], says: /--photos: no photo found/ },
  { args: ["kl", "-p", "photo.png", "--weight-bits", "6"], says: /Allowed choices are 7, 8/ },
  { args: ["kl", "-p", "photo.png", "--samples", "0"], says: /--samples/ },
])("usage error: $args", async ({ args: [name, ...args], says }) => {
  const { code, note } = await type(join(root, name!), ...args);
  expect(note).toMatch(says);
  expect(code).toBe(2);
});
