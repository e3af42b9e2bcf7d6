/** Runs the built `instructcv` as a child process and collects what it says. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { resolve } from "node:path";

const program = resolve(import.meta.dirname, "../../dist/cli/main.js");

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd: string;
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Called with everything written to stdout so far. */
  readonly onStdout?: (text: string, child: { kill(signal: NodeJS.Signals): void; closeStdout(): void }) => void;
}

export function runCli(args: readonly string[], { cwd, env, onStdout }: RunOptions): Promise<Finished> {
  if (!existsSync(program)) throw new Error(`${program} is missing: run "npm run build" first`);
  return new Promise((done, fail) => {
    const child = spawn(program, args, { cwd, env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
    const control = { kill: (signal: NodeJS.Signals) => child.kill(signal), closeStdout: () => child.stdout.destroy() };
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk: Buffer) => {
      stdout += chunk;
      onStdout?.(stdout, control);
    });
    child.stderr.on("data", (chunk: Buffer) => {
      stderr += chunk;
    });
    child.on("error", fail);
    child.on("close", (code) => done({ code, stdout, stderr }));
  });
}
