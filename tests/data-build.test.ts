/** `instructcv data build` as a user meets it: killed, divided, on a full disk, with a wrong command line. */
import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCli } from "./helpers/run-cli.js";

const program = resolve(import.meta.dirname, "../dist/cli/main.js");
const data = resolve("../shared/data");
let cwd: string;

/** Two datasets, two photos a shard: many small steps to be killed in. */
const yaml = `
name: kill
size: 64
data: ${data}
datasets:
  - { name: nyuv2, reader: nyuv2, folder: nyuv2, split: train, limit: 12 }
  - { name: oxford-pets, reader: oxford-pets, folder: oxford-pets, split: trainval, limit: 24 }
val_share: 0.2
shards: { photos: 2 }
`;

const run = (...args: string[]) => runCli(["data", "build", "kill.yaml", ...args], { cwd });

async function hashes(folder: string): Promise<Record<string, string>> {
  const files = (await readdir(join(cwd, folder))).filter((name) => /\.tar$|^manifest/.test(name)).sort();
  const digest = async (file: string) =>
    createHash("sha256")
      .update(await readFile(join(cwd, folder, file)))
      .digest("hex");
  return Object.fromEntries(await Promise.all(files.map(async (file) => [file, await digest(file)])));
}

const shardsIn = async (folder: string) =>
  (await readdir(join(cwd, folder)).catch(() => [])).filter((name) => name.endsWith(".tar")).length;

beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), "instructcv-build-"));
  await writeFile(join(cwd, "kill.yaml"), yaml);
  const { code, stdout, stderr } = await run("--out", "whole", "--workers", "1");
  expect([code, stderr.includes("error")]).toEqual([0, false]);
  expect(stdout).toMatch(/^train: \d+ records of \d+ photos in \d+ shards\nval: /);
});
afterAll(() => rm(cwd, { recursive: true, force: true }));

test("killed again and again and started again, it makes the same shards", async () => {
  const expected = await hashes("whole");
  let kills = 0;
  for (let before = await shardsIn("killed"); ; before = await shardsIn("killed")) {
    const child = spawn(program, ["data", "build", "kill.yaml", "--out", "killed", "--workers", "2"], { cwd });
    const ended = new Promise<number | null>((done) => child.on("close", (code) => done(code)));
    const watch = (async () => {
      while (child.exitCode === null && child.signalCode === null) {
        if ((await shardsIn("killed")) >= before + 4) child.kill("SIGKILL");
        await new Promise((done) => setTimeout(done, 5));
      }
    })();
    const code = await ended;
    await watch;
    if (code === 0) break;
    kills++;
  }
  expect(kills).toBeGreaterThan(1);
  expect(await hashes("killed")).toEqual(expected);
  expect((await readdir(join(cwd, "killed"))).filter((name) => name.endsWith(".tmp"))).toEqual([]);
}, 240_000);

test("Ctrl-C stops cleanly and says how to go on", async () => {
  const child = spawn(program, ["data", "build", "kill.yaml", "--out", "stopped", "--workers", "2"], { cwd });
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk;
  });
  const ended = new Promise<number | null>((done) => child.on("close", (code) => done(code)));
  while ((await shardsIn("stopped")) < 2) await new Promise((done) => setTimeout(done, 5));
  child.kill("SIGINT");
  expect(await ended).toBe(130);
  expect(stderr).toMatch(/run the same command again/);
  expect((await readdir(join(cwd, "stopped"))).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  expect((await run("--out", "stopped")).code).toBe(0);
  expect(await hashes("stopped")).toEqual(await hashes("whole"));
}, 120_000);

test("parts counted from 1 or from 0 make the whole", async () => {
  for (const shard of ["1/3", "2/3"]) {
    const { code, stdout } = await run("--out", "parts", "--shard", shard);
    expect(code).toBe(0);
    expect(stdout).toMatch(/of \d+ shards; the manifest is written when the other parts are there/);
  }
  expect((await run("--out", "parts", "--shard", "0/3")).code).toBe(0);
  expect(await hashes("parts")).toEqual(await hashes("whole"));
}, 120_000);

test("a full disk is named, leaves nothing half-written, and the build goes on when there is room", async () => {
  // A limit on the size of files stands for the full disk: the write fails in the same place.
  const limited = (kilobytes: number) =>
    new Promise<{ code: number; stderr: string }>((done) => {
      const line = `ulimit -f ${kilobytes}; exec "$0" data build kill.yaml --out full --workers 2`;
      execFile("bash", ["-c", line, program], { cwd }, (error, _stdout, stderr) =>
        done({ code: Number(error?.code ?? 0), stderr }),
      );
    });
  const { code, stderr } = await limited(40);
  expect(code).toBe(1);
  expect(stderr).toMatch(/^error: .*\.tar: cannot be written, the disk is full \(EFBIG\)\. Make room/m);
  expect((await readdir(join(cwd, "full"))).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  expect((await run("--out", "full")).code).toBe(0);
  expect(await hashes("full")).toEqual(await hashes("whole"));
}, 120_000);

test("what is done already is not done again", async () => {
  await cp(join(cwd, "whole"), join(cwd, "again"), { recursive: true });
  const { code, stderr } = await run("--out", "again");
  expect(code).toBe(0);
  expect(stderr).toMatch(/; \d+ shards are already there/);
  expect(await hashes("again")).toEqual(await hashes("whole"));
});

const wrong: [what: string, args: string[], code: number, says: RegExp][] = [
  ["no folder to make", [], 2, /required option '-o, --out <dir>'/],
  ["a part outside its whole", ["--out", "x", "--shard", "4/3"], 2, /--shard 4\/3: expected i\/n/],
  ["other settings into the same folder", ["--out", "whole", "--seed", "5"], 2, /holds a corpus of other settings/],
  ["a data folder that is not there", ["--out", "x", "--data", "nowhere"], 1, /nowhere\/nyuv2: expected the folder/],
];
test.each(wrong)("%s", async (_what, args, expected, says) => {
  const { code, stdout, stderr } = await run(...args);
  expect([code, stdout]).toEqual([expected, ""]);
  expect(stderr).toMatch(says);
  expect(await readdir(cwd)).not.toContain("x");
});

test("an unknown key and a missing file are named", async () => {
  await writeFile(join(cwd, "typo.yaml"), yaml.replace("val_share", "val_shar"));
  const typo = await runCli(["data", "build", "typo.yaml", "--out", "x"], { cwd });
  expect([typo.code, typo.stderr]).toEqual([1, expect.stringMatching(/typo\.yaml: .*val_shar/)]);
  const missing = await runCli(["data", "build", "none.yaml", "--out", "x"], { cwd });
  expect([missing.code, missing.stderr]).toEqual([1, expect.stringMatching(/none\.yaml: no such file/)]);
});
