/** Answers on disk, so that a rerun asks nothing twice. The key to a server is no part of it. */
import { createHash } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { writeAtomic } from "../../files.js";
import type { ChatAnswer, ChatRequest } from "./chat.js";

const answerSchema = z.strictObject({
  model: z.string(),
  text: z.string(),
  cut: z.boolean(),
  usage: z.strictObject({ input: z.number(), output: z.number() }).nullable(),
});

export class AnswerCache {
  private constructor(
    private readonly folder: string,
    private readonly model: string,
  ) {}

  /** Makes the folder if need be: before anything is asked and paid for. */
  static async open(folder: string, model: string): Promise<AnswerCache> {
    await mkdir(folder, { recursive: true });
    return new AnswerCache(folder, model);
  }

  /** The answer to the same request of the same model; undefined when there is none, or no whole one. */
  async find(request: ChatRequest, round: number): Promise<ChatAnswer | undefined> {
    let text: string;
    try {
      text = await readFile(this.path(request, round), "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
    try {
      const { model: _, ...answer } = answerSchema.parse(JSON.parse(text));
      return answer;
    } catch {
      return undefined;
    }
  }

  async keep(request: ChatRequest, round: number, answer: ChatAnswer): Promise<void> {
    await writeAtomic(this.path(request, round), `${JSON.stringify({ model: this.model, ...answer }, null, 2)}\n`);
  }

  /** The round counts: a prompt that brought nothing is asked again in the next one, and may then bring something. */
  private path(request: ChatRequest, round: number): string {
    const asked = JSON.stringify([this.model, request, round]);
    return join(this.folder, `${createHash("sha256").update(asked).digest("hex")}.json`);
  }
}
