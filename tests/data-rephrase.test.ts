/** `instructcv data rephrase` as a user meets it: the built program against a chat server, stopped by Ctrl-C and run again. */
import { spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type ChatServer, keepsSilent, lists, startChatServer } from "./helpers/chat-server.js";

const program = resolve(import.meta.dirname, "../dist/cli/main.js");
const key = "sk-very-secret";
let cwd: string;
let server: ChatServer;
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), "instructcv-data-rephrase-"));
});
afterEach(async () => {
  await server?.close();
  await rm(cwd, { recursive: true });
});

/** The server and the key come from the environment. `onAsked` is called whenever the server has been asked once more. */
async function run(args: string[], onAsked?: (asked: number, kill: () => void) => void) {
  const env = { ...process.env, INSTRUCTCV_LLM_URL: server.url, INSTRUCTCV_LLM_MODEL: "tiny", INSTRUCTCV_LLM_KEY: key };
  const child = spawn(process.execPath, [program, "data", "rephrase", "--out", "bank.json", ...args], { cwd, env });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (text += chunk));
  let seen = 0;
  const watch = setInterval(() => {
    if (server.asked.length === seen) return;
    seen = server.asked.length;
    onAsked?.(seen, () => child.kill("SIGINT"));
  }, 10);
  const code = await new Promise<number | null>((done) => child.on("close", done));
  clearInterval(watch);
  expect(text).not.toContain(key);
  return { code, text };
}

test("Ctrl-C keeps the answers, the same command goes on from there, and a third run asks nothing", async () => {
  const [first, second] = ["Tell the depth of every point", "Sketch a depth map"];
  server = await startChatServer(lists(first!), keepsSilent);
  const args = ["--task", "depth", "--per-template", "2"];
  const stopped = await run(args, (asked, kill) => asked === 2 && kill());
  expect(stopped.code).toBe(130);
  expect(await readdir(cwd)).toEqual(["bank.json.cache"]);
  expect(await readdir(join(cwd, "bank.json.cache"))).toHaveLength(1);
  await server.close();

  server = await startChatServer(lists(second!));
  expect((await run(args)).code).toBe(0);
  expect(server.asked).toHaveLength(1);
  expect(server.asked[0]!.headers.authorization).toBe(`Bearer ${key}`);
  const bank = await readFile(join(cwd, "bank.json"), "utf8");
  expect(JSON.parse(bank).tasks).toEqual({ depth: { train: [first, second] } });

  expect((await run(args)).code).toBe(0);
  expect(server.asked).toHaveLength(1);
  expect(await readFile(join(cwd, "bank.json"), "utf8")).toBe(bank);
});
