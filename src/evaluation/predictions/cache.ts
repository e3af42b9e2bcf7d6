/** Answers kept by what decides them, so that an interrupted evaluation goes on where it was and parts may share their work. */
import { createHash } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { InstructCvError } from "../../errors.js";
import { writeAtomic } from "../../files.js";
import type { Picture } from "../../image/picture.js";
import type { Query, Reply, Respondent } from "../respondent.js";
import { packReply, unpackReply } from "./pack.js";

/**
 * Raise it whenever a codec of src/tasks reads a drawing otherwise than before, or a kept answer is written otherwise: answers of
 * another version are not found, so they are asked for again. A test compares decoded drawings with those of this version.
 */
export const ANSWER_VERSION = 1;

const pictures = new WeakMap<Picture, string>();

function digestOf(picture: Picture): string {
  const known = pictures.get(picture);
  if (known) return known;
  const digest = createHash("sha256").update(`${picture.width}x${picture.height}/`).update(picture.data).digest("hex");
  pictures.set(picture, digest);
  return digest;
}

/**
 * @param folder may be shared by processes at the same time, and folders of several machines may be copied together: a file is written
 *   whole, under the hash of all that decides it
 * @param decidedBy whatever else decides the answers: digest of the model, seed, steps, guidance, ...
 */
export function cached(
  respondent: Respondent,
  folder: string,
  decidedBy: Readonly<Record<string, unknown>>,
): Respondent & { readonly counts: { found: number; asked: number } } {
  const counts = { found: 0, asked: 0 };
  const settings = JSON.stringify(Object.entries(decidedBy).sort(([a], [b]) => (a < b ? -1 : 1)));
  const pathOf = ({ picture, instruction, question }: Query) => {
    const key = JSON.stringify([ANSWER_VERSION, settings, digestOf(picture), question.task, instruction]);
    const hash = createHash("sha256").update(key).digest("hex");
    return join(folder, hash.slice(0, 2), `${hash}.json`);
  };
  return {
    counts,
    async respond(query, signal) {
      const path = pathOf(query);
      const kept = await readKept(path, query);
      if (kept) {
        counts.found++;
        return kept;
      }
      const reply = await respondent.respond(query, signal);
      counts.asked++;
      const packed = await packReply(reply, query.picture);
      await mkdir(dirname(path), { recursive: true });
      await writeAtomic(path, packed);
      return reply;
    },
    ...(respondent.notes && { notes: () => respondent.notes!() }),
  };
}

/** @throws {InstructCvError} "dataset" for a file that is there but damaged: it is never passed over in silence. */
async function readKept(path: string, { picture }: Query): Promise<Reply | undefined> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  try {
    return await unpackReply(text, picture);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new InstructCvError("dataset", `${path}: damaged answer in the cache: ${why}`, "Delete the file and go on.");
  }
}
