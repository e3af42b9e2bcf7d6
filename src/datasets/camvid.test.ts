/** CamVid: the real validation frames, and label maps that lie. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, it } from "vitest";
import { encodeGreyPng, encodeJpeg } from "../image/io.js";
import { CAMVID_CLASSES, camvid } from "./camvid.js";
import { Skipped } from "./sample.js";

const place = (root: string, split = "val") => ({ name: "camvid", root, split, options: {} });

it("reads the frames of a split with a mask for each class, unlabelled pixels ignored", async () => {
  const entries = [];
  const root = resolve("../shared/data/camvid");
  for await (const entry of camvid.list(place(root))) if (!(entry instanceof Skipped)) entries.push(entry);
  expect(entries).toHaveLength(101);
  const photo = camvid.open(place(root), entries[0]!);
  expect(photo.id).toBe("camvid/0016E5_07959");
  expect(await photo.image()).toMatchObject({ width: 480, height: 360 });
  const masks = await photo.masks!();
  expect([...masks.keys()]).toEqual(photo.present);
  const road = masks.get("road")!;
  const sky = masks.get("sky")!;
  // The road is at the bottom and the sky at the top of this drive; nobody labelled a few pixels.
  expect(road.indexOf(1)).toBeGreaterThan(sky.indexOf(1));
  expect(road.includes(255)).toBe(true);
  for (let i = 0; i < road.length; i++) expect(road[i] === 255).toBe(sky[i] === 255);
});

it("skips a frame whose map has other labels or is missing, and names it", async () => {
  const root = await mkdtemp(join(tmpdir(), "camvid-"));
  const size = { width: 2, height: 1 };
  for (const folder of ["val", "valannot"]) await mkdir(join(root, folder));
  for (const name of ["a", "b", "c"])
    await writeFile(join(root, "val", `${name}.jpg`), await encodeJpeg({ ...size, data: new Uint8Array(6) }));
  await writeFile(join(root, "valannot/a.png"), encodeGreyPng(Uint8Array.of(3, 11), size));
  await writeFile(join(root, "valannot/b.png"), encodeGreyPng(Uint8Array.of(3, 12), size));
  const found = [];
  for await (const entry of camvid.list(place(root)))
    found.push(entry instanceof Skipped ? `${entry.photo}: ${entry.reason}` : entry);
  expect(found[0]).toEqual({ file: "a.jpg", ...size, present: [CAMVID_CLASSES.indexOf("road")] });
  expect(found[1]).toMatch(/^camvid\/b: .*b\.png: expected labels 0 to 11, found 12/);
  expect(found[2]).toMatch(/^camvid\/c: .*c\.png/);
  await rm(root, { recursive: true });
});
