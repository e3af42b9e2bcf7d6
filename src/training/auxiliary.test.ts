import { expect, test } from "vitest";
import { inOrder } from "../../tests/helpers/in-order.js";
import { tinyConfig, tinyStore } from "../../tests/helpers/tiny-training.js";
import { parseInstruction } from "../instructions/index.js";
import { createRng } from "../random.js";
import { defaultColours, palette } from "../tasks/colours.js";
import type { Xyxy } from "../tasks/task.js";
import { createTorch } from "../tensor/torch/index.js";
import { AuxiliaryHeads } from "./auxiliary.js";
import { type Batch, createLoader } from "./batch.js";
import { parseConfig } from "./config.js";
import { createPhotoDrawer } from "./photos.js";
import { collectPresence, type Presence, presentIn } from "./presence.js";
import { createSession } from "./session.js";
import { runUpdate } from "./update.js";

const torch = createTorch({ threads: 1 });
const { ops } = torch;
const presence: Presence = {
  categories: ["cat", "cow", "dog"],
  has: (photo, category) => {
    if (photo === "voc") return { cat: true, dog: false }[category];
    return photo === "pets" && category === "dog" ? true : undefined;
  },
};
const batch = {
  tasks: ["segmentation", "depth", "classification"],
  slots: [
    { category: "dog" },
    { category: null },
    { category: "cat", positive: palette[2], negative: defaultColours.negative },
  ],
} as unknown as Batch;
const all = [true, true, true];
const [T, C] = [5, 4];
const values = (count: number, seed: string) => {
  const rng = createRng(seed);
  return Float32Array.from({ length: count }, () => rng.normal());
};

/** Heads with known weights, their inputs, and the logits of a head by hand. */
function setUp() {
  const heads = new AuxiliaryHeads(presence, T, [C, 2, 2]);
  const weights = new Map<string, Float32Array>();
  heads.bind((name, { shape }) => {
    const data = values(
      shape.reduce((a, b) => a * b),
      name,
    );
    weights.set(name, data);
    return torch.tensor(data, shape);
  });
  const text = values(3 * T, "text");
  const middle = values(3 * C * 4, "middle");
  const logits = (head: string, x: (i: number, f: number) => number, features: number, i: number) => {
    const [weight, bias] = [weights.get(`${head}.weight`)!, weights.get(`${head}.bias`)!];
    return [...bias].map((b, k) => {
      let sum = b;
      for (let f = 0; f < features; f++) sum += weight[k * features + f]! * x(i, f);
      return sum;
    });
  };
  const ofText = (head: string, i: number) => logits(head, (row, f) => text[row * T + f]!, T, i);
  const pooled = (row: number, f: number) => {
    const at = (row * C + f) * 4;
    return (middle[at]! + middle[at + 1]! + middle[at + 2]! + middle[at + 3]!) / 4;
  };
  return {
    heads,
    text: torch.tensor(text, [3, T]),
    middle: torch.tensor(middle, [3, C, 2, 2]),
    surprise: (head: string, i: number, label: number) => {
      const row = ofText(head, i);
      return Math.log(row.reduce((sum, v) => sum + Math.exp(v), 0)) - row[label]!;
    },
    presenceLogits: (i: number) => logits("presence", pooled, C, i),
    askedLogit: (i: number) => logits("asked", pooled, C, i)[0]!,
    edges: (i: number) => logits("extent", (row, f) => middle[row * C * 4 + f]!, C * 4, i),
  };
}

test("the sentence's loss is the cross-entropy of what it states, by hand", () => {
  const { heads, text, surprise } = setUp();
  const [dog, depth] = [surprise("task", 0, 0) + surprise("category", 0, 2), surprise("task", 1, 2)];
  const cat =
    surprise("task", 2, 3) + surprise("category", 2, 0) + surprise("positive", 2, 2) + surprise("negative", 2, 0);
  expect(torch.tidy(() => torch.item(heads.sentenceLoss(ops, text, batch, all)))).toBeCloseTo(
    (dog + depth + cat) / 3,
    4,
  );
  const noDog = [false, true, true];
  expect(torch.tidy(() => torch.item(heads.sentenceLoss(ops, text, batch, noDog)))).toBeCloseTo((depth + cat) / 3, 4);
});

test("the photo's loss is the binary cross-entropy of the annotated categories, by hand", () => {
  const { heads, middle, presenceLogits } = setUp();
  const of = (i: number, dogPresent: boolean) => {
    const [cat, , dog] = presenceLogits(i) as [number, number, number];
    return (dogPresent ? 0 : Math.log(1 + Math.exp(-cat))) + Math.log(1 + Math.exp(dogPresent ? -dog : dog));
  };
  const loss = torch.tidy(() => torch.item(heads.presenceLoss(ops, middle, [["voc"], ["nyu"], ["pets"]])));
  expect(loss).toBeCloseTo((of(0, false) + of(2, true)) / 3, 4);
  // Two in a frame: the dog of one is in it, dogs of which one photo is not known are not known.
  const frames = [["voc", "pets"], ["voc", "nyu"], ["nyu"]];
  const cat = (i: number) => Math.log(1 + Math.exp(-presenceLogits(i)[0]!));
  const paired = torch.tidy(() => torch.item(heads.presenceLoss(ops, middle, frames)));
  expect(paired).toBeCloseTo((cat(0) + of(0, true) + cat(1)) / 3, 4);
});

test("the asked head's loss is the binary cross-entropy of the answers, by hand", () => {
  const { heads, middle, askedLogit } = setUp();
  const of = (i: number, present: boolean) => Math.log(1 + Math.exp(present ? -askedLogit(i) : askedLogit(i)));
  const loss = torch.tidy(() => torch.item(heads.askedLoss(ops, middle, [true, false, true])));
  expect(loss).toBeCloseTo((of(0, true) + of(1, false) + of(2, true)) / 3, 4);
});

test("the extent's loss is the squared error of the boxes there are, by hand", () => {
  const { heads, middle, edges } = setUp();
  const [cat, dog]: [Xyxy, Xyxy] = [
    [0.1, 0.2, 0.5, 0.9],
    [0, 0, 1, 0.4],
  ];
  const of = (i: number, category: number, box: Xyxy) =>
    box.reduce((sum, edge, e) => sum + (edges(i)[category * 4 + e]! - edge) ** 2, 0);
  const extents = [
    new Map([
      ["cat", cat],
      ["dog", dog],
    ]),
    new Map<string, Xyxy>(),
    new Map([["dog", dog]]),
  ];
  const loss = torch.tidy(() => torch.item(heads.extentLoss(ops, middle, extents)));
  expect(loss).toBeCloseTo((of(0, 0, cat) + of(0, 2, dog) + of(2, 2, dog)) / 3, 3);
});

test("a category annotated anywhere in a dataset is absent from the dataset's other photos only", () => {
  const record = (dataset: string, photo: string, category: string, negative = false) =>
    ({ record: { dataset, photo, slots: { category }, task: "classification", negative } }) as never;
  const samples = [
    record("voc", "a", "cat"),
    record("voc", "b", "dog"),
    record("voc", "b", "sofa", true),
    record("coco", "c", "cup"),
  ];
  const known = collectPresence({ samples });
  expect(known.categories).toEqual(["cat", "cup", "dog", "sofa"]);
  const all = (photo: string) => known.categories.map((category) => known.has(photo, category));
  const no = undefined;
  expect(all("a")).toEqual([true, no, false, no]);
  expect(all("b")).toEqual([false, no, true, no]);
  expect(all("c")).toEqual([no, true, no, no]);
  expect(all("elsewhere")).toEqual([no, no, no, no]);
});

test("half of the photos show what their sentence asks for, and the sentence says what", async () => {
  const recipe = await tinyConfig();
  const auxiliary = { sentence: 0, presence: 0, extent: 0, asked: 1, photos: 64 };
  const unet = { ...recipe.model.unet, addition_embed_type: "text", addition_embed_type_num_heads: 2 };
  const changed = { loss: { ...recipe.loss, auxiliary }, data: { ...recipe.data, pairs: 0.5, word_noise: 0 } };
  const config = parseConfig({ ...recipe, ...changed, model: { ...recipe.model, unet } }, "recipe.yaml");
  const store = tinyStore();
  const { shown, questions } = createPhotoDrawer(store, config, { encode: () => [] })(1, 400);
  const known = collectPresence(store);
  for (const [i, { instruction, present }] of questions.entries()) {
    const { slots, task } = parseInstruction(instruction);
    expect(task).not.toBe("depth");
    expect(presentIn(known, shown[i]!, slots.category!)).toBe(present);
  }
  expect(shown.filter((photos) => photos.length === 2).length).toBeGreaterThan(150);
  expect(Math.abs(questions.filter(({ present }) => present).length - 200)).toBeLessThan(60);
  const session = await createSession(config, store);
  const loader = createLoader(store, config, session.tokenizer);
  expect((await runUpdate(session, loader, 1, 1e-3)).auxiliary!.asked).toBeCloseTo(Math.log(2), 0);
});

test("the heads train with the network and need its sentence vector", async () => {
  const recipe = await tinyConfig();
  const loss = { ...recipe.loss, auxiliary: { sentence: 0.1, presence: 0.1, extent: 1, asked: 0, photos: 6 } };
  expect(() => parseConfig({ ...recipe, loss }, "recipe.yaml")).toThrow(/loss\.auxiliary.*addition_embed_type/);
  const unet = { ...recipe.model.unet, addition_embed_type: "text", addition_embed_type_num_heads: 2 };
  const config = parseConfig({ ...recipe, loss, model: { ...recipe.model, unet } }, "recipe.yaml");
  const session = await createSession(config, tinyStore());
  const names = session.optimizer.slots.map(({ name }) => name).filter((name) => name.startsWith("auxiliary."));
  expect(names).toHaveLength(14);
  const loader = createLoader(tinyStore(), config, session.tokenizer);
  const photos = await loader.photos(3, 6);
  expect(photos.image).toHaveLength(6 * 3 * 32 * 32);
  expect(photos.shown.every(([id, ...more]) => id!.startsWith("tiny/") && more.length === 0)).toBe(true);
  expect(await createLoader(tinyStore(), config, session.tokenizer).photos(3, 6)).toEqual(photos);
  const whole = { ...config, data: { ...config.data, flip: 1, crop: { ...config.data.crop, classification: null } } };
  const { shown, extents } = await createLoader(tinyStore(), whole, session.tokenizer).photos(0, 4);
  const { boxes, slots } = tinyStore().samples.find(
    ({ record }) => record.photo === shown[0]![0] && record.boxes?.length,
  )!.record;
  const [x1, y1, x2, y2] = boxes![0]!.map((edge) => edge / 32) as [number, number, number, number];
  expect([...extents[0]!]).toEqual([[slots.category, [1 - x2, y1, 1 - x1, y2]]]);
  const updates = await inOrder(Array(40).keys(), (i) => runUpdate(session, loader, i + 1, 2e-3));
  const losses = updates.map(({ auxiliary }) => auxiliary!);
  // The photos are noise, so presence can only fall to chance.
  for (const [head, share] of [
    ["sentence", 0.8],
    ["presence", 1],
    ["extent", 0.8],
  ] as const) {
    const mean = (part: typeof losses) => part.reduce((sum, loss) => sum + loss[head], 0) / part.length;
    expect(mean(losses.slice(-8)), head).toBeLessThan(share * mean(losses.slice(0, 4)));
  }
  const shape = (name: string) => session.optimizer.slots.find((slot) => slot.name === name)!.weight.shape;
  expect(shape("auxiliary.presence.weight")).toEqual([2, 32]);
  expect(shape("auxiliary.task.weight")).toEqual([4, 64]);
});
