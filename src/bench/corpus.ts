/** Photos a second that the corpus builder turns into samples. */
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { buildCorpus } from "../corpus/build.js";

const PHOTOS = 300;
const data = resolve("../shared/data");

if (existsSync(data)) {
  const folder = await mkdtemp(join(tmpdir(), "instructcv-bench-"));
  try {
    let perSecond = 0;
    let records = 0;
    await buildCorpus({ dataRoot: data, out: join(folder, "corpus"), limit: PHOTOS }, (progress) => {
      if (progress.phase === "building") ({ perSecond, records } = progress);
    });
    console.log(`  ${perSecond.toFixed(1)} photos/s (${PHOTOS} photos, ${records} records)`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
} else console.log(`  not measured: no datasets in ${data}`);
