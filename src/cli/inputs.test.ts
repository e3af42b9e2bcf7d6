import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { expandInputs } from "./inputs.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "instructcv-inputs-"));
  await mkdir(join(folder, "below"));
  await mkdir(join(folder, "empty"));
  for (const name of ["b.JPG", "a.png", "notes.txt", "below/c.jpg", "[1].jpg"])
    await writeFile(join(folder, name), "x");
});
afterAll(() => rm(folder, { recursive: true }));

const expand = async (...names: string[]) => {
  const { files, problems } = await expandInputs(names.map((name) => join(folder, name)));
  return {
    files: files.map((file) => file.slice(folder.length + 1)),
    problems: problems.map(({ message }) => message),
  };
};

test("a folder stands for the photos directly in it, sorted", async () => {
  expect((await expand(".")).files).toEqual(["[1].jpg", "a.png", "b.JPG"]);
});

test("a pattern stands for its matches; a file that exists is not a pattern", async () => {
  expect((await expand("**/*.{jpg,png}")).files).toEqual(["[1].jpg", "a.png", "below/c.jpg"]);
  expect((await expand("[1].jpg")).files).toEqual(["[1].jpg"]);
});

test("a photo named twice is answered once, in the place it was named first", async () => {
  expect((await expand("below/c.jpg", "below/../below/c.jpg", "below")).files).toEqual(["below/c.jpg"]);
});

test("what is not there is passed on; folders and patterns without photos are problems", async () => {
  expect(await expand("missing.jpg")).toEqual({ files: ["missing.jpg"], problems: [] });
  const { files, problems } = await expand("empty", "*.webp");
  expect(files).toEqual([]);
  expect(problems[0]).toMatch(/empty: the folder has no photo/);
  expect(problems[1]).toMatch(/\*\.webp: no file matches/);
});
