import { describe, expect, it } from "vitest";
import { createRng } from "../random.js";
import { parseInstruction } from "./parse.js";
import { renderInstruction } from "./render.js";
import { restate } from "./restate.js";

describe("restate", () => {
  it("says what was asked in the template's words", () => {
    const said = (text: string) => restate(parseInstruction(text));
    expect(said("where are those horses?")).toBe("Detect the horse");
    expect(said("how far away is everything")).toBe("Estimate the depth of this image");
    expect(said("Cut out the kangaroo for me")).toBe("Segment the kangaroo");
    expect(said("Show yellow if there is a sheep, otherwise show black")).toBe(
      "Show yellow if the picture has a sheep, otherwise show black",
    );
  });

  it("leaves a template as it is", () => {
    for (const task of ["segmentation", "detection", "depth", "classification"] as const) {
      const text = renderInstruction(task, { category: task === "depth" ? null : "dog" }, "template", createRng(1));
      expect(restate(parseInstruction(text))).toBe(text);
    }
  });
});
