/** The card's sections about the run: what was done on what, and what came out, from run.json and metrics.jsonl. */
import { table } from "../../corpus/export/markdown.js";
import { withPrefix } from "../progress.js";
import type { CardFacts } from "./facts.js";

export function trainingSection({ config, metrics, starts }: CardFacts): string {
  const { optimizer, loss, duration: planned, seed } = config;
  const last = metrics.at(-1);
  const perUpdate = optimizer.batch * optimizer.accumulate;
  const start = starts.at(-1);
  const skipped = metrics.reduce((sum, line) => sum + (line.skipped ?? 0), 0);
  const rows = [
    ...(last
      ? [
          ["updates", `${last.step}${skipped > 0 ? `, ${skipped} of them skipped` : ""}`],
          [
            "samples",
            `${last.step * perUpdate} (batch ${optimizer.batch} x ${optimizer.accumulate}), for each process`,
          ],
          ["time", `${spent(last.minutes)} of training`],
        ]
      : []),
    ["planned", "steps" in planned ? `${planned.steps} updates` : `${planned.minutes} minutes`],
    [
      "optimizer",
      `AdamW, learning rate ${optimizer.lr} (${optimizer.schedule}, warm-up ${optimizer.warmup}), betas ${optimizer.betas.join(" and ")}, weight decay ${optimizer.weight_decay}, clipped at ${optimizer.clip ?? "nothing"}`,
    ],
    ["average of the weights", `decay ${optimizer.ema.decay}; what is stored`],
    [
      "loss",
      `${loss.space}, dropout of text ${loss.dropout.text}, photo ${loss.dropout.image}, both ${loss.dropout.both}; ${loss.terminal_share} at the last timestep`,
    ],
    ["seed", `${seed}`],
    ...(start ? startRows(start, starts.length) : []),
  ];
  return table(["", ""], rows);
}

function startRows({ versions, machine, git }: CardFacts["starts"][number], count: number): string[][] {
  return [
    ["program", `instructcv ${versions.instructcv}, Node ${versions.node}, libtorch ${versions.libtorch}`],
    [
      "code",
      git ? `commit ${git.commit}${git.dirty ? ", with changes that are not committed" : ""}` : "no git repository",
    ],
    [
      "machine",
      `${machine.processor}, ${machine.cores} cores, ${withPrefix(machine.memory_bytes)}B, ${machine.platform}; ${machine.precision} on ${machine.device}`,
    ],
    ...(count > 1
      ? [["resumed", `${count - 1} time${count === 2 ? "" : "s"}; program, code and machine are the last start's`]]
      : []),
  ];
}

const answers = {
  segmentationIou: "mask IoU",
  outlineIou: "outline IoU",
  depthRmse: "depth RMSE, metres",
  classificationAccuracy: "right yes or no",
} as const;

export function measuredSection({ config, metrics }: CardFacts): string {
  const last = metrics.at(-1);
  if (!last) return "The run has logged nothing.\n";
  const trained = Object.entries(last.losses).map(([task, value]) => [`loss, ${task}`, digits(value)]);
  const rows = [["loss, weighted total", digits(last.loss)], ...trained];
  const training = table([`Training, mean up to update ${last.step}`, ""], rows);
  const watched = metrics.findLast((line) => line.validation);
  if (!watched?.validation) return training;
  const { losses, ...seen } = watched.validation;
  const measured = Object.entries(answers).flatMap(([key, what]) => {
    const value = seen[key as keyof typeof answers];
    return typeof value === "number" ? [[what, digits(value)]] : [];
  });
  const validation = [...Object.entries(losses).map(([task, value]) => [`loss, ${task}`, digits(value)]), ...measured];
  const head = `Validation at update ${watched.step}, at most ${config.output.val_records} records of ${config.data.val_split}`;
  return `${training}\n${table([head, ""], validation)}`;
}

function spent(minutes: number): string {
  return minutes < 90 ? `${minutes.toFixed(1)} minutes` : `${(minutes / 60).toFixed(1)} hours`;
}

/** JSON has null for what is no number. */
function digits(value: number | null): string {
  return value === null || !Number.isFinite(value) ? "no number" : `${Number(value.toPrecision(4))}`;
}
