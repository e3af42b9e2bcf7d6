import { spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { lockRun } from "./lock.js";

let folder: string;
let path: string;
let notes: string[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "instructcv-lock-"));
  path = join(folder, "lock.json");
  notes = [];
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const times = { beat: 20, silence: 200 };
const lock = () => lockRun(folder, (line) => notes.push(line), times);
const leave = (holder: object) => writeFile(path, JSON.stringify({ host: hostname(), born: null, id: "x", ...holder }));

/** The number of a process that has ended. */
async function deadPid(): Promise<number> {
  const child = spawn("true");
  await new Promise((done) => child.on("close", done));
  return child.pid!;
}

test("a folder is locked until it is released", async () => {
  const first = await lock();
  await expect(lock()).rejects.toThrow(
    new RegExp(`process ${process.pid} on .* is training there .*Wait for it, stop it, or choose another folder`),
  );
  await first.check();
  await first.release();
  expect(await readdir(folder)).toEqual([]);
  await (await lock()).release();
  expect(notes).toEqual([]);
});

test("the lock of a process that is gone is taken over at once", async () => {
  await leave({ pid: await deadPid() });
  const taken = await lock();
  expect(notes).toEqual([expect.stringMatching(/process \d+ on .* is gone, its lock is taken over/)]);
  await taken.check();
  await taken.release();
});

test.runIf(process.platform === "linux")("a later process of the same number is another one", async () => {
  // As after a restart of a container, where numbers begin again.
  await leave({ pid: process.pid, born: "another-boot/1" });
  await (await lock()).release();
  expect(notes).toHaveLength(1);
});

test("a lock of another machine counts while it shows signs of life", async () => {
  await leave({ pid: 1, host: "another-machine" });
  let beat = 0;
  const timer = setInterval(() => utimes(path, ++beat, beat), 20);
  await expect(lock()).rejects.toThrow(/process 1 on another-machine is training there/);
  clearInterval(timer);
  await (await lock()).release();
  expect(notes.at(-1)).toMatch(/another-machine is gone/);
});

test("a lock that a kill has left empty is taken over; one that is held shows signs of life", async () => {
  await writeFile(path, "");
  const taken = await lock();
  expect(JSON.parse(await readFile(path, "utf8"))).toMatchObject({ pid: process.pid });
  const before = (await stat(path)).mtimeMs;
  await setTimeout(100);
  expect((await stat(path)).mtimeMs).toBeGreaterThan(before);
  await taken.release();
});

test("a trainer whose lock was taken stops, and leaves the other's lock alone", async () => {
  const first = await lock();
  await leave({ pid: process.pid, id: "other" });
  await expect(first.check()).rejects.toThrow(/is no longer this trainer's: it stops without writing/);
  await first.release();
  expect(await readdir(folder)).toEqual(["lock.json"]);
});
