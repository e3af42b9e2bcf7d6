import { expect, test } from "vitest";
import { defaultColours, palette } from "./colours.js";

test("any two colours of the palette are a full channel apart, and so are the default ones", () => {
  const far = (a: readonly number[], b: readonly number[]) => Math.max(...a.map((v, i) => Math.abs(v - b[i]!)));
  for (const one of palette)
    for (const other of palette)
      if (one !== other) expect(far(one.rgb, other.rgb), `${one.name}, ${other.name}`).toBe(255);
  expect(far(defaultColours.positive.rgb, defaultColours.negative.rgb)).toBe(255);
});
