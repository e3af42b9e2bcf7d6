/** The learning-rate curve: linear warm-up, then cosine or constant, as a function of the elapsed share of the run. */
import type { TrainConfig } from "./config.js";

type Curve = Pick<TrainConfig["optimizer"], "lr" | "warmup" | "schedule" | "final_share">;

/**
 * Learning rate at `fraction` in [0, 1] of the run (steps done / steps, or minutes spent / minutes).
 * Warm-up never returns 0: it starts at 1% of lr.
 */
export function learningRate(curve: Curve, fraction: number): number {
  const f = Math.min(1, Math.max(0, fraction));
  if (f < curve.warmup) return curve.lr * Math.max(0.01, f / curve.warmup);
  if (curve.schedule === "constant" || curve.warmup >= 1) return curve.lr;
  const progress = (f - curve.warmup) / (1 - curve.warmup);
  return curve.lr * (curve.final_share + (1 - curve.final_share) * 0.5 * (1 + Math.cos(Math.PI * progress)));
}
