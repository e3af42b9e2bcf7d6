/** Writes the answers of an evaluation as a folder that `openPredictions` reads: the same scores come out again. */
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { writeAtomic } from "../../files.js";
import { encodeDepthPng, encodeGreyPng } from "../../image/io.js";
import type { Respondent } from "../respondent.js";
import { levels, millimetres } from "./pack.js";
import { nameOf } from "./photo-key.js";

type Entries = Map<string, Readonly<Record<string, unknown>>[]>;

/** @param name how reports call who answered */
export function saving(respondent: Respondent, folder: string, name: string): Respondent & { finish(): Promise<void> } {
  const files: Entries = new Map();
  const add = (path: string, entries: readonly Readonly<Record<string, unknown>>[]) => {
    const all = files.get(path) ?? [];
    files.set(path, all);
    all.push(...entries);
  };

  const write = async (path: string, bytes: string | Uint8Array) => {
    await mkdir(dirname(path), { recursive: true });
    await writeAtomic(path, bytes);
  };

  return {
    async respond(query, signal) {
      const reply = await respondent.respond(query, signal);
      if ("fault" in reply) return reply;
      const { answer } = reply;
      const { photo, picture, question } = query;
      const { category } = question;
      const home = join(folder, photo.dataset);
      const file = `${nameOf(photo)}.png`;
      if (answer.task === "segmentation") {
        const mask = answer.mask.map((value) => value * 255);
        await write(join(home, "masks", category!, file), encodeGreyPng(mask, picture));
        await write(join(home, "probabilities", category!, file), encodeGreyPng(levels(answer.probability), picture));
      } else if (answer.task === "depth") {
        await write(join(home, "depth", file), await encodeDepthPng(millimetres(answer.metres), picture));
      } else if (answer.task === "detection") {
        const about = { image_id: nameOf(photo), category };
        const boxes = answer.boxes.map(({ xyxy: [x1, y1, x2, y2], score }) => ({
          ...about,
          bbox: [x1, y1, x2 - x1, y2 - y1],
          score,
        }));
        add(join(home, "detection.json"), boxes);
      } else {
        const { present, probability } = answer;
        add(join(home, "classification.json"), [{ image_id: nameOf(photo), category, present, probability }]);
      }
      return reply;
    },
    async finish() {
      for (const [path, entries] of files) await write(path, `${JSON.stringify(entries)}\n`);
      await write(join(folder, "predictions.json"), `${JSON.stringify({ name })}\n`);
    },
    ...(respondent.notes && { notes: () => respondent.notes!() }),
  };
}
