/** An answer in a few lines for people. */
import type { TaskResult } from "../tasks/task.js";
import type { AnswerFacts, Written } from "./result-json.js";

/** The photo and the question, the answer, where the pictures are, how long it took. */
export function describeAnswer(facts: AnswerFacts, result: TaskResult, written: Written): string {
  const pictures = [
    `  drawn answer  ${written.output}`,
    `  overlay       ${written.overlay}`,
    ...(written.depth ? [`  depth in mm   ${written.depth}`] : []),
  ];
  const { total, ...phases } = facts.timings;
  const parts = Object.entries(phases).map(([phase, ms]) => `${phase} ${ms.toFixed(0)}`);
  return [
    `${facts.image}: ${facts.instruction}`,
    ...describeResult(result, facts.category ?? "").map((line) => `  ${line}`),
    ...pictures,
    `  ${((total ?? 0) / 1000).toFixed(2)} s (ms: ${parts.join(", ")}), ${facts.steps} step${facts.steps === 1 ? "" : "s"}, ` +
      `admissibility ${result.admissibility.toFixed(2)}`,
  ].join("\n");
}

function describeResult(result: TaskResult, category: string): string[] {
  switch (result.task) {
    case "segmentation": {
      if (result.area === 0) return [`no ${category} found`];
      const share = (100 * result.area) / (result.size.width * result.size.height);
      return [
        `${category}: ${result.area} pixels (${share.toFixed(1)}% of the photo), score ${result.score.toFixed(2)}`,
      ];
    }
    case "detection":
      if (result.boxes.length === 0) return [`no ${category} found`];
      return result.boxes.map(
        ({ xyxy, score, label }) => `${label}: score ${score.toFixed(2)}, box ${xyxy.map(Math.round).join(" ")}`,
      );
    case "depth":
      return [`${result.min.toFixed(2)} m (nearest) to ${result.max.toFixed(2)} m (farthest)`];
    case "classification": {
      const sure = result.present ? result.probability : 1 - result.probability;
      return [`${category}: ${result.present ? "yes" : "no"} (${(100 * sure).toFixed(0)}% sure)`];
    }
  }
}
