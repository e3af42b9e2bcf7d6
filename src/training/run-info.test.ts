import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { tinyConfig, tinyStore } from "../../tests/helpers/tiny-training.js";
import { gitState, readRunInfo, recordStart } from "./run-info.js";
import { createSession, type Session } from "./session.js";

let folder: string;
let session: Session;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "instructcv-info-"));
  session = await createSession(await tinyConfig(), tinyStore());
});
afterAll(() => rm(folder, { recursive: true, force: true }));
const work = { flopsPerUpdate: 1000, limit: 5e9 };

test("each start is appended, a new run begins anew", async () => {
  expect(await readRunInfo(folder)).toBeNull();
  await recordStart(folder, session, work, { step: 0, from: undefined });
  await recordStart(folder, session, work, { step: 40, from: "checkpoints/step-0000040" });
  const { name, starts } = (await readRunInfo(folder))!;
  expect([name, starts.length]).toEqual(["tiny", 2]);
  expect(starts[1]).toMatchObject({
    step: 40,
    resumed_from: "checkpoints/step-0000040",
    command: process.argv,
    versions: { node: process.versions.node, libtorch: session.torch.version },
    machine: { device: "cpu", precision: "float32" },
    flops_per_update: 1000,
    limit_flops_per_second: 5e9,
  });
  await recordStart(folder, session, work, { step: 0, from: undefined });
  expect((await readRunInfo(folder))!.starts).toHaveLength(1);
});

test("a damaged file is named with the cure", async () => {
  const whole = await readFile(join(folder, "run.json"), "utf8");
  await writeFile(join(folder, "run.json"), whole.slice(0, 50));
  await expect(readRunInfo(folder)).rejects.toThrow(/run\.json: expected .* Remove the file/);
});

test("commit and changes of the working folder, or nothing outside a repository", async () => {
  expect(await gitState(folder)).toBeNull();
  const git = (...args: string[]) =>
    execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@t", ...args], { cwd: folder, encoding: "utf8" });
  git("init", "-q");
  await writeFile(join(folder, ".gitignore"), "run.json\n");
  git("add", ".");
  git("commit", "-qm", "first");
  const commit = git("rev-parse", "HEAD").trim();
  expect(await gitState(folder)).toEqual({ commit, dirty: false });
  await writeFile(join(folder, "new.txt"), "");
  expect(await gitState(folder)).toEqual({ commit, dirty: true });
});
