import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  type Behave,
  type FakeHub,
  type FakeRepo,
  gitSha1,
  sha256,
  startFakeHub,
} from "../../../tests/helpers/fake-hub.js";
import { writeTinyCheckpoint } from "../../../tests/helpers/tiny-checkpoint.js";
import { readCheckpoint } from "../folder.js";
import { type ResolveOptions, resolveModel } from "./resolve.js";
import type { DownloadProgress } from "./snapshot.js";

const name = "someone/tiny";
const commit = "c".repeat(40);
const unet = "unet/diffusion_pytorch_model.safetensors";
let root = "";
let files: Map<string, Buffer>;
let hub: FakeHub | undefined;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "instructcv-hub-"));
  for (const key of ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "HF_TOKEN"])
    vi.stubEnv(key, undefined);
  vi.stubEnv("HF_HOME", join(root, "home"));
  await writeTinyCheckpoint(join(root, "source"));
  files = new Map();
  for (const path of await readdir(join(root, "source"), { recursive: true }))
    if ((await lstat(join(root, "source", path))).isFile()) files.set(path, await readFile(join(root, "source", path)));
  const extras = ["README.md", "safety_checker/model.safetensors", "unet/diffusion_pytorch_model.bin", "v1.ckpt"];
  for (const path of extras) files.set(path, Buffer.from(path));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await hub?.close();
  hub = undefined;
  await rm(root, { recursive: true });
});

async function start(behave?: Behave, repo: Partial<FakeRepo> = {}): Promise<FakeHub> {
  hub = await startFakeHub({ name, commit, files, ...repo }, behave);
  return hub;
}

const fast = { attempts: 4, delay: 1 };
const resolveHere = (text = name, options: ResolveOptions = {}) =>
  resolveModel(text, { cache: join(root, "cache"), endpoint: hub!.url, patience: fast, ...options });
const failureOf = async (work: Promise<unknown>): Promise<Error> =>
  work.then(
    () => expect.fail("no error"),
    (e) => e,
  );
const cached = (...path: string[]) => join(root, "cache", "models--someone--tiny", ...path);

describe("what is given", () => {
  test("an existing folder or file, as an absolute path, without asking anybody", async () => {
    await start();
    expect(await resolveHere("models/nano")).toBe(join(process.cwd(), "models/nano"));
    expect(await resolveHere("package.json")).toBe(join(process.cwd(), "package.json"));
    expect(hub!.requests).toEqual([]);
  });

  test("what is neither a path nor a name", async () => {
    await start();
    const error = await failureOf(resolveHere("./none"));
    expect(error).toMatchObject({
      name: "InstructCvError",
      code: "checkpoint",
      message: /none: does not exist\. .*owner\/name/,
    });
    await expect(resolveHere("a/b@../../etc")).rejects.toThrow(/not the name of a revision/);
    await expect(resolveHere("a/b@x", { revision: "y" })).rejects.toThrow(/revision y is asked for too/);
  });
});

describe("a good hub", () => {
  test("fetches what a checkpoint needs and nothing else, in Python's layout; the folder opens", async () => {
    await start();
    const seen: DownloadProgress[] = [];
    const folder = await resolveHere(name, { onProgress: (progress) => seen.push(progress) });
    expect(folder).toBe(cached("snapshots", commit));
    expect(await readFile(cached("refs", "main"), "utf8")).toBe(commit);
    expect(await readlink(join(folder, unet))).toBe(`../../../blobs/${sha256(files.get(unet)!)}`);
    expect(await readlink(join(folder, "model_index.json"))).toBe(
      `../../blobs/${gitSha1(files.get("model_index.json")!)}`,
    );
    expect(await readdir(folder)).not.toContain("safety_checker");
    expect(await readdir(join(folder, "unet"))).toEqual(["config.json", "diffusion_pytorch_model.safetensors"]);
    expect((await readCheckpoint(folder)).unet.weights.entries.size).toBeGreaterThan(10);

    const needed = hub!.requests.filter(({ sent }) => sent > 0);
    const bytes = needed.reduce((total, { sent }) => total + sent, 0);
    expect(seen.at(-1)).toMatchObject({
      bytesDone: bytes,
      bytesTotal: bytes,
      filesDone: needed.length,
      files: needed.length,
    });
    expect(seen.every(({ bytesDone }, i) => i === 0 || bytesDone >= seen[i - 1]!.bytesDone)).toBe(true);
  });

  test("a second time only the commit is asked for; a pinned commit not even that", async () => {
    await start();
    const folder = await resolveHere();
    hub!.requests.length = 0;
    expect(await resolveHere()).toBe(folder);
    expect(hub!.requests.map(({ path }) => path.split("?")[0])).toEqual([`/api/models/${name}/revision/main`]);
    hub!.requests.length = 0;
    expect(await resolveHere(`${name}@${commit}`)).toBe(folder);
    expect(hub!.requests).toEqual([]);
  });

  test("branches with slashes are remembered as Python does", async () => {
    await start();
    await resolveHere(`${name}@refs/pr/1`);
    expect(await readFile(cached("refs", "refs", "pr", "1"), "utf8")).toBe(commit);
  });

  test("half-precision weights where asked for, or where there are no others", async () => {
    const half = "unet/diffusion_pytorch_model.fp16.safetensors";
    files.set(half, Buffer.from("half"));
    await start();
    expect(await readdir(join(await resolveHere(), "unet"))).not.toContain("diffusion_pytorch_model.fp16.safetensors");
    const folder = await resolveHere(name, { variant: "fp16" });
    expect(await readFile(join(folder, half), "utf8")).toBe("half");
    await hub!.close();
    files.delete(unet);
    await rm(cached(), { recursive: true });
    await start();
    expect(existsSync(join(await resolveHere(), half))).toBe(true);
    files.delete(half);
  });

  test("without links the files themselves lie in the snapshot", async () => {
    vi.stubEnv("HF_HUB_DISABLE_SYMLINKS", "1");
    await start();
    const folder = await resolveHere();
    expect((await lstat(join(folder, unet))).isFile()).toBe(true);
    expect((await readFile(join(folder, unet))).equals(files.get(unet)!)).toBe(true);
    expect(await readdir(cached("blobs"))).toEqual([]);
  });
});

describe("a bad network", () => {
  test("a cut file goes on where it was cut: no byte comes twice", async () => {
    let cuts = 0;
    await start((_, file) => (file === unet && ++cuts % 2 === 0 && cuts < 8 ? { cutAfter: 5000 } : undefined));
    const folder = await resolveHere();
    expect((await readFile(join(folder, unet))).equals(files.get(unet)!)).toBe(true);
    const transfers = hub!.transfers(unet);
    expect(transfers.map(({ headers }) => headers.range)).toEqual([
      undefined,
      "bytes=5000-",
      "bytes=10000-",
      "bytes=15000-",
    ]);
    expect(transfers.reduce((total, { sent }) => total + sent, 0)).toBe(files.get(unet)!.length);
  });

  test("what an aborted run fetched is kept for the next one", async () => {
    await start((_, file) => (file === unet ? { rate: 40_000 } : undefined));
    const stop = new AbortController();
    const onProgress = ({ file, bytesDone }: DownloadProgress) => {
      if (file === unet && bytesDone > 15_000) stop.abort();
    };
    const error = await failureOf(resolveHere(name, { signal: stop.signal, onProgress }));
    expect(error.name).toBe("AbortError");
    expect(existsSync(cached("refs", "main"))).toBe(false);
    const partial = (await lstat(cached("blobs", `${sha256(files.get(unet)!)}.incomplete`))).size;
    expect(partial).toBeGreaterThan(0);
    await hub!.close();
    await start();
    await resolveHere();
    expect(hub!.transfers(unet).map(({ headers }) => headers.range)).toEqual([`bytes=${partial}-`]);
  });

  test("a server that does not do ranges sends it all again", async () => {
    let n = 0;
    await start(({ server }, file) =>
      file === unet && server === "storage" ? (n++ === 0 ? { cutAfter: 5000 } : { ignoreRange: true }) : undefined,
    );
    expect((await readFile(join(await resolveHere(), unet))).equals(files.get(unet)!)).toBe(true);
    expect(hub!.transfers(unet)).toHaveLength(2);
  });

  test("failures of the server are waited out, as long as it asks for", async () => {
    const answers = [503, 429, 500];
    const retry = { "retry-after": "1" };
    const started = performance.now();
    await start(({ path }) => {
      const status = path.includes("/revision/") ? answers.shift() : undefined;
      return status ? { status, ...(status === 429 && { headers: retry }) } : undefined;
    });
    await resolveHere();
    expect(performance.now() - started).toBeGreaterThan(990);
  });

  test("but not for ever: what came is kept", async () => {
    await start((_, file) => (file === unet ? { cutAfter: 0 } : undefined));
    const error = await failureOf(resolveHere());
    expect(error).toMatchObject({
      code: "checkpoint",
      message: /unet\/.*stops at 0 of \d+ bytes \(.+\)\. What has arrived is kept/,
    });
    expect(hub!.transfers(unet)).toHaveLength(fast.attempts);
    await hub!.close();
    await start(() => ({ status: 429 }));
    await expect(resolveHere()).rejects.toThrow(/answers 429/);
  });

  test("two at once fetch each file once", async () => {
    await start((_, file) => (file === unet ? { rate: 4_000_000 } : undefined));
    const [one, two] = await Promise.all([resolveHere(), resolveHere()]);
    expect(one).toBe(two);
    expect(hub!.transfers(unet)).toHaveLength(1);
    expect((await readFile(join(one, unet))).equals(files.get(unet)!)).toBe(true);
    expect(await readdir(join(root, "cache", ".locks", "models--someone--tiny"))).toEqual([]);
  });

  test("a lock of a process that is gone does not hold", async () => {
    const locks = join(root, "cache", ".locks", "models--someone--tiny");
    await mkdir(locks, { recursive: true });
    const { hostname } = await import("node:os");
    await writeFile(join(locks, `${sha256(files.get(unet)!)}.instructcv.lock`), `999999999 ${hostname()} x`);
    await start();
    expect(await resolveHere()).toBe(cached("snapshots", commit));
  });
});

describe("lies", () => {
  const large = (lie: object) => (_: unknown, file: string | null) => (file === unet ? lie : undefined);

  test("other bytes: both hashes are named, nothing is kept", async () => {
    await start(large({ corrupt: true }));
    const wrong = createHash("sha256")
      .update(files.get(unet)!.map((byte) => byte ^ 1))
      .digest("hex");
    const { message } = await failureOf(resolveHere());
    expect(message).toContain(`${unet}: its sha256 should be ${sha256(files.get(unet)!)}, what arrived has ${wrong}.`);
    expect((await readdir(cached("blobs"))).filter((one) => one.startsWith(sha256(files.get(unet)!)))).toEqual([]);
  });

  test("other bytes of a small file", async () => {
    await start((_, file) => (file === "unet/config.json" ? { corrupt: true } : undefined));
    await expect(resolveHere()).rejects.toThrow(/unet\/config.json: its git sha1 should be [0-9a-f]{40}, what arrived/);
  });

  test("a file longer, and one shorter, than listed", async () => {
    const { length } = files.get(unet)!;
    await start(undefined, { claimedSizes: { [unet]: length - 1 } });
    await expect(resolveHere()).rejects.toThrow(`it should be ${length - 1} bytes, more arrived`);
    await hub!.close();
    await start(undefined, { claimedSizes: { [unet]: length + 1 } });
    await expect(resolveHere()).rejects.toThrow(`the server's ends before byte ${length}`);
    expect((await readdir(cached("blobs"))).filter((one) => one.endsWith(".incomplete"))).toEqual([]);
  });

  test("an answer that ends early counts as cut", async () => {
    await start(({ headers }, file) => (file === unet && !headers.range ? { endAfter: 100 } : undefined));
    await resolveHere();
    expect(hub!.transfers(unet).map(({ headers }) => headers.range)).toEqual([undefined, "bytes=100-"]);
  });

  test("a hash that would leave the cache", async () => {
    await start(undefined, { claimedHashes: { "unet/config.json": "../../../x" } });
    await expect(resolveHere()).rejects.toThrow(/lists unet\/config.json with the hash "..\/..\/..\/x"/);
  });

  test("more than the disk holds is not begun", async () => {
    await start(undefined, { claimedSizes: { [unet]: 2 ** 60 } });
    await expect(resolveHere()).rejects.toThrow(
      /1152921504\.\d\d GB are still to be fetched, .* has room for .*HF_HUB_CACHE/,
    );
    expect(hub!.requests.some(({ sent }) => sent > 0)).toBe(false);
  });
});

describe("rights", () => {
  test("a gated model says how to get in, and opens with a token from each place", async () => {
    await start(undefined, { token: "secret" });
    const error = await failureOf(resolveHere());
    expect(error.message).toMatch(
      /is gated \(401\): Access to this model is restricted\. Accept its terms at .*HF_TOKEN/,
    );
    expect(error.message).not.toContain("\n");
    await resolveHere(name, { token: "secret" });
    await rm(cached(), { recursive: true });
    vi.stubEnv("HF_TOKEN", "secret");
    await resolveHere();
    await rm(cached(), { recursive: true });
    vi.stubEnv("HF_TOKEN", "");
    await mkdir(join(root, "home"));
    await writeFile(join(root, "home", "token"), "secret\n");
    await resolveHere();
  });

  test("the token goes to the hub and to nobody else", async () => {
    await start(undefined, { token: "secret" });
    await resolveHere(name, { token: "secret" });
    const storage = hub!.requests.filter(({ server }) => server === "storage");
    expect(storage.length).toBeGreaterThan(1);
    expect(JSON.stringify(storage)).not.toContain("secret");
    expect(hub!.requests.filter(({ server }) => server === "hub").every(({ headers }) => headers.authorization)).toBe(
      true,
    );
  });

  test("a token that is refused, no such model, no such revision", async () => {
    await start(undefined, { token: "secret" });
    await expect(resolveHere(name, { token: "wrong" })).rejects.toThrow(/gated.*with the account of your token/);
    await hub!.close();
    await start(({ path }) => (path.includes(`${name}/revision/main`) ? { status: 401 } : undefined));
    await expect(resolveHere()).rejects.toThrow(/no such model, or it is private \(401\)/);
    await expect(resolveHere(name, { token: "x" })).rejects.toThrow(/the token is refused \(401\)/);
    await expect(resolveHere("someone/else")).rejects.toThrow(/no such model at http.*, and no such folder here/);
    await expect(resolveHere(name, { revision: "v9" })).rejects.toThrow(/has no revision "v9"/);
  });
});

describe("offline", () => {
  test("the cache is all there is", async () => {
    await start();
    const folder = await resolveHere();
    hub!.requests.length = 0;
    expect(await resolveHere(name, { offline: true })).toBe(folder);
    vi.stubEnv("HF_HUB_OFFLINE", "1");
    expect(await resolveHere()).toBe(folder);
    await expect(resolveHere(`${name}@v1.0`)).rejects.toThrow(
      /revision v1.0 is not complete in .* HF_HUB_OFFLINE=0 instructcv download someone\/tiny --revision v1.0/,
    );
    await rm(join(folder, unet));
    await expect(resolveHere()).rejects.toThrow(/is not complete/);
    expect(hub!.requests).toEqual([]);
  });

  test("a hub that does not answer: the copy in the cache is used, and said so", async () => {
    await start();
    const folder = await resolveHere();
    await hub!.close();
    const notes: string[] = [];
    expect(await resolveHere(name, { onNote: (note) => notes.push(note) })).toBe(folder);
    expect(notes).toEqual([
      expect.stringMatching(/cannot be reached \(.*\)\. Using the copy in the cache, of commit c+\.$/),
    ]);
    // Of the variant asked for there is not all, but what there is will do.
    const half = { variant: "fp16", revision: commit } as const;
    await writeFile(join(folder, "unet/diffusion_pytorch_model.fp16.safetensors"), "");
    expect(await resolveHere(name, { ...half, onNote: (note) => notes.push(note) })).toBe(folder);
    expect(notes).toHaveLength(2);
    await rm(cached(), { recursive: true });
    await expect(resolveHere()).rejects.toThrow(/someone\/tiny: http.* cannot be reached \(.*ECONNREFUSED.*\)/);
  });
});

test("only pickles: named, refused, with the ways out", async () => {
  files.delete(unet);
  await start();
  const { message } = await failureOf(resolveHere());
  expect(message).toMatch(
    /someone\/tiny: unet\/diffusion_pytorch_model.bin is a pickle: .*any code.*refs\/pr\/1.*from diffusers/,
  );
  expect(message).not.toContain("\n");
  expect(hub!.requests.some(({ sent }) => sent > 0)).toBe(false);
});
