import { expect, test } from "vitest";
import { answerNames, photoNames } from "./names.js";

test("a photo is called by its file name, then with extension, then with folder, then by number", () => {
  expect(photoNames(["a/cat.jpg", "a/dog.jpg"])).toEqual(["cat", "dog"]);
  expect(photoNames(["a/cat.jpg", "a/cat.png", "a/dog.jpg"])).toEqual(["cat-jpg", "cat-png", "dog"]);
  expect(photoNames(["a/cat.jpg", "b/cat.jpg"])).toEqual(["a-cat-jpg", "b-cat-jpg"]);
  expect(photoNames(["x/a/cat.jpg", "y/a/cat.jpg"])).toEqual(["a-cat-jpg", "a-cat-jpg-2"]);
});

test("names that differ in case only are told apart, for file systems that ignore case", () => {
  const names = photoNames(["Cat.jpg", "cat.jpg"]);
  expect(new Set(names.map((name) => name.toLowerCase())).size).toBe(2);
});

test("answers are called by task and category", () => {
  expect(
    answerNames([
      { task: "segmentation", category: "cat" },
      { task: "depth", category: null },
      { task: "detection", category: "Potted plant / pot" },
      { task: "segmentation", category: "cat" },
      { task: "classification", category: "..." },
      { task: "detection", category: "a".repeat(300) },
    ]),
  ).toEqual([
    "segmentation-cat",
    "depth",
    "detection-potted-plant-pot",
    "segmentation-cat-2",
    "classification-x",
    `detection-${"a".repeat(40)}`,
  ]);
});
