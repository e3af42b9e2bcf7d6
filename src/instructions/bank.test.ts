import { describe, expect, it } from "vitest";
import { createRng } from "../random.js";
import { defaultColours, palette } from "../tasks/colours.js";
import type { Slots, TaskName } from "../tasks/task.js";
import { bank } from "./bank.js";
import { knownCategories } from "./categories.js";
import { parseInstruction } from "./parse.js";
import { disturb, fill, renderInstruction } from "./render.js";

const names = Object.keys(bank) as TaskName[];
const lines = (task: TaskName) => [bank[task].template, ...bank[task].train, ...bank[task].unseen];
const some = [
  "dog",
  "potted plant",
  "dining table",
  "sports ball",
  "airplane",
  "person",
  "sheep",
  "scissors",
  "mouse",
  "tv",
  "bus",
];
const more = [
  "russian blue",
  "orange",
  "stop sign",
  "parking meter",
  "egyptian mau",
  "traffic light",
  "building",
  "wine glass",
];
const unknown = ["unicorn", "garden gnome", "xylophone"];

function check(task: TaskName, line: string, slots: Slots): void {
  const sentence = fill(line, slots);
  const parsed = parseInstruction(sentence);
  expect(parsed.task, sentence).toBe(task);
  const plural = line.includes("{categories}") && !knownCategories.includes(slots.category ?? "");
  if (!plural) expect(parsed.slots.category, sentence).toBe(slots.category);
  if (task !== "classification") return;
  const colours = line.includes("{positive}") ? slots : defaultColours;
  expect([parsed.slots.positive, parsed.slots.negative], sentence).toEqual([colours.positive, colours.negative]);
}

describe("bank", () => {
  it("has the paper's templates", () => {
    const slots = { category: "dog", positive: palette[0], negative: palette[2] };
    expect(names.map((task) => fill(bank[task].template, slots))).toEqual([
      "Segment the dog",
      "Detect the dog",
      "Estimate the depth of this image",
      "Show red if the picture has a dog, otherwise show blue",
    ]);
  });

  it("has at least 70 paraphrases a task, a quarter of them kept back", () => {
    for (const task of names) {
      expect(bank[task].train.length).toBeGreaterThanOrEqual(52);
      expect(bank[task].unseen.length).toBeGreaterThanOrEqual(18);
    }
  });

  it.each(names)("every %s line parses back to its task, category and colours", (task) => {
    for (const line of lines(task)) {
      if (task === "depth") check(task, line, { category: null });
      else
        for (const category of [...some, ...more, ...unknown])
          check(task, line, { category, positive: palette[3], negative: palette[5] });
    }
  });

  it("every category is found in some lines of each task", () => {
    const rng = createRng(5);
    for (const category of knownCategories)
      for (const task of names.filter((name) => name !== "depth"))
        for (const line of rng.shuffle(lines(task)).slice(0, 4)) check(task, line, { category, ...defaultColours });
  });

  it("every pair of colours is told apart in every line that names colours", () => {
    for (const line of lines("classification").filter((text) => text.includes("{positive}")))
      for (const positive of palette)
        for (const negative of palette)
          if (positive !== negative) check("classification", line, { category: "russian blue", positive, negative });
  });
});

describe("renderInstruction", () => {
  it("draws from the wordings asked for, the same for the same seed", () => {
    const slots = { category: "dog" };
    const draw = (seed: number) =>
      Array.from({ length: 60 }, () => renderInstruction("detection", slots, "paraphrase", rngs[seed]!));
    const rngs = [createRng(1), createRng(1)];
    const first = draw(0);
    expect(draw(1)).toEqual(first);
    const train = new Set(bank.detection.train.map((line) => fill(line, slots)));
    for (const sentence of first) expect(train).toContain(sentence);
    expect(renderInstruction("segmentation", { category: "airplane" }, "template", createRng(0))).toBe(
      "Segment the airplane",
    );
    const unseen = bank.depth.unseen.map((line) => fill(line, { category: null }));
    expect(unseen).toContain(renderInstruction("depth", { category: null }, "unseen", createRng(3)));
  });

  it("asks without colours only when they are the default ones", () => {
    const rng = createRng(2);
    const usual = Array.from({ length: 200 }, () =>
      renderInstruction("classification", { category: "dog", ...defaultColours }, "paraphrase", rng),
    );
    expect(usual.some((sentence) => !/green/i.test(sentence))).toBe(true);
    for (let i = 0; i < 200; i++) {
      const slots = { category: "dog", positive: palette[2], negative: palette[0] };
      expect(renderInstruction("classification", slots, i % 2 ? "paraphrase" : "unseen", rng)).toMatch(
        /blue.*red|red.*blue/i,
      );
    }
  });

  it("sets articles and plurals", () => {
    const say = (line: string, category: string) => fill(line, { category });
    expect(say("Is there {a category}?", "airplane")).toBe("Is there an airplane?");
    expect(say("Is there {a category}?", "umbrella")).toBe("Is there an umbrella?");
    expect(say("Is there {a category}?", "unicorn")).toBe("Is there a unicorn?");
    expect(say("Is there {a category}?", "scissors")).toBe("Is there scissors?");
    expect(say("Find all {categories}", "person")).toBe("Find all people");
    expect(say("Find all {categories}", "wine glass")).toBe("Find all wine glasses");
    expect(say("Find all {categories}", "sheep")).toBe("Find all sheep");
    expect(say("Find all {categories}", "british shorthair")).toBe("Find all british shorthairs");
    expect(say("{category} mask", "dog")).toBe("Dog mask");
  });

  it("disturbs paraphrases, but neither slots nor words that decide between yes and no", () => {
    const rng = createRng(5);
    const line = "Turn the whole image {positive} if it contains {a category}, otherwise {negative}";
    let [short, long, same] = [0, 0, 0];
    for (let i = 0; i < 400; i++) {
      const disturbed = disturb(line, 0.3, rng);
      for (const kept of ["{positive}", "{a category},", "{negative}", " if ", "otherwise"])
        expect(disturbed).toContain(kept);
      const words = disturbed.split(" ").length - line.split(" ").length;
      if (words < 0) short++;
      else if (words > 0) long++;
      if (disturbed === line) same++;
    }
    expect(short).toBeGreaterThan(60);
    expect(long).toBeGreaterThan(60);
    expect(same).toBeGreaterThan(5);
    expect(disturb(line, 0, rng)).toBe(line);
    const noisy = Array.from({ length: 50 }, () =>
      renderInstruction("segmentation", { category: "wine glass" }, "paraphrase", rng, 0.5),
    );
    for (const sentence of noisy) expect(sentence).toMatch(/wine glass/i);
  });

  it("refuses to leave a slot empty", () => {
    expect(() => renderInstruction("detection", { category: null }, "template", createRng(0))).toThrow(
      /needs a category/,
    );
    expect(() => fill("Find {it}", { category: "dog" })).toThrow(/unknown slot/);
  });
});
