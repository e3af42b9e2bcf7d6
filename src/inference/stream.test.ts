/** Answers as they come: steps with previews, many photos and sentences in one call, and leaving early. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { writeTinyCheckpoint } from "../../tests/helpers/tiny-checkpoint.js";
import type { Picture } from "../image/picture.js";
import { createRng } from "../random.js";
import { load } from "./index.js";

const root = await mkdtemp(join(tmpdir(), "instructcv-stream-"));
const dir = join(root, "tiny");
await writeTinyCheckpoint(dir, { resolution: 32 });
const model = await load(dir, { threads: 1 });
afterAll(async () => {
  await model.close();
  await rm(root, { recursive: true });
});

const rng = createRng(1);
const photo = (width: number, height: number): Picture => ({
  width,
  height,
  data: Uint8Array.from({ length: width * height * 3 }, () => rng.int(256)),
});
const one = photo(40, 30);

describe("stream", () => {
  test("a preview after each step, then the result that perceive gives", async () => {
    const steps: number[] = [];
    let last: Picture | undefined;
    for await (const event of model.stream(one, "Segment the cat", { steps: 4, seed: 9 })) {
      if (event.kind === "step") {
        expect(event).toMatchObject({ steps: 4, preview: { width: 32, height: 32 } });
        steps.push(event.step);
        last = event.preview;
      } else {
        const { timings, ...streamed } = event.perception;
        const { timings: again, ...asked } = await model.perceive(one, "Segment the cat", { steps: 4, seed: 9 });
        expect(streamed).toEqual(asked);
        // After the last step nothing is left to guess.
        expect(last).toEqual(streamed.picture);
        steps.push(0);
      }
    }
    expect(steps).toEqual([1, 2, 3, 4, 0]);
  });

  test("leaving the loop aborts; errors and the caller's signal reject", async () => {
    const start = performance.now();
    for await (const event of model.stream(one, "Segment the cat", { steps: 1000 })) {
      expect(event.kind).toBe("step");
      break;
    }
    await model.perceive(one, "Segment the cat");
    expect(performance.now() - start).toBeLessThan(2000);
    const failing = async () => {
      for await (const _ of model.stream(one, "Tell me a joke")) expect.unreachable();
    };
    await expect(failing()).rejects.toMatchObject({ code: "instruction" });
    const controller = new AbortController();
    const stopped = async () => {
      for await (const event of model.stream(one, "Segment the cat", { steps: 1000, signal: controller.signal }))
        if (event.kind === "step" && event.step === 2) controller.abort(new Error("enough"));
    };
    await expect(stopped()).rejects.toThrow("enough");
  });
});

describe("perceiveAll", () => {
  const photos = [one, photo(20, 50), new Uint8Array(9), photo(8, 8)];
  const sentences = ["Segment the cat", "Detect the dog"];

  test("answers come in order, each as if asked alone with its own seed; a broken photo gives its errors", async () => {
    const seed = (image: number, sentence: number) => 10 * image + sentence;
    const found: unknown[] = [];
    for await (const { photo, instruction, perception, error } of model.perceiveAll(photos, sentences, { seed })) {
      if (error) {
        expect(error).toMatchObject({ code: "image" });
        found.push([photo, instruction, "error"]);
        continue;
      }
      const { timings, ...rest } = perception;
      const alone = await model.perceive(photos[photo]!, sentences[instruction]!, { seed: seed(photo, instruction) });
      expect({ ...rest, timings: alone.timings }).toEqual(alone);
      found.push([photo, instruction, rest.seed]);
    }
    const error = "error";
    expect(found).toEqual([
      [0, 0, 0],
      [0, 1, 1],
      [1, 0, 10],
      [1, 1, 11],
      [2, 0, error],
      [2, 1, error],
      [3, 0, 30],
      [3, 1, 31],
    ]);
  });

  test("the caller's signal ends it with its reason; leaving early leaves the model usable", async () => {
    const controller = new AbortController();
    const stopped = async () => {
      for await (const _ of model.perceiveAll(photos, sentences, { signal: controller.signal }))
        controller.abort(new Error("enough"));
    };
    await expect(stopped()).rejects.toThrow("enough");
    for await (const answer of model.perceiveAll(photos, sentences, { steps: 300 })) {
      expect(answer.photo).toBe(0);
      break;
    }
    expect(await model.perceive(one, "Segment the cat")).toMatchObject({ task: "segmentation" });
  });
});
