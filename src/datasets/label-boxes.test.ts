import { describe, expect, it } from "vitest";
import { boxesOfValues } from "./label-boxes.js";

describe("boxesOfValues", () => {
  it("frames each value, in pieces, nested and interleaved, and nothing for 0", () => {
    const rows = ["1.2..", "1323.", "....1"];
    const values = [...rows.join("")].map(Number).map((value) => value || 0);
    expect([...boxesOfValues({ width: 5, height: 3 }, (i) => values[i]!)]).toEqual([
      [1, [0, 0, 5, 3]],
      [2, [2, 0, 3, 2]],
      [3, [1, 1, 4, 2]],
    ]);
    expect(boxesOfValues({ width: 5, height: 3 }, () => 0).size).toBe(0);
  });

  it("widens a box to the left and right of the row it was met in", () => {
    const rows = ["..7..", ".777.", "7...7", "..7.."];
    const values = [...rows.join("")].map((cell) => (cell === "7" ? 700 : 0));
    expect(boxesOfValues({ width: 5, height: 4 }, (i) => values[i]!).get(700)).toEqual([0, 0, 5, 4]);
  });
});
