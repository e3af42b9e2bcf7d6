/** An engine in a process of its own: started, asked line by line, its memory watched from outside. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

/** Milliseconds between two looks at the memory. */
const PERIOD = 10;

export class EngineProcess {
  #child;
  #lines;
  #ended;
  #watch;
  /** Bytes of private memory, the most that was seen. */
  peakAnonymous = 0;

  /** Resolves when the engine is ready for its first picture; `ready` is what it said, with the seconds since the start. */
  static async start(command, args, threads) {
    const engine = new EngineProcess();
    const start = performance.now();
    engine.#child = spawn(command, args, {
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...process.env, OMP_NUM_THREADS: `${threads}`, HF_HUB_OFFLINE: "1", HF_HUB_DISABLE_PROGRESS_BARS: "1" },
    });
    let errors = "";
    engine.#child.stderr.on("data", (text) => {
      errors = `${errors}${text}`.slice(-2000);
    });
    engine.#ended = new Promise((resolve) => {
      engine.#child.once("close", (code) => resolve(`exit code ${code}: ${errors}`));
    });
    engine.#lines = createInterface({ input: engine.#child.stdout })[Symbol.asyncIterator]();
    engine.#watch = setInterval(() => engine.#look(), PERIOD);
    const said = await engine.#answer();
    engine.ready = { ...said, start: (performance.now() - start) / 1000 };
    return engine;
  }

  ask(request) {
    this.#child.stdin.write(`${JSON.stringify(request)}\n`);
    return this.#answer();
  }

  /** Bytes: VmHWM counts pages of mapped files too, which the kernel takes back when it needs them. */
  get peakResident() {
    return this.#status("VmHWM");
  }

  /** Bytes that it had fetched from the disk. */
  get readFromDisk() {
    return Number(/^read_bytes: (\d+)/m.exec(readFileSync(`/proc/${this.#child.pid}/io`, "utf8"))?.[1]);
  }

  async close() {
    clearInterval(this.#watch);
    this.#child.stdin.end();
    await this.#ended;
  }

  async #answer() {
    const { value, done } = await this.#lines.next();
    if (!done) return JSON.parse(value);
    clearInterval(this.#watch);
    throw new Error(`${this.#child.spawnargs.join(" ")}: ${await this.#ended}`);
  }

  #look() {
    this.peakAnonymous = Math.max(this.peakAnonymous, this.#status("RssAnon"));
  }

  /** 0 when the process has gone. */
  #status(field) {
    try {
      const status = readFileSync(`/proc/${this.#child.pid}/status`, "utf8");
      return 1024 * Number(new RegExp(`^${field}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0);
    } catch {
      return 0;
    }
  }
}
