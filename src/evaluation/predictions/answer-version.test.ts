/** Kept answers know which codecs read them: whoever changes a codec must raise ANSWER_VERSION, or old answers would be scored as new. */
import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import type { FloatPicture, Picture } from "../../image/picture.js";
import { createRng } from "../../random.js";
import { defaultColours } from "../../tasks/colours.js";
import { getTask, taskNames } from "../../tasks/registry.js";
import { ANSWER_VERSION } from "./cache.js";
import { rounded } from "./canonical.js";

/** Of what the codecs read in one made-up drawing, by the version that answers are kept under. */
const DIGESTS: Readonly<Record<number, string>> = {
  1: "f634ddbbfc2ee01d97189c343fe04dc33100e49e498740c6fac5ad65e0e7bdb9",
};

it("belongs to what the codecs of today read in a drawing", () => {
  const rng = createRng("drawing");
  const size = { width: 32, height: 24 };
  const image: Picture = { ...size, data: Uint8Array.from({ length: 32 * 24 * 3 }, () => rng.int(256)) };
  // The photo with a blue outline, and noise about it: something for each of the decoders.
  const drawn: FloatPicture = { ...size, data: Float32Array.from(image.data, (value) => value / 255) };
  for (let y = 4; y < 20; y++)
    for (let x = 4; x < 28; x++) if (y < 7 || y > 16 || x < 7 || x > 24) drawn.data.set([0, 0, 1], (y * 32 + x) * 3);
  const hash = createHash("sha256");
  for (const name of taskNames) {
    const slots = { category: name === "depth" ? null : "cat", ...(name === "classification" ? defaultColours : {}) };
    const answer = rounded(getTask(name).decode(drawn, image, slots, { width: 50, height: 40 }));
    hash.update(JSON.stringify(answer, (_, value) => (ArrayBuffer.isView(value) ? [...(value as Uint8Array)] : value)));
  }
  const message = "A codec reads drawings otherwise: raise ANSWER_VERSION in cache.ts and add its digest here.";
  expect(DIGESTS[ANSWER_VERSION], message).toBe(hash.digest("hex"));
});
