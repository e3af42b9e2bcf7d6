import { expect, test } from "vitest";
import {
  broadcastShape,
  concatShape,
  conv2dShape,
  expandShape,
  linearShape,
  matmulShape,
  permuteShape,
  reduceShape,
  reshapeShape,
  sliceShape,
  wrapDim,
} from "./shapes.js";

test("what fits", () => {
  expect(broadcastShape([2, 1, 3], [4, 1])).toEqual([2, 4, 3]);
  expect(broadcastShape([], [2])).toEqual([2]);
  expect(conv2dShape([1, 3, 7, 6], [4, 3, 3, 3], 2, 1)).toEqual([1, 4, 4, 3]);
  expect(linearShape([2, 5, 3], [7, 3])).toEqual([2, 5, 7]);
  expect(matmulShape([2, 1, 3, 4], [5, 4, 6])).toEqual([2, 5, 3, 6]);
  expect(reduceShape([2, 3, 4], [-1, 0], true)).toEqual({ dims: [2, 0], shape: [1, 3, 1] });
  expect(reduceShape([2, 3], undefined, false)).toEqual({ dims: [0, 1], shape: [] });
  expect(reshapeShape([2, 6], [3, -1])).toEqual([3, 4]);
  expect(reshapeShape([1], [])).toEqual([]);
  expect(
    concatShape(
      [
        [2, 1],
        [2, 3],
      ],
      -1,
    ),
  ).toEqual([2, 4]);
  expect(sliceShape([2, 5], -1, 1, 3)).toEqual([2, 2]);
  expect(permuteShape([2, 3, 4], [0, -1, -2])).toEqual({ dims: [0, 2, 1], shape: [2, 4, 3] });
  expect(expandShape([3], [2, 3])).toEqual([2, 3]);
});

test.each([
  ["broadcast", () => broadcastShape([2], [3])],
  ["conv2d channels", () => conv2dShape([1, 3, 4, 4], [4, 2, 3, 3], 1, 0)],
  ["conv2d rank", () => conv2dShape([3, 4, 4], [4, 3, 3, 3], 1, 0)],
  ["linear features", () => linearShape([2, 4], [7, 3])],
  ["matmul inner", () => matmulShape([2, 3], [2, 3])],
  ["matmul rank", () => matmulShape([3], [3, 2])],
  ["reduce dim", () => reduceShape([2], [1], false)],
  ["reshape size", () => reshapeShape([2, 3], [-1, 4])],
  ["reshape two free dims", () => reshapeShape([4], [-1, -1])],
  [
    "concat other dims",
    () =>
      concatShape(
        [
          [2, 3],
          [3, 3],
        ],
        1,
      ),
  ],
  ["concat of nothing", () => concatShape([], 0)],
  ["slice end", () => sliceShape([2, 3], 1, 0, 4)],
  ["permute twice the same", () => permuteShape([2, 3], [0, 0])],
  ["expand shrinks rank", () => expandShape([2, 3], [3])],
  ["expand changes a dim", () => expandShape([2], [3])],
  ["dim not whole", () => wrapDim(0.5, 2)],
])("what does not fit throws: %s", (_, act) => {
  expect(act).toThrow(RangeError);
});
