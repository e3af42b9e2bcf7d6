/** The Node example of the README runs as it stands in a project that has the package installed. */
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeTinyCheckpoint } from "./helpers/tiny-checkpoint.js";

const repository = resolve(import.meta.dirname, "..");
let project: string;

beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), "instructcv-readme-"));
  await cp(join(repository, "examples"), join(project, "examples"), { recursive: true });
  await mkdir(join(project, "node_modules"));
  await symlink(repository, join(project, "node_modules/instructcv"));
  await writeTinyCheckpoint(join(project, "tiny"));
});
afterAll(() => rm(project, { recursive: true, force: true }));

test("the example prints area, score and run lengths", async () => {
  const readme = await readFile(join(repository, "README.md"), "utf8");
  const example = /```js\n(.*?)```/s.exec(readme)?.[1] ?? "";
  expect(example).toContain("await load();");
  await writeFile(join(project, "example.mjs"), example.replace("load()", 'load("tiny")'));
  const { stdout } = await promisify(execFile)(process.execPath, ["example.mjs"], { cwd: project });
  expect(stdout).toMatch(/^\d+ [\d.]+ \{\s+size: \[ 224, 224 \],\s+counts: /);
});
