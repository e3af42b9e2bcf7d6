/** What docs/claims.md rests on: the models that are trained, and what each is asked. */

/** Folder of the runs that `instructcv eval --out` writes. */
export const ANSWERS = "runs/claims/answers";

/** Recipes in configs/claims, by the claim they are for. */
export const recipes = {
  one: "the yardstick: four tasks, rephrased prompts, one step",
  "only-segmentation": "a: a specialist",
  "only-detection": "a: a specialist",
  "only-depth": "a: a specialist",
  "only-classification": "a: a specialist",
  fixed: "b: fixed prompts",
  "held-out": "d: never asked for cows and horses",
  diffusion: "e, f: all timesteps, predicts the sample",
  velocity: "f: predicts velocity",
  "velocity-leak": "f: predicts velocity, terminal SNR above zero",
  noise: "f: predicts the noise, terminal SNR above zero",
  "one-float32": "g: the yardstick in single precision",
  codecs: "g: thin outlines of boxes, logarithmic greys of depth",
};

export const STEPS = [1, 2, 4, 20, 100];
/** Text and image scale; [7.5, 1.5] are the paper's. */
export const GUIDANCE = [
  [1, 1],
  [1.5, 1],
  [3, 1],
  [7.5, 1],
  [1, 1.5],
  [7.5, 1.5],
];
/** Steps that the prediction types are compared at, and at which guidance is tried. */
export const SOME_STEPS = [1, 4, 20];
export const GUIDED_STEPS = 4;

/** Where each question costs many steps: few photos, and masks and boxes of what is there only. */
const FEW = [
  ...["--limit", "60", "--present-only", "--dataset", "nyuv2", "--dataset", "voc2012", "--dataset", "oxford-pets"],
  ...["--task", "depth", "--task", "segmentation", "--task", "detection"],
];
const template = ["--wording", "template"];
const both = [...template, "--wording", "unseen"];
const pool = ["nyuv2", "voc2012", "oxford-pets", "oxford-pets-37breeds"].flatMap((name) => ["--dataset", name]);
const MANY = [...pool, "--limit", "150"];
const VOC = [...template, "--dataset", "voc2012"];

export const stepsOf = (model, steps) => `${model}-steps-${steps}`;
export const guidanceOf = ([text, image]) => `diffusion-guidance-${text}-${image}`;

/** @returns {{ name: string, model: string, data?: "coco-train", args: string[] }[]} each an `instructcv eval` whose run is kept under its name */
export function evaluations() {
  const specialists = ["segmentation", "detection", "depth", "classification"].map((task) => ({
    name: `only-${task}`,
    model: `only-${task}`,
    args: [...both, ...MANY, "--task", task],
  }));
  return [
    { name: "one", model: "one", args: [...both, ...MANY] },
    ...specialists,
    { name: "fixed", model: "fixed", args: [...both, ...MANY] },
    { name: "one-float32", model: "one-float32", args: [...both, ...MANY] },
    { name: "codecs", model: "codecs", args: [...both, ...MANY, "--task", "detection", "--task", "depth"] },
    { name: "one-voc", model: "one", args: VOC },
    { name: "one-coco", model: "one", args: [...template, "--dataset", "coco"] },
    { name: "one-coco-train", model: "one", data: "coco-train", args: [...template, "--dataset", "coco"] },
    { name: "one-camvid", model: "one", args: [...template, "--dataset", "camvid", "--limit", "40"] },
    { name: "held-out", model: "held-out", args: VOC },
    ...STEPS.map((steps) => ({
      name: stepsOf("diffusion", steps),
      model: "diffusion",
      args: [...template, ...FEW, "--steps", String(steps)],
    })),
    ...["velocity", "velocity-leak", "noise"].flatMap((model) =>
      SOME_STEPS.map((steps) => ({
        name: stepsOf(model, steps),
        model,
        args: [...template, ...FEW, "--steps", String(steps)],
      })),
    ),
    ...GUIDANCE.slice(1).map(([text, image]) => ({
      name: guidanceOf([text, image]),
      model: "diffusion",
      args: [
        ...[...template, ...FEW, "--steps", String(GUIDED_STEPS)],
        ...["--guidance-text", String(text), "--guidance-image", String(image)],
      ],
    })),
  ];
}
