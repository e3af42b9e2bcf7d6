/** The dependency rule fires: each import that must not exist is written to a scratch tree and has to be reported. */
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

const repository = resolve(import.meta.dirname, "..");

/** File of the scratch tree, what it imports, the rule that must object (null: allowed). */
const cases: [file: string, imports: string, rule: string | null][] = [
  ["src/tasks/a.ts", "../tensor/tensor.js", "layer-tasks"],
  ["src/instructions/a.ts", "../models/b.js", "layer-instructions"],
  ["src/datasets/a.ts", "../corpus/b.js", "layer-datasets"],
  ["src/corpus/a.ts", "../training/b.js", "layer-corpus"],
  ["src/evaluation/a.ts", "../inference/b.js", "layer-evaluation"],
  ["src/models/a.ts", "../tensor/torch/b.js", "engine-torch"],
  ["src/diffusion/a.ts", "../tensor/onnx/b.js", "engine-onnx"],
  ["src/inference/a.ts", "../tensor/torch/b.js", "engine-torch"],
  ["src/training/a.ts", "../tensor/onnx/b.js", "engine-onnx"],
  ["src/image/a.ts", "../tasks/b.js", "layer-image"],
  ["src/errors.ts", "./files.js", "layer-errors"],
  ["src/inference/c.ts", "../cli/b.js", "layer-inference"],
  ["src/cli/a.ts", "../models/b.js", "layer-cli"],
  ["src/cli/c.ts", "sharp", "sharp"],
  ["src/models/c.ts", "onnxruntime-node", "onnxruntime"],
  ["src/tasks/c.ts", "./d.js", "no-cycle"],
  ["src/tasks/e.ts", "./missing.js", "resolvable"],
  ["src/tasks/f.ts", "vitest", "runtime-dependency"],
  ["src/newcomer/a.ts", "../errors.js", "known-folder"],
  ["src/tasks/g.ts", "./h.test.js", "not-a-test"],
  ["src/image/g.ts", "sharp", null],
  ["src/inference/g.ts", "onnxruntime-node", null],
  ["src/training/g.ts", "../tensor/torch/b.js", null],
  ["src/tasks/h.test.ts", "../tensor/torch/b.js", null],
];
const leaves = [
  "tensor/tensor",
  "tensor/torch/b",
  "tensor/onnx/b",
  "models/b",
  "corpus/b",
  "training/b",
  "inference/b",
];

let scratch: string;
let violations: { from: string; rule: { name: string } }[];

async function put(file: string, text: string): Promise<void> {
  await mkdir(dirname(join(scratch, file)), { recursive: true });
  await writeFile(join(scratch, file), text);
}

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "instructcv-rule-"));
  for (const name of [...leaves, "tasks/b", "cli/b", "files"]) await put(`src/${name}.ts`, "export const leaf = 1;\n");
  for (const [file, imports] of cases) await put(file, `import "${imports}";\nexport const leaf = 1;\n`);
  await put("src/tasks/d.ts", `import "./c.js";\nexport const leaf = 1;\n`);
  for (const name of [".dependency-cruiser.cjs", "package.json", "tsconfig.json"]) {
    await cp(join(repository, name), join(scratch, name));
  }
  await symlink(join(repository, "node_modules"), join(scratch, "node_modules"));
  const output = await new Promise<string>((done) => {
    const program = join(repository, "node_modules/dependency-cruiser/bin/dependency-cruise.mjs");
    const options = ["--config", ".dependency-cruiser.cjs", "--output-type", "json", "src"];
    execFile(process.execPath, [program, ...options], { cwd: scratch, maxBuffer: 1 << 26 }, (_, stdout) =>
      done(stdout),
    );
  });
  violations = JSON.parse(output).summary.violations;
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

test.each(cases)("%s importing %s: %s", (file, _, rule) => {
  const rules = violations.filter((v) => v.from === file).map((v) => v.rule.name);
  if (rule === null) expect(rules).toEqual([]);
  else expect(rules).toContain(rule);
});
