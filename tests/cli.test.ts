/** `instructcv run` as a user meets it: the built program as a child process, its streams, files and exit codes. */
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { readGrey16, readPicture } from "../src/image/io.js";
import { decodeRle } from "../src/tasks/rle.js";
import { parseAnswers } from "./helpers/contract.js";
import { writeBadPictures, writeOddPictures } from "./helpers/odd-pictures.js";
import { type RunOptions, runCli } from "./helpers/run-cli.js";
import { writeTinyCheckpoint } from "./helpers/tiny-checkpoint.js";

const examples = join(import.meta.dirname, "../examples");
let root: string;
let tiny: string;
/** An empty folder for each test: the working folder of the program. */
let cwd: string;
let tests = 0;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "instructcv-cli-"));
  tiny = join(root, "tiny");
  await writeTinyCheckpoint(tiny);
});
beforeEach(async () => {
  cwd = join(root, `test-${++tests}`);
  await mkdir(cwd);
  for (const name of ["cat.jpg", "dog.jpg"]) await copyFile(join(examples, name), join(cwd, name));
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** `instructcv run ... --model <tiny>`. */
const run = (args: string[], options: Partial<RunOptions> = {}) =>
  runCli(["run", ...args, "--model", tiny], { cwd, ...options });
const written = async (folder = "instructcv-out") => (await readdir(join(cwd, folder)).catch(() => [])).sort();

describe("answers", () => {
  test("one JSON line for every task, as promised, with pictures of the promised sizes", async () => {
    const sentences = ["Detect the cat", "Estimate the depth of this image", "Is there a cat?"];
    const { code, stdout } = await run([
      "cat.jpg",
      "Segment the cat",
      ...sentences.flatMap((s) => ["-i", s]),
      "--json",
    ]);
    expect(code).toBe(0);
    const answers = parseAnswers(stdout);
    expect(answers.map(({ task }) => task)).toEqual(["segmentation", "detection", "depth", "classification"]);
    expect(answers.map(({ instruction }) => instruction)).toEqual(["Segment the cat", ...sentences]);
    for (const answer of answers) {
      expect(answer).toMatchObject({ image: "cat.jpg", model: tiny, seed: 0, size: [224, 224] });
      const overlay = await readPicture(join(cwd, answer.overlay));
      expect([overlay.width, overlay.height]).toEqual([224, 224]);
      const drawn = await readPicture(join(cwd, answer.output));
      expect(drawn.width).toBe(drawn.height);
      expect(answer.timings_ms.total).toBeGreaterThan(0);
      if (answer.task === "segmentation") {
        expect(answer.result.mask.size).toEqual([224, 224]);
        const mask = decodeRle(answer.result.mask);
        expect(mask.reduce((sum, value) => sum + value, 0)).toBe(answer.result.area);
      }
      if (answer.task === "depth") {
        const { width, height, data } = await readGrey16(join(cwd, answer.result.depth));
        expect([width, height]).toEqual([224, 224]);
        expect(data.reduce((a, b) => Math.min(a, b)) / 1000).toBeCloseTo(answer.result.min_m, 2);
        expect(data.reduce((a, b) => Math.max(a, b)) / 1000).toBeCloseTo(answer.result.max_m, 2);
      }
    }
    expect(await written()).toEqual([
      "cat.classification-cat.overlay.png",
      "cat.classification-cat.png",
      "cat.depth.mm.png",
      "cat.depth.overlay.png",
      "cat.depth.png",
      "cat.detection-cat.overlay.png",
      "cat.detection-cat.png",
      "cat.segmentation-cat.overlay.png",
      "cat.segmentation-cat.png",
    ]);
  });

  test("nothing is sent or left anywhere else: the engine's telemetry stays off", async () => {
    const temporary = join(cwd, "tmp");
    await mkdir(temporary);
    const { code } = await run(["cat.jpg", "Is there a cat?", "--json"], {
      env: { TMPDIR: temporary, HOME: temporary },
    });
    expect([code, await readdir(temporary)]).toEqual([0, []]);
  });

  test("the same command gives the same bytes, another seed another drawing", async () => {
    const drawing = async (out: string, seed: string) => {
      await run(["cat.jpg", "Segment the cat", "--steps", "2", "--seed", seed, "--out", out, "--json"]);
      return readFile(join(cwd, out, "cat.segmentation-cat.png"));
    };
    const first = await drawing("a", "5");
    expect(first.equals(await drawing("b", "5"))).toBe(true);
    expect(first.equals(await drawing("c", "6"))).toBe(false);
  });

  test("without --json people are told the answer and where the pictures are", async () => {
    const { code, stdout } = await run(["cat.jpg", "How far away is everything?"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^cat\.jpg: How far away is everything\?\n/);
    expect(stdout).toMatch(/ m \(nearest\) to .* m \(farthest\)/);
    expect(stdout).toContain(join("instructcv-out", "cat.depth.mm.png"));
  });

  test("files, folders and patterns, each photo once, with several sentences", async () => {
    await mkdir(join(cwd, "more/deep"), { recursive: true });
    await copyFile(join(cwd, "cat.jpg"), join(cwd, "more/cat.jpg"));
    await copyFile(join(cwd, "dog.jpg"), join(cwd, "more/deep/puppy.jpg"));
    const images = ["dog.jpg", "more", "more/**/*.jpg"];
    const { code, stdout } = await run([...images, "-i", "Is there a dog?", "Segment the dog", "--out", "o", "--json"]);
    expect(code).toBe(0);
    const answers = parseAnswers(stdout);
    expect(answers.map(({ image }) => image)).toEqual(
      ["dog.jpg", "more/cat.jpg", "more/deep/puppy.jpg"].flatMap((image) => [image, image]),
    );
    expect(answers.slice(0, 2).map(({ task }) => task)).toEqual(["segmentation", "classification"]);
    expect(await written("o")).toHaveLength(12);
  });

  test("odd but good pictures are read as they have to be shown", async () => {
    const names = await writeOddPictures(cwd);
    const { code, stdout, stderr } = await run([...names, "Is there a cat?", "--json"]);
    expect(stderr).not.toContain("error");
    expect(code).toBe(0);
    const answers = parseAnswers(stdout);
    expect(answers.map(({ image }) => image)).toEqual(names);
    for (const { image, size } of answers) expect(size, image).toEqual([60, 40]);
  });
});

describe("what goes wrong", () => {
  test("a bad picture is named in one line, leaves no file and does not stop the others", async () => {
    const bad = await writeBadPictures(cwd);
    const images = ["cat.jpg", ...bad.map(([name]) => name), "dog.jpg"];
    const { code, stdout, stderr } = await run([...images, "Is there a cat?", "--json"]);
    expect(code).toBe(1);
    expect(parseAnswers(stdout).map(({ image }) => image)).toEqual(["cat.jpg", "dog.jpg"]);
    const errors = stderr.split("\n").filter((line) => line.startsWith("error: "));
    expect(errors).toHaveLength(bad.length);
    for (const [i, [name, reason]] of bad.entries()) {
      expect(errors[i]).toContain(name);
      expect(errors[i]).toMatch(reason);
    }
    expect(await written()).toHaveLength(4);
  });

  test("when nothing can be read, nothing is written", async () => {
    await mkdir(join(cwd, "empty"));
    const { code, stdout, stderr } = await run(["missing.jpg", "empty", "*.webp", "Is there a cat?", "--json"]);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr.match(/^error: /gm)).toHaveLength(3);
    expect(await readdir(cwd)).toEqual(["cat.jpg", "dog.jpg", "empty"]);
  });

  test("an output that cannot be written is an error of that photo, without leftovers", async () => {
    await mkdir(join(cwd, "o/cat.segmentation-cat.overlay.png"), { recursive: true });
    const { code, stdout, stderr } = await run(["cat.jpg", "dog.jpg", "Segment the cat", "--out", "o", "--json"]);
    expect(code).toBe(1);
    expect(parseAnswers(stdout).map(({ image }) => image)).toEqual(["dog.jpg"]);
    expect(stderr).toMatch(/^error: cat\.jpg: /m);
    expect(await written("o")).toEqual([
      "cat.segmentation-cat.overlay.png",
      "dog.segmentation-cat.overlay.png",
      "dog.segmentation-cat.png",
    ]);
  });

  const usage: [what: string, args: string[], says: RegExp][] = [
    ["no command", [], /Usage: instructcv/],
    ["an unknown command", ["paint", "cat.jpg"], /unknown command 'paint'/],
    ["nothing after run", ["run"], /missing required argument/],
    ["no instruction", ["run", "cat.jpg"], /must be the instruction/],
    ["no photo", ["run", "Segment the cat"], /No photo/],
    ["an unknown option", ["run", "cat.jpg", "Segment the cat", "--jsno"], /unknown option '--jsno'/],
    ["no steps", ["run", "cat.jpg", "Segment the cat", "--steps", "0"], /from 1 to 1000/],
    ["too many steps", ["run", "cat.jpg", "Segment the cat", "--steps", "1001"], /from 1 to 1000/],
    ["steps that are no number", ["run", "cat.jpg", "Segment the cat", "--steps", "few"], /from 1 to 1000/],
    ["a seed that is no number", ["run", "cat.jpg", "Segment the cat", "--seed", "-1"], /seed/],
    ["an empty instruction", ["run", "cat.jpg", ""], /instruction/i],
    ["an endless instruction", ["run", "cat.jpg", `Segment the ${"very ".repeat(2000)}cat`], /instruction/i],
    ["a sentence that is no vision task", ["run", "cat.jpg", "Tell me a joke about taxes"], /segment.*depth/i],
    ["a bad further sentence", ["run", "cat.jpg", "Segment the cat", "-i", "Sing"], /segment.*depth/i],
    ["an output folder that is a file", ["run", "cat.jpg", "Segment the cat", "--out", "dog.jpg"], /is a file/],
    ["eval without data", ["eval"], /--data/],
    ["eval with an unknown task", ["eval", "--data", ".", "--task", "poetry"], /segmentation, detection/],
    ["eval with an unknown dataset", ["eval", "--data", ".", "--dataset", "imagenet"], /voc2012/],
    ["train without a recipe", ["train"], /--config/],
    ["a corpus without a folder", ["data", "build", "mini.yaml"], /--out/],
    ["a corpus of nothing", ["data", "build", "--out", "x"], /missing required argument 'config'/],
  ];
  test.each(usage)("%s is wrong usage: exit code 2, said on stderr, nothing done", async (_, args, says) => {
    const { code, stdout, stderr } = await runCli(args, { cwd });
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(says);
    expect(stderr).not.toMatch(/^ {4}at /m);
    expect(await readdir(cwd)).toEqual(["cat.jpg", "dog.jpg"]);
  });
});

describe("a model that cannot be used", () => {
  const weights = "unet/diffusion_pytorch_model.safetensors";
  const damages: [what: string, file: string, damage: (bytes: Buffer) => Buffer | null][] = [
    ["a missing index", "model_index.json", () => null],
    ["a config that is no JSON", "unet/config.json", () => Buffer.from("{")],
    ["missing weights", weights, () => null],
    ["weights cut short", weights, (bytes) => bytes.subarray(0, bytes.length - 100)],
    ["weights cut inside the header", weights, (bytes) => bytes.subarray(0, 20)],
    ["a header that claims more than the file", weights, (bytes) => withHeaderLength(bytes, 1n << 40n)],
    ["a header with another shape", weights, swapShape],
    ["a config of another shape", "unet/config.json", widen],
    ["a missing vocabulary", "tokenizer/vocab.json", () => null],
  ];

  test.each(damages)("%s: exit code 1, one line that names the file, nothing written", async (_, file, damage) => {
    const broken = join(cwd, "broken");
    await writeTinyCheckpoint(broken);
    const bytes = damage(await readFile(join(broken, file)));
    if (bytes) await writeFile(join(broken, file), bytes);
    else await rm(join(broken, file));
    const { code, stdout, stderr } = await runCli(["run", "cat.jpg", "Segment the cat", "--model", broken], { cwd });
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(/^error: [^\n]+\n$/);
    expect(stderr).toContain(broken);
    expect(await written()).toEqual([]);
  });

  test("a missing folder says what to give", async () => {
    const { code, stderr } = await runCli(["run", "cat.jpg", "Segment the cat", "--model", "nowhere"], { cwd });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error: [^\n]*nowhere[^\n]*owner\/name[^\n]*\n$/);
  });
});

describe("the program", () => {
  test.each([[], ["run"], ["tasks"], ["eval"], ["data"], ["train"], ["report"], ["export"]])(
    "%s --help explains and succeeds",
    async (...command) => {
      const { code, stdout, stderr } = await runCli([...command, "--help"], { cwd });
      expect([code, stderr]).toEqual([0, ""]);
      expect(stdout).toContain("Usage: instructcv");
      if (command[0] === "run") expect(stdout).toMatch(/JPEG.*Exit codes: 0 done; 1 .*; 2 wrong usage/s);
    },
  );

  test("--version is the package's", async () => {
    const { version } = JSON.parse(await readFile(join(import.meta.dirname, "../package.json"), "utf8"));
    expect(await runCli(["--version"], { cwd })).toEqual({ code: 0, stdout: `${version}\n`, stderr: "" });
  });

  test("tasks lists what is understood", async () => {
    const { code, stdout } = await runCli(["tasks"], { cwd });
    expect(code).toBe(0);
    for (const task of ["segmentation", "detection", "depth", "classification"]) expect(stdout).toContain(task);
  });

  test("Ctrl-C stops between answers: exit code 130, every file whole", async () => {
    for (let i = 0; i < 40; i++) await copyFile(join(cwd, "cat.jpg"), join(cwd, `copy-${i}.jpg`));
    let stopping = false;
    const { code, stdout } = await run([".", "Segment the cat", "--json"], {
      onStdout(text, child) {
        if (stopping || text.split("\n").length < 4) return;
        stopping = true;
        child.kill("SIGINT");
      },
    });
    expect(code).toBe(130);
    const answers = parseAnswers(stdout);
    expect(answers.length).toBeLessThan(42);
    const files = await written();
    expect(files.filter((file) => !file.endsWith(".png"))).toEqual([]);
    for (const file of files) await readPicture(join(cwd, "instructcv-out", file));
  });

  test("a reader that goes away ends the program without noise", async () => {
    for (let i = 0; i < 20; i++) await copyFile(join(cwd, "cat.jpg"), join(cwd, `copy-${i}.jpg`));
    const { code, stderr } = await run([".", "Segment the cat", "--json"], {
      onStdout: (_, child) => child.closeStdout(),
    });
    expect(code).toBe(130);
    expect(stderr).not.toMatch(/^ {4}at |EPIPE/m);
  });
});

function withHeaderLength(bytes: Buffer, length: bigint): Buffer {
  const lying = Buffer.from(bytes);
  lying.writeBigUInt64LE(length, 0);
  return lying;
}

/** Turns the shape of the first matrix around: sizes still fit, the model does not. */
function swapShape(bytes: Buffer): Buffer {
  const length = Number(bytes.readBigUInt64LE(0));
  const header = bytes.toString("utf8", 8, 8 + length);
  const swapped = header.replace(/"shape":\[(\d+),(\d+)\]/, (all, a, b) => (a === b ? all : `"shape":[${b},${a}]`));
  return Buffer.concat([bytes.subarray(0, 8), Buffer.from(swapped), bytes.subarray(8 + length)]);
}

function widen(bytes: Buffer): Buffer {
  const config = JSON.parse(bytes.toString());
  return Buffer.from(
    JSON.stringify({ ...config, block_out_channels: config.block_out_channels.map((n: number) => n * 2) }),
  );
}
