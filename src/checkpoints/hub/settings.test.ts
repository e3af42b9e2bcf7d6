/** The expected values are those of huggingface_hub.constants and get_token in the same environment. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { HUB_URL } from "@huggingface/hub";
import { afterAll, expect, test } from "vitest";
import { type Environment, hubSettings } from "./settings.js";

const root = await mkdtemp(join(tmpdir(), "instructcv-settings-"));
afterAll(() => rm(root, { recursive: true }));
const elsewhere = { HF_TOKEN_PATH: join(root, "none") };

const caches: [Environment, string][] = [
  [{}, join(homedir(), ".cache/huggingface/hub")],
  [{ XDG_CACHE_HOME: "/x" }, "/x/huggingface/hub"],
  [{ XDG_CACHE_HOME: "/x", HF_HOME: "/h" }, "/h/hub"],
  [{ HF_HOME: "~/h" }, join(homedir(), "h/hub")],
  [{ HF_HOME: "$BASE/h", BASE: "/b" }, "/b/h/hub"],
  [{ HF_HOME: "/h", HUGGINGFACE_HUB_CACHE: "/old" }, "/old"],
  [{ HF_HUB_CACHE: "/new", HUGGINGFACE_HUB_CACHE: "/old" }, "/new"],
];
test.each(caches)("%j: the cache is %s", async (env, expected) => {
  expect((await hubSettings({}, { ...elsewhere, ...env })).cache).toBe(expected);
});

test("the token: given, HF_TOKEN, its old name, the file, in this order; none when told not to", async () => {
  const path = join(root, "token");
  await writeFile(path, " from-file\n");
  const token = async (env: Environment, given = {}) => (await hubSettings(given, env)).token;
  expect(await token(elsewhere)).toBe(null);
  expect(await token({ HF_TOKEN_PATH: path })).toBe("from-file");
  expect(await token({ HF_HOME: root })).toBe("from-file");
  expect(await token({ HF_TOKEN_PATH: path, HUGGING_FACE_HUB_TOKEN: "old" })).toBe("old");
  expect(await token({ HUGGING_FACE_HUB_TOKEN: "old", HF_TOKEN: "new\n" })).toBe("new");
  expect(await token({ HF_TOKEN: "new", HF_HUB_DISABLE_IMPLICIT_TOKEN: "1" })).toBe(null);
  expect(await token({ HF_TOKEN: "new", HF_HUB_DISABLE_IMPLICIT_TOKEN: "1" }, { token: "given" })).toBe("given");
});

test("the endpoint, offline, links", async () => {
  const set = (env: Environment, given = {}) => hubSettings(given, { ...elsewhere, ...env });
  expect(await set({})).toMatchObject({ endpoint: HUB_URL, offline: false, symlinks: true });
  expect((await set({ HF_ENDPOINT: "https://mirror.example/" })).endpoint).toBe("https://mirror.example");
  for (const yes of ["1", "true", "YES", "on"]) expect((await set({ HF_HUB_OFFLINE: yes })).offline).toBe(true);
  expect((await set({ HF_HUB_OFFLINE: "0" })).offline).toBe(false);
  expect((await set({ TRANSFORMERS_OFFLINE: "1" })).offline).toBe(true);
  expect((await set({ HF_HUB_OFFLINE: "1" }, { offline: false })).offline).toBe(false);
  expect((await set({ HF_HUB_DISABLE_SYMLINKS: "1" })).symlinks).toBe(false);
});
