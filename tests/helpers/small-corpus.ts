/** A small corpus of every task with exact labels, the same bytes on every machine: for checks, pages, exports and the Python oracles. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { encode } from "fast-png";
import type { CorpusRecord, Manifest } from "../../src/corpus/record.js";
import { type Member, ShardWriter } from "../../src/corpus/shards.js";
import { readPicture } from "../../src/image/io.js";
import type { Picture, Size } from "../../src/image/picture.js";
import { fitLabel } from "../../src/tasks/codec.js";
import { defaultColours } from "../../src/tasks/colours.js";
import { getTask } from "../../src/tasks/registry.js";
import { encodeRle } from "../../src/tasks/rle.js";
import type { Label, LabelOf, Task, Xyxy } from "../../src/tasks/task.js";

const square = { width: 64, height: 64 };
/** Of the photos before they were squashed. */
const own = { width: 96, height: 72 };
export const oddCategory = `<script>alert("1")</script>`;
const categories = ["cat", "dog", "cow", oddCategory, "horse"];

/** Several files of several row groups, for so small a corpus. */
export const smallParts = { partBytes: 30_000, groupBytes: 12_000 };

export interface SmallRecord {
  readonly split: string;
  readonly record: CorpusRecord;
  readonly members: readonly Member[];
}

/** 35 records of 5 photos; the last photo is in the split `val`. Pictures made by a pure JavaScript encoder, photos from files. */
export async function smallRecords(boxOutline: number | null = null): Promise<SmallRecord[]> {
  const records: SmallRecord[] = [];
  for (let p = 0; p < 5; p++) {
    const jpeg = await readFile(resolve(import.meta.dirname, `../goldens/corpus/photo-${p % 3}.jpg`));
    const photo = await readPicture(jpeg);
    const present = categories[p]!;
    const absent = categories[(p + 1) % categories.length]!;
    for (const [i, { label, category }] of labelsOf(p, present, absent).entries()) {
      const negative = category === absent;
      const slots = { category, ...(label.task === "classification" && defaultColours) };
      const task: Task = getTask(label.task, { box_outline: boxOutline });
      const fitted = fitLabel(task, label, square);
      const record: CorpusRecord = {
        key: `small_${p}_${i}`,
        photo: `small/${p}`,
        dataset: p < 3 ? "round" : "square",
        size: [own.width, own.height],
        task: label.task,
        slots,
        instruction: category === null ? "Estimate the depth of this image" : `${verbs[label.task]} the ${category}`,
        wording: i % 2 === 0 ? "template" : "paraphrase",
        ...(label.task === "segmentation" && {
          mask: encodeRle(label.mask, own),
          ignore: encodeRle(ignored(label.mask), own),
        }),
        ...(fitted.task === "detection" && { boxes: fitted.boxes }),
        ...(label.task === "classification" && { present: label.present }),
        negative,
      };
      const members: Member[] = [
        { suffix: "json", bytes: Buffer.from(JSON.stringify(record)) },
        { suffix: "image.jpg", bytes: jpeg },
        { suffix: "target.png", bytes: png(task.encode(fitted, photo, slots)) },
      ];
      if (fitted.task === "depth") members.push({ suffix: "depth.png", bytes: depthPng(fitted) });
      records.push({ split: p === 4 ? "val" : "train", record, members });
    }
  }
  return records;
}

/** Writes records in several shards a split, and a manifest that fits them. */
export async function writeCorpus(
  folder: string,
  records: readonly SmallRecord[],
  more: Partial<Manifest> = {},
): Promise<Manifest> {
  await mkdir(folder, { recursive: true });
  const splits: Record<string, Manifest["splits"][string]> = {};
  for (const split of ["train", "val"]) {
    const own = records.filter((record) => record.split === split);
    const shards = [];
    for (let first = 0; first < own.length; first += 14) {
      const writer = new ShardWriter(folder, `${split}-${String(first / 14).padStart(6, "0")}`, 2 ** 30);
      for (const { record, members } of own.slice(first, first + 14)) await writer.add(record.key, members);
      shards.push(...(await writer.close()));
    }
    const photos = new Set(own.map(({ record }) => record.photo)).size;
    splits[split] = { shards, records: own.length, photos };
  }
  const manifest: Manifest = {
    format: "instructcv-corpus/2",
    version: "0.0.0",
    config: {},
    seed: 0,
    size: square.width,
    box_outline: null,
    datasets: [
      { name: "round", title: "Round things", licence: "CC0-1.0", split: "train", photos: 3 },
      { name: "square", title: "Square | things", licence: "research only", split: "train", photos: 3 },
    ],
    splits,
    counts: countsOf(records),
    weights: {},
    skipped: [{ photo: "square/9", reason: "square/9.jpg: is empty (0 bytes)." }],
    ...more,
  };
  await writeFile(join(folder, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  return manifest;
}

export async function writeSmallCorpus(folder: string): Promise<Manifest> {
  return writeCorpus(folder, await smallRecords());
}

/** The same record with other fields; the member `json` follows. */
export function altered(small: SmallRecord, more: Partial<CorpusRecord>): SmallRecord {
  const record = { ...small.record, ...more };
  const json = { suffix: "json", bytes: Buffer.from(JSON.stringify(record)) };
  return { ...small, record, members: [json, ...small.members.slice(1)] };
}

const verbs = { segmentation: "Segment", detection: "Detect", depth: "", classification: "Show green if it has" };

/** Labels at the photo's own size: an ellipse with a band to ignore around it, its box and a second one, a ramp of depths. */
function labelsOf(p: number, present: string, absent: string): { label: Label; category: string | null }[] {
  const [x, y, w, h] = [8 + 5 * p, 6 + 4 * p, 40, 30];
  const mask = Uint8Array.from({ length: own.width * own.height }, (_, i) => {
    const [column, row] = [(i % own.width) + 0.5, Math.floor(i / own.width) + 0.5];
    const radius = Math.hypot((column - x - w / 2) / (w / 2), (row - y - h / 2) / (h / 2));
    return radius < 1 ? 1 : radius < 1.15 ? 255 : 0;
  });
  const nothing = mask.map((value) => (value === 255 ? 255 : 0));
  const boxes: Xyxy[] = [[x, y, x + w, y + h], ...(p % 2 ? [[66, 40, 94, 70] as const] : [])];
  const metres = Float32Array.from(mask, (_, i) => (i % own.width < 4 ? 0 : 1 + (i % own.width) / 20));
  return [
    { category: present, label: { task: "segmentation", ...own, mask } },
    { category: absent, label: { task: "segmentation", ...own, mask: nothing } },
    { category: present, label: { task: "detection", ...own, boxes } },
    { category: absent, label: { task: "detection", ...own, boxes: [] } },
    { category: null, label: { task: "depth", ...own, metres } },
    { category: present, label: { task: "classification", present: true } },
    { category: absent, label: { task: "classification", present: false } },
  ];
}

function ignored(mask: Uint8Array): Uint8Array {
  return mask.map((value) => (value === 255 ? 1 : 0));
}

function png({ width, height, data }: Picture): Buffer {
  return Buffer.from(encode({ width, height, data, channels: 3, depth: 8 }));
}

function depthPng({ width, height, metres }: LabelOf<"depth"> & Size): Buffer {
  const data = Uint16Array.from(metres, (m) => Math.round(m * 1000));
  return Buffer.from(encode({ width, height, data, channels: 1, depth: 16 }));
}

function countsOf(records: readonly SmallRecord[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { record } of records) {
    const kind = record.task === "depth" ? "" : record.negative ? "/absent" : "/present";
    const name = `${record.dataset}/${record.task}${kind}`;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}
