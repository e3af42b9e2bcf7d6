/** The README's promise, with the model that ships: photos it has not seen, and masks that lie on the animals. */
import { copyFile, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Xyxy } from "../src/image/picture.js";
import { overlap } from "../src/tasks/outlines/edges.js";
import { decodeRle } from "../src/tasks/rle.js";
import { type AnswerLine, parseAnswers } from "./helpers/contract.js";
import { runCli } from "./helpers/run-cli.js";

const repository = resolve(import.meta.dirname, "..");
const animals = ["cat", "dog"] as const;
let cwd: string;
let outlines: Record<(typeof animals)[number], [x: number, y: number][]>;

beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), "instructcv-nano-"));
  for (const animal of animals) await copyFile(join(repository, `examples/${animal}.jpg`), join(cwd, `${animal}.jpg`));
  outlines = JSON.parse(await readFile(join(repository, "tests/goldens/example-outlines.json"), "utf8"));
});
afterAll(() => rm(cwd, { recursive: true, force: true }));

/** One photo, one sentence, the model of the package. */
async function ask(photo: string, instruction: string): Promise<AnswerLine> {
  const { code, stdout, stderr } = await runCli(["run", photo, instruction, "--json"], { cwd });
  expect([code, stderr]).toEqual([0, ""]);
  const [answer] = parseAnswers(stdout);
  expect(answer).toMatchObject({ model: "models/nano", size: [224, 224] });
  return answer!;
}

describe.each(animals)("the %s of the examples", (animal) => {
  test.each([`Segment the ${animal}`, `Can you cut out the ${animal} for me?`])("%s", async (instruction) => {
    const answer = await ask(`${animal}.jpg`, instruction);
    if (answer.task !== "segmentation") throw new Error(`understood as ${answer.task}`);
    const truth = fill(outlines[animal], 224);
    const mask = decodeRle(answer.result.mask);
    const both = mask.reduce((sum, value, i) => sum + (value & truth[i]!), 0);
    const either = mask.reduce((sum, value, i) => sum + (value | truth[i]!), 0);
    expect(both / either).toBeGreaterThan(0.5);
  });

  test(`the best box for "where is the ${animal}?" is around it`, async () => {
    const answer = await ask(`${animal}.jpg`, `where is the ${animal}?`);
    if (answer.task !== "detection") throw new Error(`understood as ${answer.task}`);
    const [x, y] = [outlines[animal].map((point) => point[0]), outlines[animal].map((point) => point[1])];
    const truth = [Math.min(...x), Math.min(...y), Math.max(...x), Math.max(...y)] as const;
    expect(overlap(answer.result.boxes[0]!.xyxy as Xyxy, truth)).toBeGreaterThan(0.5);
  });

  test.each(animals)(`"is there a %s?"`, async (asked) => {
    const answer = await ask(`${animal}.jpg`, `is there a ${asked}?`);
    if (answer.task !== "classification") throw new Error(`understood as ${answer.task}`);
    expect(answer.result.present).toBe(asked === animal);
  });
});

/** 1 for the pixels whose centre is inside the polygon (even-odd rule), row-major. */
function fill(polygon: readonly [number, number][], side: number): Uint8Array {
  const mask = new Uint8Array(side * side);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      let inside = false;
      for (const [i, [x1, y1]] of polygon.entries()) {
        const [x2, y2] = polygon[(i + 1) % polygon.length]!;
        const crosses = y1 > y + 0.5 !== y2 > y + 0.5 && x + 0.5 < ((x2 - x1) * (y + 0.5 - y1)) / (y2 - y1) + x1;
        if (crosses) inside = !inside;
      }
      mask[y * side + x] = inside ? 1 : 0;
    }
  }
  return mask;
}
