/** Depth maps that a careless metric rewards or hides: constant ones, NaN, wrong sizes, nothing valid. */
import { describe, expect, it } from "vitest";
import { refusal } from "../../../tests/helpers/refusal.js";
import { DepthMeter } from "./depth.js";
import { cropBounds } from "./depth-crop.js";

const metres = (...values: number[]) => Float32Array.from(values);
const wide = { width: 3, height: 2 };
const tall = { width: 2, height: 3 };

describe("a constant depth map", () => {
  const truth = metres(1, 2, 3, 4, 5, 9);
  const scored = (align: "none" | "scale" | "scale-shift" | "median" | "disparity") => {
    const meter = new DepthMeter({ align });
    meter.add(truth, { metres: new Float32Array(6).fill(2.7) });
    return meter.pooled();
  };
  it("is as wrong as it is", () => {
    expect(scored("none").rmse).toBeCloseTo(
      Math.sqrt((1.7 ** 2 + 0.7 ** 2 + 0.3 ** 2 + 1.3 ** 2 + 2.3 ** 2 + 6.3 ** 2) / 6),
      6,
    );
    expect(scored("none").delta1).toBeCloseTo(1 / 6, 12);
  });
  it("becomes the mean of the truth when scale and shift are fitted, so its RMSE is the deviation of the truth", () => {
    const deviation = Math.sqrt(truth.reduce((sum, t) => sum + (t - 4) ** 2, 0) / 6);
    expect(scored("scale-shift").rmse).toBeCloseTo(deviation, 6);
  });
  it("has the same SILog whatever is fitted by a factor", () => {
    const { silog } = scored("none");
    expect(silog).toBeGreaterThan(60);
    expect(scored("median").silog).toBeCloseTo(silog, 6);
    expect(scored("scale").silog).toBeCloseTo(silog, 6);
  });
});

describe("depth maps that cannot be compared", () => {
  const meter = new DepthMeter();
  it("are refused when a valid pixel is NaN or infinite, and only then", () => {
    const error = refusal(() =>
      meter.add(metres(1, 2, 3), { metres: metres(1, Number.NaN, Number.POSITIVE_INFINITY) }),
    );
    expect(error.code).toBe("prediction");
    expect(error.message).toMatch(/2 of 3 values are not finite, the first \(NaN\) at 1/);
    expect(() => meter.add(metres(1, 0), { metres: metres(1, Number.NaN) })).not.toThrow();
  });
  it("are refused when width and height are swapped, though the pixels are as many", () => {
    const map = metres(1, 1, 1, 1, 1, 1);
    expect(refusal(() => meter.add(map, { metres: map, size: tall }, wide)).message).toMatch(
      /expected 3x2, found 2x3. Width and height are swapped/,
    );
    expect(refusal(() => meter.add(map, { metres: metres(1) })).message).toMatch(/expected 6 pixels.*found 1/);
  });
  it("have no crop without a size, and no scale by a median of 0", () => {
    expect(refusal(() => new DepthMeter({ crop: "nyu-eigen" }).add(metres(1), { metres: metres(1) })).code).toBe(
      "usage",
    );
    const zeros = () => new DepthMeter({ align: "median" }).add(metres(1, 1), { metres: metres(0, 0) });
    expect(refusal(zeros).message).toMatch(/positive median/);
  });
  it("have no numbers without a valid pixel", () => {
    const empty = new DepthMeter();
    empty.add(metres(0, 0, 11), { metres: metres(1, 1, 1) });
    expect(empty.pooled().rmse).toBeNaN();
    expect(empty.perImage().rmse).toBeNaN();
  });
});

it("crops are those published: pixels for NYUv2, cut fractions for KITTI", () => {
  expect(cropBounds("nyu-eigen", { width: 640, height: 480 })).toEqual({ top: 45, bottom: 471, left: 41, right: 601 });
  expect(cropBounds("kitti-garg", { width: 1242, height: 375 })).toEqual({
    top: 153,
    bottom: 371,
    left: 44,
    right: 1197,
  });
  expect(cropBounds("none", wide)).toEqual({ top: 0, bottom: 2, left: 0, right: 3 });
});
