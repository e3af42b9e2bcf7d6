/** A made-up set in the layout of one's own data with as many photos as wanted, for tests of memory: one small JPEG under many names. */
import { appendFileSync, copyFileSync, linkSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { encodeJpeg } from "../image/io.js";
import { createRng } from "../random.js";

/** File systems allow a file only so many names (ext4: 65,000), so each further batch gets a copy of its own. */
const NAMES_PER_FILE = 30_000;
const LINES_PER_WRITE = 5_000;

/** What its photos are asked about, in turn; each is in half of the photos that ask for it. */
export const SYNTHETIC_CATEGORIES = ["dog", "cat", "bicycle", "potted plant"] as const;

/**
 * Writes `<folder>/manifest.jsonl`, one classification line a photo, and `<folder>/images/000000.jpg` and so on, hard links to one JPEG
 * of 64x48 pixels of noise. 100,000 photos take seconds and megabytes; `rm(folder, { recursive: true })` removes them.
 * @param folder is made; must not exist
 */
export async function writeSyntheticSet(folder: string, photos: number): Promise<void> {
  mkdirSync(join(folder, "images"), { recursive: true });
  const rng = createRng("synthetic");
  const data = Uint8Array.from({ length: 64 * 48 * 3 }, () => rng.int(256));
  const jpeg = await encodeJpeg({ width: 64, height: 48, data }, 50);
  const manifest = join(folder, "manifest.jsonl");
  let source = "";
  let lines: string[] = [];
  for (let i = 0; i < photos; i++) {
    const image = `images/${String(i).padStart(6, "0")}.jpg`;
    const path = join(folder, image);
    if (i === 0) writeFileSync(path, jpeg);
    else if (i % NAMES_PER_FILE === 0) copyFileSync(source, path);
    else linkSync(source, path);
    if (i % NAMES_PER_FILE === 0) source = path;
    const category = SYNTHETIC_CATEGORIES[i % SYNTHETIC_CATEGORIES.length]!;
    const label = Math.floor(i / SYNTHETIC_CATEGORIES.length) % 2 === 0;
    lines.push(`${JSON.stringify({ image, task: "classification", category, label })}\n`);
    if (lines.length === LINES_PER_WRITE || i === photos - 1) {
      appendFileSync(manifest, lines.join(""));
      lines = [];
    }
  }
}
