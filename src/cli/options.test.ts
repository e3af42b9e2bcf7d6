import { expect, test } from "vitest";
import { InstructCvError } from "../errors.js";
import { EXIT, errorLine, exitCodeOf } from "./exit.js";
import { collect, oneOf, wholeNumber } from "./options.js";
import { duration } from "./progress.js";

test("whole numbers are plain digits in the range", () => {
  const steps = wholeNumber(1, 1000);
  expect(steps("1")).toBe(1);
  expect(steps("1000")).toBe(1000);
  for (const bad of ["0", "1001", "-1", "1.5", "1e2", "0x10", "", " 1", "abc", "Infinity"]) {
    expect(() => steps(bad), bad).toThrow("whole number from 1 to 1000");
  }
});

test("repeated options collect, words are checked", () => {
  expect(collect("b", collect("a", undefined))).toEqual(["a", "b"]);
  const wording = oneOf("template", "unseen");
  expect(wording("unseen", wording("template", undefined))).toEqual(["template", "unseen"]);
  expect(() => wording("Template", undefined)).toThrow("template, unseen");
});

test("errors become one line that names the file once, and an exit code", () => {
  expect(errorLine(new Error("it is\n  broken"), "cat.jpg")).toBe("error: cat.jpg: it is broken");
  expect(errorLine(new InstructCvError("image", "cat.jpg: is empty.", "Copy it again."), "cat.jpg")).toBe(
    "error: cat.jpg: is empty. Copy it again.",
  );
  expect(exitCodeOf(new InstructCvError("usage", "x"))).toBe(EXIT.usage);
  expect(exitCodeOf(new InstructCvError("instruction", "x"))).toBe(EXIT.usage);
  expect(exitCodeOf(new InstructCvError("checkpoint", "x"))).toBe(EXIT.failed);
  expect(exitCodeOf(new DOMException("stop", "AbortError"))).toBe(EXIT.interrupted);
});

test("durations are read at a glance", () => {
  expect([3.2, 89, 100, 3600, 7500].map(duration)).toEqual(["4 s", "89 s", "2 min", "60 min", "2 h 05 min"]);
});
