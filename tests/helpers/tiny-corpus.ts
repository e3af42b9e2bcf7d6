/** The made-up samples of tiny-training.ts as a corpus folder, for what reads one from disk. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ShardWriter } from "../../src/corpus/shards.js";
import { encodeDepthPng, encodeJpeg, encodePng } from "../../src/image/io.js";
import { tinyStore } from "./tiny-training.js";

export async function writeTinyCorpus(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const { samples, size } = tinyStore();
  const frame = { width: size, height: size };
  const splits: Record<string, unknown> = {};
  for (const split of ["train", "val"]) {
    const writer = new ShardWriter(folder, split, 1000);
    for (const { record, photo, mask, millimetres } of samples) {
      const target = mask ? Uint8Array.from({ length: photo.length }, (_, i) => mask[Math.floor(i / 3)]!) : photo;
      await writer.add(record.key, [
        { suffix: "json", bytes: Buffer.from(JSON.stringify(record)) },
        { suffix: "image.jpg", bytes: await encodeJpeg({ ...frame, data: photo }) },
        { suffix: "target.png", bytes: await encodePng({ ...frame, data: target }) },
        ...(millimetres ? [{ suffix: "depth.png", bytes: await encodeDepthPng(millimetres, frame) }] : []),
      ]);
    }
    splits[split] = { shards: await writer.close(), records: samples.length, photos: 6 };
  }
  const manifest = {
    format: "instructcv-corpus/2",
    version: "0",
    config: {},
    seed: 0,
    size,
    box_outline: null,
    datasets: [],
    splits,
    counts: {},
    weights: {},
    skipped: [],
  };
  await writeFile(join(folder, "manifest.json"), JSON.stringify(manifest));
}
