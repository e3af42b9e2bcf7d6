/** A process of its own: lists a synthetic set, builds a part of 512 photos of it and prints its peak memory. */
import { join } from "node:path";
import { buildCorpus } from "../corpus/build.js";
import { parseCorpusConfig } from "../corpus/config.js";

const data = process.argv[2]!;
const config = parseCorpusConfig(
  {
    name: "synthetic",
    size: 64,
    data,
    datasets: [{ name: "synthetic", reader: "manifest", folder: ".", split: "manifest" }],
    val_share: 0,
    shards: { photos: 512 },
  },
  "bench",
);
const start = performance.now();
let photos = 0;
await buildCorpus(config, { out: join(data, "corpus"), part: { index: 0, of: 1_000_000 } }, ({ done }) => {
  photos = done;
});
if (photos !== 512) throw new Error(`${photos} photos built, expected 512`);
console.log(
  JSON.stringify({ peak: process.resourceUsage().maxRSS * 1024, seconds: (performance.now() - start) / 1000 }),
);
