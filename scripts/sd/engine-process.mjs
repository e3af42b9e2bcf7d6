/** An engine in a process of its own: started, asked line by line, its memory watched from outside. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

/** Milliseconds between two looks at the memory. */
const PERIOD = 10;

/** Of the kernel's clock in a second, as /proc counts. */
const TICKS = 100;

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

  /** Sends a line and returns the answer to it. */
  ask(request) {
    this.#child.stdin.write(`${JSON.stringify(request)}\n`);
    return this.#answer();
  }

  /** The answer, and how many cores other processes took meanwhile on average: what makes a timing doubtful. */
  async askAlone(request) {
    const before = { clock: performance.now(), all: busyTicks(), own: this.#ticks() };
    const said = await this.ask(request);
    const ticks = busyTicks() - before.all - (this.#ticks() - before.own);
    const elapsed = (performance.now() - before.clock) / 1000;
    return { ...said, others: Math.max(0, ticks / TICKS / elapsed) };
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

  /** Processor time of this process. */
  #ticks() {
    const fields = readFileSync(`/proc/${this.#child.pid}/stat`, "utf8").split(") ")[1].split(" ");
    return Number(fields[11]) + Number(fields[12]);
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

/** Processor time of everything on the machine. */
function busyTicks() {
  const [user, nice, system, , , irq, softirq, steal] = readFileSync("/proc/stat", "utf8")
    .split("\n")[0]
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return user + nice + system + irq + softirq + steal;
}
