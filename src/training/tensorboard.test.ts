/** Against the bytes of TensorBoard's own writer (scripts/oracles/event_files.py). */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { crc32c, openBoard } from "./tensorboard.js";

const goldens = resolve(import.meta.dirname, "../../tests/goldens/tensorboard");
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "instructcv-board-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The file's name asks first; from then on each event is a second later. */
function clock(start: number): () => number {
  const times = [start, ...Array.from({ length: 10 }, (_, i) => start + i + 0.5)];
  return () => times.shift()! * 1000;
}

test("the checksum is Castagnoli's", () => {
  expect(crc32c(Buffer.from("123456789"))).toBe(0xe3069283);
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
});

test("scalars and a picture, byte for byte", async () => {
  const board = await openBoard(folder, 0, clock(1_700_000_000));
  expect(board.path).toBe(join(folder, `events.out.tfevents.1700000000.${process.pid}`));
  await board.add(100, { "loss/total": 0.75, lr: 1e-4 });
  const png = await readFile(join(goldens, "picture.png"));
  await board.add(300, { "loss/total": Number.NaN }, { samples: png });
  const wanted = await readFile(join(goldens, "events.out.tfevents.1700000000.1"));
  expect((await readFile(board.path)).equals(wanted)).toBe(true);
});

test("a resumed run starts a file that makes later steps of earlier ones void", async () => {
  const board = await openBoard(folder, 200, clock(1_700_000_100));
  await board.add(300, { "loss/total": 0.25 });
  const wanted = await readFile(join(goldens, "events.out.tfevents.1700000100.1"));
  expect((await readFile(board.path)).equals(wanted)).toBe(true);
});
