/** `vite-node compare-pix2pix.ts START PEER RESULT CASE...`: how far our runs are from the oracle's, as JSON in the file RESULT. */
import { writeFile } from "node:fs/promises";
import { type Pix2PixCase, pix2pixGaps } from "./pix2pix-training.js";

const [start, peer, result, ...cases] = process.argv.slice(2) as [string, string, string, ...Pix2PixCase[]];
const gaps: object[] = [];
for (const which of cases) gaps.push({ case: which, ...(await pix2pixGaps(start, which, peer)) });
await writeFile(result, JSON.stringify(gaps));
