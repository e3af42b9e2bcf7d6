/** Commands of this package run a few at a time, each with its output in a file. */
import { spawn } from "node:child_process";
import { mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";

const CLI = new URL("../../dist/cli/main.js", import.meta.url).pathname;

/**
 * @param {{ name: string, args: string[], log: string }[]} commands
 * @param {number} lanes how many at once
 * @returns {Promise<string[]>} names of those that failed
 */
export async function runInLanes(commands, lanes) {
  const waiting = [...commands];
  const failed = [];
  const lane = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const { name, args, log } = next;
      console.error(`${new Date().toTimeString().slice(0, 8)} ${name} starts; its output: ${log}`);
      const start = performance.now();
      const code = await runOne(args, log);
      console.error(`${name}: ${code === 0 ? "done" : `exit code ${code}`} after ${minutes(start)} min`);
      if (code !== 0) failed.push(name);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return failed;
}

async function runOne(args, log) {
  await mkdir(dirname(log), { recursive: true });
  const file = await open(log, "w");
  try {
    const child = spawn(process.execPath, [CLI, ...args], { stdio: ["ignore", file.fd, file.fd] });
    return await new Promise((resolve, reject) => child.once("error", reject).once("exit", resolve));
  } finally {
    await file.close();
  }
}

const minutes = (start) => ((performance.now() - start) / 60_000).toFixed(1);
