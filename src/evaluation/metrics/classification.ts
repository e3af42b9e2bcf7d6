/** How well presence and absence are told apart. */
import { requireProbability } from "./checks.js";
import { groupBy } from "./statistics.js";

export interface PresenceAnswer {
  readonly present: boolean;
  /** P(present); only its order matters here (for the AUC). */
  readonly probability: number;
}

interface Judged extends PresenceAnswer {
  readonly category: string;
  readonly truth: boolean;
}

export class PresenceMeter {
  readonly #answers: Judged[] = [];

  /** @throws {InstructCvError} "prediction" for a probability outside [0, 1] or NaN. */
  add(category: string, truth: boolean, { present, probability }: PresenceAnswer): void {
    requireProbability(`P(${category} is present)`, probability);
    this.#answers.push({ category, truth, present, probability });
  }

  accuracy(): number {
    return share(this.#answers);
  }

  /** Mean of the share of present ones found and the share of absent ones denied: 0.5 for any constant answer. */
  balancedAccuracy(): number {
    return balanced(this.#answers);
  }

  /**
   * The balanced accuracy of each category, averaged with the number of its present ones as weight: 0.5 for any answer
   * that looks at the question only, such as "yes" to dogs and "no" to rare birds. Categories without both kinds count
   * nowhere.
   */
  balancedByCategory(): number {
    let sum = 0;
    let weight = 0;
    for (const answers of groupBy(this.#answers, ({ category }) => category).values()) {
      const present = answers.filter(({ truth }) => truth).length;
      if (present === 0 || present === answers.length) continue;
      sum += present * balanced(answers);
      weight += present;
    }
    return sum / weight;
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
}

function share(answers: readonly Judged[]): number {
  return answers.filter(({ truth, present }) => truth === present).length / answers.length;
}

function balanced(answers: readonly Judged[]): number {
  return (share(answers.filter(({ truth }) => truth)) + share(answers.filter(({ truth }) => !truth))) / 2;
}
