import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type FakeHub, startFakeHub } from "../../tests/helpers/fake-hub.js";
import { runCli } from "./program.js";

const golden = JSON.parse(await readFile("tests/goldens/hub-cache.json", "utf8"));
const files = new Map(
  Object.entries(golden.files as Record<string, string>).map(([path, s]) => [path, Buffer.from(s)]),
);
const unet = "unet/diffusion_pytorch_model.safetensors";

let cache = "";
let hub: FakeHub;
beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), "instructcv-download-"));
  vi.stubEnv("HF_HUB_CACHE", cache);
  vi.stubEnv("HTTP_PROXY", undefined);
  vi.stubEnv("http_proxy", undefined);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await hub.close();
  await rm(cache, { recursive: true });
});

async function start(behave?: Parameters<typeof startFakeHub>[1]): Promise<void> {
  hub = await startFakeHub({ ...golden, files }, behave);
  vi.stubEnv("HF_ENDPOINT", hub.url);
}

async function run(args: readonly string[], signal = new AbortController().signal) {
  const out: string[] = [];
  const notes: string[] = [];
  const terminal = { out: (s: string) => out.push(s), note: (s: string) => notes.push(s), live: false, signal };
  return { code: await runCli(["download", ...args], terminal), out, notes: notes.join("\n") };
}

test("prints the folder, and nothing else on stdout", async () => {
  await start();
  const folder = join(cache, "models--someone--fixed", "snapshots", golden.commit);
  expect(await run([golden.name, "--revision", "v1.0"])).toEqual({ code: 0, out: [folder], notes: "" });
  expect(await readdir(join(cache, "models--someone--fixed", "refs"))).toEqual(["v1.0"]);
});

test("one line for what goes wrong", async () => {
  await start();
  const missing = await run(["someone/else"]);
  expect(missing).toMatchObject({
    code: 1,
    out: [],
    notes: expect.stringMatching(/^error: someone\/else: no such model.*$/),
  });
  expect(await run([golden.name, "--variant", "fp16"])).toMatchObject({
    code: 1,
    notes: expect.stringContaining("has no fp16 weights"),
  });
  expect(await run([golden.name, "--variant", "int8"])).toMatchObject({ code: 2, out: [] });
});

test("Ctrl-C stops at once and keeps what has arrived", async () => {
  const stop = new AbortController();
  await start((_, file) => {
    if (file === unet) setTimeout(() => stop.abort(), 150);
    return file === unet ? { rate: 100 } : undefined;
  });
  expect(await run([golden.name], stop.signal)).toEqual({ code: 130, out: [], notes: "stopped" });
  const blobs = await readdir(join(cache, "models--someone--fixed", "blobs"));
  expect(blobs.filter((name) => name.endsWith(".incomplete"))).toHaveLength(1);
});

test("the help names sizes, the cache and the environment", async () => {
  await start();
  const help = (await run(["--help"])).out.join("\n");
  for (const part of [
    "about 4 GB",
    "~/.cache/huggingface/hub",
    "HF_HUB_CACHE",
    "HF_TOKEN",
    "HF_HUB_OFFLINE",
    "HTTPS_PROXY",
  ])
    expect(help).toContain(part);
});
