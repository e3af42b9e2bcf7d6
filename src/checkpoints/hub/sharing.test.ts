/** One cache for everybody: Python's huggingface_hub, other processes; and the way to the hub through a proxy. */
import { spawn } from "node:child_process";
import { lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { build } from "esbuild";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Behave, type FakeHub, startFakeHub } from "../../../tests/helpers/fake-hub.js";
import { resolveModel } from "./resolve.js";

interface Golden {
  readonly name: string;
  readonly commit: string;
  readonly files: Readonly<Record<string, string>>;
  /** What Python made of them: links and files. */
  readonly cache: Readonly<Record<string, { link?: string; file?: string }>>;
}
const golden: Golden = JSON.parse(await readFile("tests/goldens/hub-cache.json", "utf8"));
const files = new Map(Object.entries(golden.files).map(([path, text]) => [path, Buffer.from(text)]));

let cache = "";
let hub: FakeHub | undefined;
beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), "instructcv-shared-"));
  for (const key of ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "HF_TOKEN"])
    vi.stubEnv(key, undefined);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await hub?.close();
  hub = undefined;
  await rm(cache, { recursive: true });
});
const start = async (behave?: Behave) => {
  hub = await startFakeHub({ ...golden, files }, behave);
  return hub.url;
};

async function listing(): Promise<Golden["cache"]> {
  const found: Record<string, { link?: string; file?: string }> = {};
  for (const path of (await readdir(cache, { recursive: true })).sort()) {
    const info = await lstat(join(cache, path));
    if (info.isSymbolicLink()) found[path] = { link: await readlink(join(cache, path)) };
    else if (info.isFile()) found[path] = { file: await readFile(join(cache, path), "utf8") };
  }
  return found;
}

test("the cache is, link by link and byte by byte, the one Python makes", async () => {
  await resolveModel(golden.name, { cache, endpoint: await start() });
  expect(await listing()).toEqual(golden.cache);
});

test("a model that Python fetched is found, without network and without a word", async () => {
  for (const [path, { link, file }] of Object.entries(golden.cache)) {
    await mkdir(join(cache, dirname(path)), { recursive: true });
    if (link !== undefined) await symlink(link, join(cache, path));
    else await writeFile(join(cache, path), file!);
  }
  const folder = join(cache, "models--someone--fixed", "snapshots", golden.commit);
  expect(await resolveModel(golden.name, { cache, offline: true })).toBe(folder);
  const endpoint = await start();
  expect(await resolveModel(golden.name, { cache, endpoint })).toBe(folder);
  expect(hub!.requests.some(({ sent }) => sent > 0)).toBe(false);
  expect(await listing()).toEqual(golden.cache);
});

test("two processes at once: both have it, each file is fetched once", async () => {
  const slow = "unet/diffusion_pytorch_model.safetensors";
  const endpoint = await start((_, file) => (file === slow ? { rate: 100 } : undefined));
  const script = join(cache, "resolve.mjs");
  await build({
    stdin: {
      contents: `import { resolveModel } from "./src/checkpoints/hub/resolve.ts";
        console.log(await resolveModel(...process.argv.slice(2, 3), { cache: process.argv[3], endpoint: process.argv[4] }));`,
      resolveDir: process.cwd(),
    },
    outfile: script,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  });
  const run = () =>
    new Promise<string>((done) => {
      const child = spawn(process.execPath, [script, golden.name, join(cache, "hub"), endpoint]);
      let said = "";
      for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (said += text));
      child.on("close", (code) => done(`${code} ${said.trim()}`));
    });
  const folder = join(cache, "hub", "models--someone--fixed", "snapshots", golden.commit);
  expect(await Promise.all([run(), run()])).toEqual([`0 ${folder}`, `0 ${folder}`]);
  for (const path of files.keys()) expect([path, hub!.transfers(path).length]).toEqual([path, 1]);
});

test("through the proxy of the environment, except where NO_PROXY says not to", async () => {
  const endpoint = await start();
  const tunnels: string[] = [];
  const proxy = createServer().on("connect", (request, socket) => {
    tunnels.push(request.url!);
    const [host, port] = request.url!.split(":");
    const out = connect(Number(port), host, () => socket.write("HTTP/1.1 200 OK\r\n\r\n"));
    out.pipe(socket).pipe(out);
    for (const end of [out, socket]) end.on("error", () => {});
  });
  await new Promise<void>((done) => proxy.listen(0, "127.0.0.1", done));
  vi.stubEnv("HTTP_PROXY", `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`);
  const warnings = vi.spyOn(process, "emitWarning");
  await resolveModel(golden.name, { cache: join(cache, "one"), endpoint });
  const requests = hub!.requests.length;
  expect(new Set(tunnels)).toContain(endpoint.slice("http://".length));
  expect(new Set(tunnels).size).toBe(2);
  tunnels.length = 0;
  vi.stubEnv("NO_PROXY", "127.0.0.1");
  await resolveModel(golden.name, { cache: join(cache, "two"), endpoint });
  expect(tunnels).toEqual([]);
  expect(hub!.requests.length).toBe(2 * requests);
  expect(warnings).not.toHaveBeenCalled();
  proxy.close();
});
