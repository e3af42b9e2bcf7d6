/** `npm run bench [-- PART...]`: speed and memory in one run, each part in a process of its own; training is `npm run bench:train`. */
import { spawnSync } from "node:child_process";
import { availableParallelism, cpus } from "node:os";
import { fileURLToPath } from "node:url";

const PARTS = ["inference", "corpus"] as const;

console.log(`Node ${process.version}, ${availableParallelism()} cores, ${cpus()[0]?.model ?? "unknown processor"}`);
let failed = false;
const asked = process.argv.slice(2);
for (const part of PARTS) {
  if (asked.length > 0 && !asked.includes(part)) continue;
  console.log(`\n${part}`);
  const script = fileURLToPath(new URL(`./${part}.js`, import.meta.url));
  const { status } = spawnSync(process.execPath, [script], { stdio: "inherit" });
  if (status !== 0) failed = true;
}
process.exitCode = failed ? 1 : 0;
