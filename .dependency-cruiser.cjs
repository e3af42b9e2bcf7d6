/**
 * Who may know whom. Each folder of src/ lists what it may import; whatever is not listed is forbidden, so no import runs
 * upward. Tests are exempt. tests/dependency-rule.test.ts proves on a scratch tree that every rule here really fires.
 */
const base = ["errors", "random", "files", "yaml", "version", "image", "checkpoints"];

/** Folder (or file) of src/ to the folders it may import, besides itself. */
const mayImport = {
  errors: [],
  random: [],
  files: ["errors"],
  yaml: ["errors"],
  version: [],
  image: ["errors", "random", "files"],
  checkpoints: ["errors", "random", "files"],
  tasks: [...base],
  instructions: [...base, "tasks"],
  datasets: [...base, "tasks"],
  corpus: [...base, "tasks", "instructions", "datasets"],
  evaluation: [...base, "tasks", "instructions", "datasets", "corpus"],
  tensor: [...base],
  models: [...base, "tensor"],
  diffusion: [...base, "tensor"],
  training: [...base, "tasks", "instructions", "corpus", "tensor", "models", "diffusion"],
  inference: [...base, "tasks", "instructions", "tensor", "models", "diffusion"],
  index: [...base, "tasks", "instructions", "datasets", "corpus", "evaluation", "inference", "training", "diffusion"],
  data: [...base, "tasks", "instructions", "datasets", "corpus"],
  cli: [
    "errors",
    "version",
    "random",
    "files",
    "image",
    "tasks",
    "instructions",
    "datasets",
    "corpus",
    "evaluation",
    "inference",
    "training",
  ],
  bench: [...base, "tasks", "instructions", "datasets", "corpus", "inference", "training"],
};

const test = "\\.test\\.ts$";
const within = (name) => `^src/${name}(/|\\.ts$)`;
const anyOf = (names) => `^src/(${names.join("|")})(/|\\.ts$)`;

const layers = Object.entries(mayImport).map(([name, allowed]) => ({
  name: `layer-${name}`,
  comment: `src/${name} may import only: ${[name, ...allowed].join(", ")}`,
  severity: "error",
  from: { path: within(name), pathNot: test },
  to: { path: "^src/", pathNot: anyOf([name, ...allowed]) },
}));

module.exports = {
  forbidden: [
    ...layers,
    {
      name: "known-folder",
      comment: "A new folder of src/ must say above what it may import.",
      severity: "error",
      from: { path: "^src/", pathNot: [test, anyOf(Object.keys(mayImport))] },
      to: {},
    },
    { name: "no-cycle", severity: "error", from: { pathNot: test }, to: { circular: true } },
    {
      name: "engine-torch",
      comment: "Only training touches the libtorch engine.",
      severity: "error",
      from: { path: "^src/", pathNot: [test, "^src/(training|tensor/torch)/"] },
      to: { path: "^src/tensor/torch/" },
    },
    {
      name: "engine-onnx",
      comment: "Only inference touches the ONNX engine.",
      severity: "error",
      from: { path: "^src/", pathNot: [test, "^src/(inference|tensor/onnx)/"] },
      to: { path: "^src/tensor/onnx/" },
    },
    {
      name: "sharp",
      comment: "Only image/ decodes and encodes pictures with sharp.",
      severity: "error",
      from: { path: "^src/", pathNot: [test, "^src/image/"] },
      to: { path: "(^|/)sharp(/|$)" },
    },
    {
      name: "onnxruntime",
      comment: "Only inference and the ONNX engine load ONNX Runtime.",
      severity: "error",
      from: { path: "^src/", pathNot: [test, "^src/(inference|tensor/onnx)/"] },
      to: { path: "(^|/)onnxruntime-[a-z]+(/|$)" },
    },
    {
      name: "not-a-test",
      comment: "Code never imports a test or a test helper.",
      severity: "error",
      from: { path: "^src/", pathNot: test },
      to: { path: ["\\.test\\.ts$", "^tests/"] },
    },
    {
      name: "resolvable",
      severity: "error",
      from: { pathNot: test },
      to: { couldNotResolve: true },
    },
    {
      name: "runtime-dependency",
      comment: "What ships imports only what package.json lists under dependencies.",
      severity: "error",
      from: { path: "^src/", pathNot: test },
      to: { dependencyTypes: ["npm-dev", "npm-no-pkg", "npm-unknown"], dependencyTypesNot: ["type-only"] },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^(dist|native)/" },
    enhancedResolveOptions: {
      extensions: [".ts", ".js"],
      conditionNames: ["import", "node", "types", "default"],
      exportsFields: ["exports"],
    },
  },
};
