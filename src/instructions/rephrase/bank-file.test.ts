import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createRng } from "../../random.js";
import { palette } from "../../tasks/colours.js";
import type { TaskName } from "../../tasks/task.js";
import { bank as ourBank } from "../bank.js";
import { renderInstruction } from "../render.js";
import { loadBank, writeBankFile } from "./bank-file.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "instructcv-bank-"));
});
afterAll(() => rm(folder, { recursive: true }));

const masks = ["Cut the {category} out of the photo", "Which of these pixels belong to {a category}?"];
const colours = [
  "Give {positive} where {a category} is present, otherwise give {negative}",
  "Is there {a category} around?",
];
const write = async (tasks: object, more: object = {}) => {
  const path = join(folder, "bank.json");
  await writeFile(path, JSON.stringify({ format: "instructcv-bank/1", model: "m", created_by: "x", tasks, ...more }));
  return path;
};

describe("bank files", () => {
  it("are written without a date, byte for byte the same, and read back beside the shipped templates and unseen lines", async () => {
    const [a, b] = [join(folder, "a.json"), join(folder, "b.json")];
    const lines: [TaskName, string[]][] = [
      ["classification", colours],
      ["segmentation", masks],
      ["depth", []],
    ];
    await writeBankFile(a, "tiny", new Map(lines));
    await writeBankFile(b, "tiny", new Map(lines.reverse()));
    const text = await readFile(a, "utf8");
    expect(await readFile(b, "utf8")).toBe(text);
    expect(JSON.parse(text)).toEqual({
      format: "instructcv-bank/1",
      model: "tiny",
      created_by: expect.stringMatching(/^instructcv \d+\.\d+\.\d+/),
      tasks: { segmentation: { train: masks }, classification: { train: colours } },
    });
    const bank = await loadBank(a);
    expect(bank.segmentation).toEqual({ ...ourBank.segmentation, train: masks });
    expect(bank.depth).toEqual(ourBank.depth);
  });

  it("are what renderInstruction draws from", async () => {
    const bank = await loadBank(await write({ segmentation: { train: masks }, classification: { train: colours } }));
    const rng = createRng(1);
    const draw = () => renderInstruction("segmentation", { category: "dog" }, "paraphrase", rng, 0, bank);
    const drawn = new Set(Array.from({ length: 40 }, draw));
    expect([...drawn].sort()).toEqual(["Cut the dog out of the photo", "Which of these pixels belong to a dog?"]);
    const slots = { category: "dog", positive: palette[2], negative: palette[4] };
    for (let i = 0; i < 20; i++) {
      const sentence = renderInstruction("classification", slots, "paraphrase", rng, 0, bank);
      expect(sentence).toBe("Give blue where a dog is present, otherwise give white");
    }
    const unseen = ourBank.depth.unseen.map((line) => line);
    expect(unseen).toContain(renderInstruction("depth", { category: null }, "unseen", rng, 0, bank));
  });

  it.each<[string, object, RegExp]>([
    [
      "a lost slot",
      { segmentation: { train: [masks[0], "Segment it all"] } },
      /train\[1\] "Segment it all" names no category/,
    ],
    ["another language", { depth: { train: ["Estimez la profondeur de cette image"] } }, /train\[0\].*English/],
    [
      "an unseen line",
      { detection: { train: ["please pinpoint a {category}!"] } },
      /repeats a line that is kept unseen/,
    ],
    ["a template", { depth: { train: ["Estimate depth of this image."] } }, /repeats the template of depth/],
    ["a repeat", { segmentation: { train: [masks[0], masks[0]] } }, /train\[1\].*repeats train\[0\]/],
    ["only colourless lines", { classification: { train: [colours[1]] } }, /no line has \{positive\}/],
    ["no lines", { depth: { train: [] } }, /tasks\.depth\.train/],
    ["another task", { normals: { train: ["Show the normals"] } }, /normals/],
  ])("are refused with %s", async (_, tasks, message) => {
    const path = await write(tasks);
    const loading = loadBank(path);
    await expect(loading).rejects.toMatchObject({ code: "config", message });
    await expect(loading).rejects.toThrow(`${path}: `);
  });

  it("are refused when missing, cut, or of another format", async () => {
    await expect(loadBank(join(folder, "none.json"))).rejects.toThrow(/none\.json: .*no such file/);
    const path = join(folder, "cut.json");
    await writeFile(path, '{"format": "instructcv-ba');
    await expect(loadBank(path)).rejects.toThrow(/cut\.json: no JSON/);
    await expect(loadBank(await write({}, { format: "instructcv-bank/9" }))).rejects.toThrow(/format: /);
    await expect(loadBank(await write({}, { date: "today" }))).rejects.toThrow(/date/);
  });
});
