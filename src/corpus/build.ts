/** Builds a training corpus: shard by shard, on several threads or machines, going on where a killed build stopped. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rm, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { InstructCvError } from "../errors.js";
import { writeAtomic } from "../files.js";
import { type Bank, bank as shippedBank } from "../instructions/bank.js";
import { loadBank } from "../instructions/rephrase/bank-file.js";
import { packageVersion } from "../version.js";
import type { CorpusConfig } from "./config.js";
import { makeManifest } from "./manifest.js";
import { type Part, planUnits, type Unit, unitsOf } from "./plan.js";
import { listPool, type Pool } from "./pool.js";
import type { Manifest } from "./record.js";
import { cannotWrite } from "./shards.js";
import { notesFolder, type UnitNote, unitNoteSchema } from "./unit.js";
import { runUnits } from "./workers.js";

export interface BuildOptions {
  /** Folder to make. It must not exist, be empty, hold the unfinished build of the same corpus or, with `overwrite`, another one. */
  readonly out: string;
  readonly overwrite?: boolean;
  /** Threads; 1 unless given. The bytes written do not depend on it. */
  readonly workers?: number;
  /** Make only this part of the shards; whichever part is done last writes the manifest. All unless given. */
  readonly part?: Part;
}

export interface BuildProgress {
  readonly phase: "listing" | "building";
  /** Photos listed, or done by this build. */
  readonly done: number;
  /** Photos in all that this build has to do; unknown while listing. */
  readonly total?: number;
  /** Records written so far. */
  readonly records: number;
  /** Photos that could not be used so far. */
  readonly skipped: number;
  /** Shards that an earlier build left complete. */
  readonly kept: number;
}

export interface Built {
  /** Null while shards of other parts are missing. */
  readonly manifest: Manifest | null;
  /** Shards of the corpus that are complete, and all. */
  readonly shards: readonly [complete: number, all: number];
  /** Of these, what an earlier build had left. */
  readonly kept: number;
}

/** `build.json`: which corpus the shards of a folder belong to. */
interface BuildFile {
  /** Digest of all that decides the bytes. */
  readonly build: string;
  readonly shards: number;
}

/**
 * Builds the corpus into `out`. Equal configurations, datasets and banks give equal bytes. Shards appear whole or not at all; after an
 * error, an abort by `signal` or a kill the same call goes on with those that are missing.
 * @throws {InstructCvError} "dataset" for a set that is missing or too many photos that cannot be used, "usage" when `out` is in the
 * way, "corpus" when the disk is full
 */
export async function buildCorpus(
  config: CorpusConfig,
  options: BuildOptions,
  onProgress: (progress: BuildProgress) => void = () => {},
  signal?: AbortSignal,
): Promise<Built> {
  const folder = resolve(options.out);
  await refuseOther(folder, options.overwrite ?? false);
  const [bank, bankDigest] = await openBank(config);
  const pool = await listPool(
    config,
    (done) => onProgress({ phase: "listing", done, records: 0, skipped: 0, kept: 0 }),
    signal,
  );
  const units = planUnits(pool, config);
  const version = packageVersion();
  const build = digest([version, decisive(config), bankDigest, pool.sha256]);
  await enter(folder, { build, shards: units.length }, options.overwrite ?? false);

  const mine = unitsOf(units, options.part ?? { index: 0, of: 1 });
  const notes = new Map<string, UnitNote>();
  for (const unit of units) {
    const note = await readNote(folder, unit, build);
    if (note) notes.set(unit.name, note);
  }
  const missing = mine.filter(({ name }) => !notes.has(name));
  const kept = mine.length - missing.length;
  const total = missing.reduce((sum, { photos }) => sum + photos.length, 0);
  let done = 0;
  let records = 0;
  let skipped = [...notes.values()].reduce((sum, note) => sum + note.skipped.length, pool.skipped.length);
  const report = () => onProgress({ phase: "building", done, total, records, skipped, kept });
  const limit = config.max_skipped * (pool.entries.length + pool.skipped.length);
  refuseSkipped(pool, notes, limit);
  report();
  await runUnits(
    missing,
    options.workers ?? 1,
    { folder, build, config, sources: pool.sources, frequencies: pool.frequencies, bank },
    {
      onPhoto(made) {
        done++;
        records += made;
        report();
      },
      onUnit({ name }, note) {
        notes.set(name, note);
        skipped += note.skipped.length;
        refuseSkipped(pool, notes, limit);
      },
    },
    signal,
  );
  const manifest = await finish(folder, config, version, pool, units, build);
  const complete = manifest ? units.length : notes.size;
  return { manifest, shards: [complete, units.length], kept };
}

/** Writes the manifest when every shard is there, whoever made it; null when some are missing. */
async function finish(
  folder: string,
  config: CorpusConfig,
  version: string,
  pool: Pool,
  units: readonly Unit[],
  build: string,
): Promise<Manifest | null> {
  const notes: UnitNote[] = [];
  for (const unit of units) {
    const note = await readNote(folder, unit, build);
    if (!note) return null;
    notes.push(note);
  }
  const manifest = makeManifest(config, version, pool, units, notes);
  await write(join(folder, "manifest.json"), manifest);
  return manifest;
}

/** A folder that holds something else is left alone, before any work is done. */
async function refuseOther(folder: string, overwrite: boolean): Promise<void> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw new InstructCvError("usage", `${folder}: is no folder to write a corpus to.`, "Name another one.");
  }
  if (names.length === 0 || names.includes("build.json") || (overwrite && names.includes("manifest.json"))) return;
  const cure = names.includes("manifest.json") ? "Name another one or ask to overwrite it." : "Name another one.";
  throw new InstructCvError("usage", `${folder}: the folder is not empty.`, cure);
}

/** Makes the folder this build's own, or goes on with what it has. */
async function enter(folder: string, file: BuildFile, overwrite: boolean): Promise<void> {
  const path = join(folder, "build.json");
  const earlier = existsSync(path) ? await readFile(path, "utf8").catch(() => "") : null;
  const same = earlier?.includes(`"${file.build}"`) ?? false;
  if (overwrite) await rm(folder, { recursive: true, force: true });
  else if (earlier !== null && !same) {
    throw new InstructCvError(
      "usage",
      `${folder}: holds a corpus of other settings, datasets or another version.`,
      "Name another folder or ask to overwrite it.",
    );
  }
  try {
    await mkdir(join(folder, notesFolder), { recursive: true });
  } catch (error) {
    throw cannotWrite(folder, error);
  }
  if (!same || overwrite) await write(path, file);
}

/** The note of a shard that is complete, undefined otherwise. */
async function readNote(folder: string, { name }: Unit, build: string): Promise<UnitNote | undefined> {
  const text = await readFile(join(folder, notesFolder, `${name}.json`), "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  const note = unitNoteSchema.safeParse(json);
  if (!note.success || note.data.build !== build) return undefined;
  for (const { file, bytes } of note.data.shards) {
    const found = await stat(join(folder, file)).catch(() => undefined);
    if (found?.size !== bytes) return undefined;
  }
  return note.data;
}

function refuseSkipped(pool: Pool, notes: ReadonlyMap<string, UnitNote>, limit: number): void {
  const skipped = [...pool.skipped, ...[...notes.values()].flatMap((note) => note.skipped)];
  if (skipped.length <= limit) return;
  const photos = pool.entries.length + pool.skipped.length;
  throw new InstructCvError(
    "dataset",
    `${skipped.length} of ${photos} photos cannot be used, max_skipped allows ${Math.floor(limit)}; the first: ${skipped[0]!.reason}`,
    "Repair the dataset or raise max_skipped.",
  );
}

async function openBank({ instructions }: CorpusConfig): Promise<[Bank, string]> {
  if (instructions.bank === null) return [shippedBank, digest([shippedBank])];
  const bank = await loadBank(instructions.bank);
  return [bank, digest([bank])];
}

/** The configuration without what changes no byte of a shard. */
function decisive(config: CorpusConfig): unknown {
  return { ...config, max_skipped: null, instructions: { ...config.instructions, bank: null } };
}

function digest(values: readonly unknown[]): string {
  return createHash("sha256").update(JSON.stringify(values)).digest("hex");
}

async function write(path: string, value: unknown): Promise<void> {
  try {
    await writeAtomic(path, `${JSON.stringify(value, null, 2)}\n`);
  } catch (error) {
    throw cannotWrite(path, error);
  }
}
