/** How well presence and absence are told apart. */
import type { Meter, Metric } from "./meter.js";

export interface PresenceAnswer {
  readonly present: boolean;
  /** P(present); only its order matters here (for the AUC). */
  readonly probability: number;
}

export class PresenceMeter implements Meter<boolean, PresenceAnswer> {
  readonly #answers: { truth: boolean; present: boolean; probability: number }[] = [];

  add(truth: boolean, { present, probability }: PresenceAnswer): void {
    this.#answers.push({ truth, present, probability });
  }

  accuracy(): number {
    return this.#answers.filter(({ truth, present }) => truth === present).length / this.#answers.length;
  }

  /** Mean of the share of present ones found and the share of absent ones denied: 0.5 for any constant answer. */
  balancedAccuracy(): number {
    const right = (kind: boolean) => {
      const asked = this.#answers.filter(({ truth }) => truth === kind);
      return asked.filter(({ present }) => present === kind).length / asked.length;
    };
    return (right(true) + right(false)) / 2;
  }

  /** Chance that a present one gets a higher probability than an absent one, ties half (Mann-Whitney U). */
  auc(): number {
    const sorted = this.#answers.toSorted((a, b) => a.probability - b.probability);
    let rankSum = 0;
    let positives = 0;
    for (let start = 0; start < sorted.length; ) {
      let end = start;
      while (end < sorted.length && sorted[end]!.probability === sorted[start]!.probability) end++;
      const tied = sorted.slice(start, end).filter(({ truth }) => truth).length;
      rankSum += tied * ((start + 1 + end) / 2);
      positives += tied;
      start = end;
    }
    return (rankSum - (positives * (positives + 1)) / 2) / (positives * (sorted.length - positives));
  }

  metrics(): Metric[] {
    return [
      { name: "balanced accuracy", value: this.balancedAccuracy() },
      { name: "accuracy", value: this.accuracy() },
      { name: "AUC", value: this.auc() },
    ];
  }
}
