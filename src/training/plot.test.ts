import { XMLValidator } from "fast-xml-parser";
import { expect, test } from "vitest";
import { lossSvg } from "./plot.js";

test("a valid SVG with one line per series that has points", () => {
  const points = Array.from({ length: 1000 }, (_, i) => ({
    step: i + 1,
    losses: { total: 1 / (i + 1), depth: 0.1, detection: i === 5 ? Number.NaN : 0 },
  }));
  const svg = lossSvg(points, "a <run> & more");
  expect(XMLValidator.validate(svg)).toBe(true);
  expect(svg.match(/<polyline/g)).toHaveLength(2);
  expect(svg).toContain("a &lt;run> &amp; more");
  expect(svg).not.toMatch(/NaN|Infinity/);
  expect(svg.length).toBeLessThan(20_000);
});

test("no points yet is still a picture", () => {
  expect(XMLValidator.validate(lossSvg([], "run"))).toBe(true);
});
