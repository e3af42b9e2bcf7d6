import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  type Behaviour,
  type ChatServer,
  fails,
  keepsSilent,
  lists,
  says,
  startChatServer,
} from "../../../tests/helpers/chat-server.js";
import type { TaskName } from "../../tasks/task.js";
import { bank } from "../bank.js";
import { AnswerCache } from "./cache.js";
import { ChatClient } from "./chat.js";
import { costOf, Usage } from "./cost.js";
import { endpointFrom } from "./endpoint.js";
import { estimate, firstRequests, rejectionTable, rephrase } from "./rephrase.js";

const key = "sk-very-secret";
let folder: string;
let server: ChatServer;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "instructcv-rephrase-"));
});
afterEach(async () => {
  await server?.close();
  await rm(folder, { recursive: true });
});

const planOf = (wanted: number, tasks: TaskName[] = ["segmentation"], kept?: string[]) =>
  new Map(tasks.map((task) => [task, { bank, wanted, kept }]));

async function run(
  plan: Parameters<typeof rephrase>[0],
  behaviours: Behaviour[],
  { signal = new AbortController().signal, onProgress = (_: number) => {} } = {},
) {
  await server?.close();
  server = await startChatServer(...behaviours);
  const endpoint = endpointFrom({ url: server.url, model: "tiny" }, { INSTRUCTCV_LLM_KEY: key });
  const client = new ChatClient(endpoint, { backoff: 0.01, timeout: 5, tries: 2 });
  const usage = new Usage();
  const cache = await AnswerCache.open(join(folder, "cache"), "tiny");
  const results = await rephrase(plan, client, cache, usage, signal, onProgress);
  return { results, usage, prompts: server.asked.map(({ body }) => body.messages.at(-1)!.content) };
}

const good = [
  "Cut the {category} out of the photo",
  "Which of these pixels belong to {a category}?",
  "Render a mask of all {categories}",
  "Extract the silhouette of the {category}",
];

describe("rephrase", () => {
  it("keeps what passes the linter, says why not, and asks again for the rest", async () => {
    const { results, prompts, usage } = await run(planOf(4), [
      lists(
        good[0]!,
        "Sure! Here are your paraphrases:",
        "Segmentez le {category} dans l'image",
        "Segment everything",
        "Please segment the {category}.",
        "cut the {category} out of a photo!",
        "Remove the {category}",
      ),
      says(`1. ${good[1]}\n2. ${good[2]}\n3. ${bank.segmentation.unseen[5]}`),
      lists(good[2]!, good[3]!, "Segment {a category} and stop early"),
    ]);
    expect(results).toHaveLength(1);
    expect(results[0]).toMatchObject({ task: "segmentation", accepted: good, rounds: 3 });
    expect(rejectionTable(results)).toEqual([
      { problem: "is chatter, no instruction", lines: 1, example: "Sure! Here are your paraphrases:" },
      { problem: "is not everyday English", lines: 1, example: "Segmentez le {category} dans l'image" },
      { problem: "names no category", lines: 1, example: "Segment everything" },
      {
        problem: "repeats the template of segmentation but for case, articles, punctuation or please",
        lines: 1,
        example: "Please segment the {category}",
      },
      {
        problem: "does not start with a capital letter",
        lines: 1,
        example: "cut the {category} out of a photo!",
      },
      { problem: "asks to edit the picture", lines: 1, example: "Remove the {category}" },
      { problem: "repeats a line that is kept unseen", lines: 1, example: bank.segmentation.unseen[5] },
      { problem: "repeats another line", lines: 1, example: good[2] },
    ]);
    expect(prompts[0]).toContain("Segment the {category}");
    expect(prompts[1]).toContain(`taken already, write others:\n- ${good[0]}`);
    expect(prompts[1]).toContain("Segment everything (names no category)");
    for (const line of bank.segmentation.unseen.slice(0, 5)) expect(prompts.join("\n")).not.toContain(line);
    expect(usage).toMatchObject({ asked: 3, cached: 0, input: 300, output: 60, estimated: false });
  });

  it("gives up on a model that only brings bad lines", async () => {
    const { results, prompts } = await run(planOf(4), [lists(good[0]!, "Count the {categories}")]);
    expect(results[0]).toMatchObject({ accepted: [good[0]], rounds: 4 });
    expect(prompts).toHaveLength(4);
    expect(rejectionTable(results)[0]).toMatchObject({ problem: "asks to count", lines: 4 });
  });

  it("wants the colours of a template kept", async () => {
    const plan = planOf(1, ["classification"]);
    const line = "Give {positive} where {a category} is present, otherwise give {negative}";
    const { results } = await run(plan, [lists("Is there {a category} around?", line)]);
    expect(results[0]).toMatchObject({ accepted: [line], rejected: [{ problem: "lost its colours" }] });
  });

  it("keeps the lines of an earlier bank and asks only for what lacks", async () => {
    const done = await run(planOf(2, ["segmentation"], good.slice(0, 2)), [keepsSilent]);
    expect(done.results[0]).toMatchObject({ accepted: good.slice(0, 2), rounds: 0 });
    const { results, prompts } = await run(planOf(3, ["segmentation"], good.slice(0, 2)), [lists(good[0]!, good[3]!)]);
    expect(results[0]!.accepted).toEqual([good[0], good[1], good[3]]);
    expect(prompts[0]).toContain("Write 2 other sentences");
  });

  it("asks nothing twice, and writes no key anywhere", async () => {
    const behaviours = [lists(good[0]!), lists("Segment it"), lists(good[1]!)];
    const first = await run(planOf(2), behaviours);
    const again = await run(planOf(2), [fails(500)]);
    expect(again.results).toEqual(first.results);
    expect(again.prompts).toEqual([]);
    expect(again.usage).toMatchObject({ asked: 0, cached: 3, input: 0 });
    const more = await run(planOf(2, ["segmentation", "depth"]), [
      lists("Tell the depth of every point", "Sketch a depth map"),
    ]);
    expect(more.prompts).toHaveLength(1);
    const files = await readdir(join(folder, "cache"));
    expect(files).toHaveLength(4);
    for (const file of files) expect(await readFile(join(folder, "cache", file), "utf8")).not.toContain(key);
  });

  it("asks anew for a damaged answer in the cache", async () => {
    await run(planOf(1), [lists(good[0]!)]);
    const [file] = await readdir(join(folder, "cache"));
    await writeFile(join(folder, "cache", file!), '{"model": "ti');
    const { prompts, results } = await run(planOf(1), [lists(good[1]!)]);
    expect(prompts).toHaveLength(1);
    expect(results[0]!.accepted).toEqual([good[1]]);
  });

  it("stopped in the middle, asks only for what is missing", async () => {
    const stop = new AbortController();
    const onProgress = (lines: number) => {
      if (lines === 2) stop.abort();
    };
    const stopped = run(planOf(3), [lists(good[0]!), lists(good[1]!), lists(good[2]!)], {
      signal: stop.signal,
      onProgress,
    });
    await expect(stopped).rejects.toMatchObject({ name: "AbortError" });
    expect(server.asked).toHaveLength(2);
    const { results, prompts, usage } = await run(planOf(3), [lists(good[2]!)]);
    expect(prompts).toHaveLength(1);
    expect(usage).toMatchObject({ asked: 1, cached: 2 });
    expect(results[0]!.accepted).toEqual(good.slice(0, 3));
    const files = await readdir(join(folder, "cache"));
    expect(files.filter((name) => !name.endsWith(".json"))).toEqual([]);
  });

  it("asks for several tasks at once; a refusal ends them all", async () => {
    let open = 0;
    let most = 0;
    const slow: Behaviour = (response, asked) => {
      most = Math.max(most, ++open);
      setTimeout(() => {
        open--;
        const depth = asked.body.messages.at(-1)!.content.includes("how far from the camera");
        lists(depth ? "Tell the depth of every point" : "Scan the photo for all {categories} and box them")(
          response,
          asked,
        );
      }, 100);
    };
    const { results } = await run(planOf(1, ["detection", "depth"]), [slow]);
    expect(results.map(({ task, accepted }) => [task, accepted.length])).toEqual([
      ["detection", 1],
      ["depth", 1],
    ]);
    expect(most).toBe(2);
    const refused = run(planOf(2, ["segmentation", "depth"]), [fails(401), keepsSilent]);
    await expect(refused).rejects.toMatchObject({ code: "config", message: expect.stringContaining("401") });
  });
});

describe("estimate", () => {
  it("counts requests, and tokens as a quarter of the characters", () => {
    const plan = planOf(50, ["segmentation", "depth"]);
    const [segmentation, depth] = Array.from(firstRequests(plan).values(), ({ messages }) =>
      messages.reduce((sum, { content }) => sum + Math.ceil(content.length / 4), 0),
    );
    const { requests, input, output } = estimate(plan);
    expect(requests).toBe(6);
    expect(input).toBe(3 * (segmentation! + depth!));
    expect(output).toBeGreaterThan(500);
    expect(costOf({ input: 2e6, output: 1e6 }, { input: 0.15, output: 0.6 })).toBeCloseTo(0.9, 10);
    expect(costOf({ input, output }, { input: 0.15, output: null })).toBeUndefined();
  });

  it("costs nothing when nothing lacks", () => {
    expect(estimate(planOf(2, ["segmentation"], good))).toEqual({ requests: 0, input: 0, output: 0 });
  });
});
