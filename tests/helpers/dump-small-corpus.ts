/** Writes the small corpus and its export for the Python oracles that read them: `npx vite-node tests/helpers/dump-small-corpus.ts DIR`. */
import { join } from "node:path";
import { exportCorpus } from "../../src/corpus/export/export.js";
import { smallParts, writeSmallCorpus } from "./small-corpus.js";

const folder = process.argv[2]!;
await writeSmallCorpus(join(folder, "corpus"));
await exportCorpus(join(folder, "corpus"), { out: join(folder, "export"), ...smallParts });
