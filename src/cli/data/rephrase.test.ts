import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command, CommanderError } from "commander";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Behaviour, type ChatServer, fails, lists, startChatServer } from "../../../tests/helpers/chat-server.js";
import { loadBank } from "../../instructions/rephrase/bank-file.js";
import { addRephrase } from "./rephrase.js";

const key = "sk-very-secret";
let folder: string;
let server: ChatServer;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "instructcv-rephrase-"));
  for (const name of ["INSTRUCTCV_LLM_URL", "INSTRUCTCV_LLM_MODEL", "OPENAI_BASE_URL", "OPENAI_API_KEY"])
    vi.stubEnv(name, "");
  vi.stubEnv("INSTRUCTCV_LLM_KEY", key);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await server?.close();
  await rm(folder, { recursive: true });
});

/** `rephrase --out <folder>/bank.json ...` against a server that behaves so. */
async function run(behaviours: Behaviour[], args: string[], signal = new AbortController().signal) {
  await server?.close();
  server = await startChatServer(...behaviours);
  const [out, notes]: string[][] = [[], []];
  const terminal = {
    out: (line: string) => out!.push(line),
    note: (line: string) => notes!.push(line),
    live: false,
    signal,
  };
  const parent = new Command("data").exitOverride().configureOutput({ writeErr: () => {} });
  addRephrase(parent, terminal);
  for (const command of parent.commands) command.exitOverride().configureOutput({ writeErr: () => {} });
  const asked = ["--out", join(folder, "bank.json"), "--url", server.url, "--model", "tiny", ...args];
  const error = await parent.parseAsync(["rephrase", ...asked], { from: "user" }).then(
    () => undefined,
    (failure: Error) => failure,
  );
  return { out: out!.join("\n"), notes: notes!.join("\n"), error };
}

const depth = ["Tell the depth of every point", "Sketch a depth map"];
const boxes = ["Scan the photo for all {categories} and box them", "Locate whatever {category} there is"];

describe("instructcv data rephrase", () => {
  it("writes a bank that loads, says what it cost and why lines were rejected", async () => {
    const behaviours = [lists(depth[0]!, "Remove the depth"), lists(depth[1]!)];
    const prices = ["--price-in", "1000", "--price-out", "5000"];
    const { out, notes, error } = await run(behaviours, ["--task", "depth", "--per-template", "2", ...prices]);
    expect(error).toBeUndefined();
    expect(out).toBe(`depth: 2 accepted, 1 rejected, answers 2\n${join(folder, "bank.json")}`);
    expect(notes).toMatch(/^estimate \(4 characters a token\): requests 1, tokens \d+ in and \d+ out, cost \d\.\d+;/m);
    expect(notes).toContain("used: requests 2, from the cache 0, tokens 200 in and 40 out, cost 0.4000");
    expect(notes).toContain('       1  asks to edit the picture: "Remove the depth"');
    expect(out + notes).not.toContain(key);
    expect((await loadBank(join(folder, "bank.json"))).depth.train).toEqual(depth);
  });

  it("asks for every task and adds to a bank", async () => {
    await run([lists(...depth)], ["--task", "depth", "--per-template", "2"]);
    const first = join(folder, "first.json");
    await writeFile(first, await readFile(join(folder, "bank.json")));
    const { error } = await run([lists(...boxes)], ["--task", "detection", "--per-template", "2", "--bank", first]);
    expect(error).toBeUndefined();
    const { detection, depth: kept } = await loadBank(join(folder, "bank.json"));
    expect([detection.train, kept.train]).toEqual([boxes, depth]);
    const all = await run([fails(401)], []);
    expect(all.error).toMatchObject({ code: "config", message: expect.stringContaining("INSTRUCTCV_LLM_KEY") });
    expect(server.asked.length).toBeGreaterThan(0);
  });

  it("writes what there is when a model brings too little, and says so", async () => {
    const { error, notes } = await run([lists(depth[0]!, "Depth")], ["--task", "depth", "--per-template", "3"]);
    expect(error).toMatchObject({
      message: expect.stringMatching(/bank\.json: written, but with only 2 of 3 for depth\. /),
    });
    expect((await loadBank(join(folder, "bank.json"))).depth.train).toEqual([depth[0], "Depth"]);
    expect(notes).toContain("repeats another line");
    const none = await run([lists("Nonsense")], ["--task", "segmentation"]);
    expect(none.error).toMatchObject({ message: expect.stringMatching(/not written, no paraphrase was accepted/) });
  });

  it("with --dry-run prints prompts and costs, asks nothing, writes nothing", async () => {
    const { out, error } = await run(
      [fails(500)],
      ["--dry-run", "--per-template", "50", "--price-in", "1", "--price-out", "2"],
    );
    expect(error).toBeUndefined();
    for (const task of ["segmentation", "detection", "depth", "classification"]) expect(out).toContain(`== ${task}`);
    expect(out).toContain("Show {positive} if the picture has {a category}, otherwise show {negative}");
    expect(out).toMatch(/requests 12, tokens \d+ in and \d+ out, cost/);
    expect(server.asked).toEqual([]);
    expect(await readdir(folder)).toEqual([]);
  });

  it("stopped in the middle leaves the answers and no bank", async () => {
    const stop = new AbortController();
    const stopping: Behaviour = () => stop.abort();
    const args = ["--task", "depth", "--per-template", "2"];
    const { error, notes } = await run([lists(depth[0]!), stopping], args, stop.signal);
    expect(error).toMatchObject({ name: "AbortError" });
    expect(notes).toContain("used: requests 1, ");
    expect(await readdir(folder)).toEqual(["bank.json.cache"]);
    const again = await run([lists(depth[1]!)], args);
    expect(server.asked).toHaveLength(1);
    expect(again.notes).toContain("from the cache 1,");
    expect((await loadBank(join(folder, "bank.json"))).depth.train).toEqual(depth);
  });

  it.each([
    [["--per-template", "0"]],
    [["--task", "normals"]],
    [["--timeout", "301"]],
    [["--price-in", "-1"]],
    [["--rpm", "0"]],
  ])("refuses %j", async (args) => {
    expect((await run([fails(500)], args)).error).toBeInstanceOf(CommanderError);
  });

  it("needs a server and a model", async () => {
    const { error } = await run([fails(500)], ["--url", "", "--model", ""]);
    expect(error).toMatchObject({ code: "usage" });
  });
});
