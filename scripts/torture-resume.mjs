/** `npm run torture:resume -- --kills 50`: the resume tests with this many SIGKILLs. */
import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";

const { kills } = parseArgs({ options: { kills: { type: "string", default: "50" } } }).values;
if (!/^[1-9]\d*$/.test(kills)) {
  console.error(`--kills must be a positive whole number, found ${kills}.`);
  process.exit(2);
}
const { status } = spawnSync("npx", ["vitest", "run", "tests/resume-torture.test.ts"], {
  stdio: "inherit",
  env: { ...process.env, INSTRUCTCV_KILLS: kills },
});
process.exitCode = status ?? 1;
