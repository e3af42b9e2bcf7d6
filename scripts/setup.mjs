#!/usr/bin/env node
// `npm run setup`: finds (or on Debian/Ubuntu installs) a libtorch and builds build/instructcv_torch.node against it.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const addon = path.join(root, "build", "instructcv_torch.node");
const stampFile = path.join(root, "build", "instructcv_torch.json");

const say = (line) => console.log(`setup: ${line}`);
function stop(...lines) {
  for (const line of lines) console.error(`setup: ${line}`);
  process.exit(1);
}

/** Standard output of a command, or undefined when it is missing or fails. */
function ask(command, args) {
  const done = spawnSync(command, args, { encoding: "utf8" });
  return done.status === 0 ? done.stdout.trim() : undefined;
}

function must(command, args, cure) {
  const done = spawnSync(command, args, { stdio: ["ignore", "inherit", "inherit"] });
  if (done.status !== 0)
    stop(`\`${command} ${args.join(" ")}\` failed (${done.error?.message ?? `exit ${done.status}`}). ${cure}`);
}

/** A libtorch below a folder: the folder of its TorchConfig.cmake and its version, or undefined. */
function libtorchAt(folder, label) {
  const multiarch = ask("gcc", ["-print-multiarch"]) || "x86_64-linux-gnu";
  for (const below of [
    "share/cmake/Torch",
    `lib/${multiarch}/cmake/Torch`,
    "lib/cmake/Torch",
    "torch/share/cmake/Torch",
    ".",
  ]) {
    const config = path.join(folder, below);
    if (!existsSync(path.join(config, "TorchConfig.cmake"))) continue;
    const versionFile = path.join(config, "TorchConfigVersion.cmake");
    const found = existsSync(versionFile) && /PACKAGE_VERSION "([\d.]+)/.exec(readFileSync(versionFile, "utf8"));
    return { config, version: found ? found[1] : "0", label };
  }
}

/** The torch package of a Python, found without importing it (an import takes seconds). */
function pipTorch(python) {
  const script =
    "import importlib.util as u; s = u.find_spec('torch'); print(s.submodule_search_locations[0] if s else '')";
  const folder = ask(python, ["-c", script]);
  return folder ? libtorchAt(folder, `the PyTorch of ${python}`) : undefined;
}

const isDebian = () => process.platform === "linux" && ask("sh", ["-c", "command -v apt-get"]) !== undefined;
const asRoot = () => process.getuid?.() === 0;
const hasSudo = () => ask("sudo", ["-n", "true"]) !== undefined;

function aptInstall(packages) {
  say(`installing ${packages.join(", ")} with apt-get`);
  process.env.DEBIAN_FRONTEND = "noninteractive";
  const prefix = asRoot() ? [] : ["sudo"];
  const cure = "Install the packages by hand and run `npm run setup` again.";
  const [update, install] = [
    ["apt-get", "update", "-qq"],
    ["apt-get", "install", "-y", "-qq", "--no-install-recommends", ...packages],
  ];
  for (const words of [update, install]) must([...prefix, ...words][0], [...prefix, ...words].slice(1), cure);
}

function findTorch() {
  if (process.env.TORCH_DIR) {
    const chosen = libtorchAt(path.resolve(process.env.TORCH_DIR), `TORCH_DIR=${process.env.TORCH_DIR}`);
    return (
      chosen ??
      stop(`no libtorch in TORCH_DIR=${process.env.TORCH_DIR}: expected share/cmake/Torch/TorchConfig.cmake below it.`)
    );
  }
  for (const python of ["python3", "python", path.join(root, ".venv/bin/python"), path.join(root, "venv/bin/python")]) {
    const found = pipTorch(python);
    if (found) return found;
  }
  if (isDebian()) {
    const label = "Debian's libtorch-dev";
    const installed = libtorchAt("/usr", label);
    if (installed) return installed;
    if (asRoot() || hasSudo()) {
      aptInstall(["libtorch-dev", "cmake", "g++", "make"]);
      const found = libtorchAt("/usr", label);
      if (found) return found;
    }
  }
  return stop(
    "no libtorch found. Training needs one (running models does not). Three ways to get it, then `npm run setup` again:",
    "  1. python3 -m venv .venv && .venv/bin/pip install torch   (any platform; CUDA builds too)",
    "  2. sudo apt-get install libtorch-dev cmake g++ make       (Debian, Ubuntu)",
    "  3. unpack the libtorch archive of pytorch.org and set TORCH_DIR to its folder",
  );
}

function requireTools() {
  const commands = { cmake: "cmake", "c++": "g++", make: "make" };
  const missing = Object.entries(commands).filter(
    ([command]) => ask("sh", ["-c", `command -v ${command}`]) === undefined,
  );
  if (missing.length === 0) return;
  const packages = missing.map(([, name]) => name);
  if (!isDebian() || !(asRoot() || hasSudo()))
    stop(`missing build tools: ${packages.join(", ")}. Install them and run \`npm run setup\` again.`);
  aptInstall(packages);
}

/** Changes whenever the sources, the libtorch or the Node-API headers do. */
function fingerprint(torch) {
  const hash = createHash("sha256").update(JSON.stringify([torch.config, torch.version]));
  const sources = path.join(root, "native");
  for (const name of readdirSync(sources, { recursive: true }).map(String).sort()) {
    if (/\.(cpp|h|txt)$/.test(name)) hash.update(name).update(readFileSync(path.join(sources, name)));
  }
  return hash.digest("hex");
}

const torch = findTorch();
say(`libtorch ${torch.version} from ${torch.label}`);
const stamp = JSON.stringify(
  { torch: torch.version, config: torch.config, fingerprint: fingerprint(torch) },
  undefined,
  2,
);
if (existsSync(addon) && existsSync(stampFile) && readFileSync(stampFile, "utf8") === stamp) {
  say("build/instructcv_torch.node is up to date");
  process.exit(0);
}
requireTools();

const buildDir = path.join(root, "build", `native-${torch.version}`);
const headers = path.join(
  path.dirname(createRequire(import.meta.url).resolve("node-api-headers/package.json")),
  "include",
);
const torchRoot = path.resolve(torch.config, "../../..");
// See native/CMakeLists.txt.
const direct = existsSync(path.join(torchRoot, "lib", "libtorch_cuda.so"));
mkdirSync(buildDir, { recursive: true });
rmSync(path.join(buildDir, "CMakeCache.txt"), { force: true });
say(`building in ${path.relative(root, buildDir)} (about a minute)`);
const cure = "The lines above say why.";
must(
  "cmake",
  [
    "-S",
    path.join(root, "native"),
    "-B",
    buildDir,
    "-Wno-dev",
    "-DCMAKE_BUILD_TYPE=Release",
    // Both by path: TorchConfig.cmake looks for Caffe2 in the system first and would mix two libtorches.
    `-DTorch_DIR=${torch.config}`,
    `-DCaffe2_DIR=${path.resolve(torch.config, "../Caffe2")}`,
    `-DNODE_API_INCLUDE=${headers}`,
    `-DTORCH_VERSION_HINT=${torch.version}`,
    `-DTORCH_ROOT=${torchRoot}`,
    `-DINSTRUCTCV_LINK_DIRECTLY=${direct ? "ON" : "OFF"}`,
  ],
  cure,
);
must("cmake", ["--build", buildDir, "--parallel", String(availableParallelism())], cure);

// A binding that does not load, or mixes two libtorches, is found here rather than in the middle of a training run.
const built = path.join(buildDir, "instructcv_torch.node");
const probe = `const t = require(${JSON.stringify(built)});
  const x = t.fromHost(new Float32Array([1, 2, 3, 4]), [2, 2], 6, "cpu");
  const y = t.call(t.resolve("aten::matmul", "").id, [x, x]);
  if (t.toHost(y, false).join() !== "7,10,15,22") throw new Error("wrong product");`;
must(process.execPath, ["-e", probe], "The binding was built but does not work with this libtorch.");

// Renamed into place: a process that has the old addon mapped keeps its own copy.
copyFileSync(built, `${addon}.new`);
renameSync(`${addon}.new`, addon);
writeFileSync(stampFile, stamp);
say("built build/instructcv_torch.node");
