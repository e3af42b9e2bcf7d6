import { afterEach, describe, expect, it } from "vitest";
import {
  type Behaviour,
  breaksOff,
  type ChatServer,
  drips,
  fails,
  floods,
  hangsUp,
  keepsSilent,
  says,
  sends,
  startChatServer,
} from "../../../tests/helpers/chat-server.js";
import { ChatClient, type ChatOptions } from "./chat.js";
import { endpointFrom } from "./endpoint.js";
import { secondsUntil } from "./failure.js";

const key = "sk-very-secret";
const request = { messages: [{ role: "user", content: "Hello" }] } as const;
const never = new AbortController().signal;
const servers: ChatServer[] = [];
afterEach(() => Promise.all(servers.splice(0).map((server) => server.close())));

async function clientOf(behaviours: readonly Behaviour[], options: ChatOptions = {}) {
  const server = await startChatServer(...behaviours);
  servers.push(server);
  const endpoint = endpointFrom({ url: server.url, model: "tiny" }, { INSTRUCTCV_LLM_KEY: key });
  return { server, client: new ChatClient(endpoint, { backoff: 0.01, timeout: 0.4, tries: 3, ...options }) };
}
const fine = says("Segment the {category}");
/** Milliseconds between the requests. */
const gaps = ({ asked }: ChatServer) => asked.slice(1).map(({ at }, i) => at - asked[i]!.at);

describe("ChatClient", () => {
  it("sends model, messages and key, and nothing that some models refuse", async () => {
    const { client, server } = await clientOf([fine]);
    expect(await client.ask({ ...request, seed: 7 }, never)).toEqual({
      text: "Segment the {category}",
      cut: false,
      usage: { input: 100, output: 20 },
    });
    expect(server.asked[0]).toMatchObject({
      path: "/v1/chat/completions",
      body: { model: "tiny", messages: request.messages, seed: 7 },
    });
    expect(Object.keys(server.asked[0]!.body).sort()).toEqual(["messages", "model", "seed"]);
    expect(server.asked[0]!.headers.authorization).toBe(`Bearer ${key}`);
  });

  it("says when the server's limit cut the answer", async () => {
    const { client } = await clientOf([says("Segment", "length")]);
    expect((await client.ask(request, never)).cut).toBe(true);
  });

  it("waits as long as a busy server says, in seconds", async () => {
    const { client, server } = await clientOf([fails(429, { "retry-after": "1" }), fine]);
    expect((await client.ask(request, never)).text).toBe("Segment the {category}");
    expect(gaps(server)[0]).toBeGreaterThanOrEqual(995);
    expect(gaps(server)[0]).toBeLessThan(2500);
  });

  it("waits until the date a busy server says", async () => {
    const until = Date.now() + 2000;
    const { client, server } = await clientOf([fails(503, { "retry-after": new Date(until).toUTCString() }), fine]);
    await client.ask(request, never);
    expect(server.asked).toHaveLength(2);
    // An HTTP date has whole seconds.
    expect(Date.now()).toBeGreaterThanOrEqual(Math.floor(until / 1000) * 1000);
  });

  it("does not wait an hour", async () => {
    const { client, server } = await clientOf([fails(429, { "retry-after": "3600" })]);
    await expect(client.ask(request, never)).rejects.toMatchObject({
      code: "engine",
      message: /asked again in 3600 s/,
    });
    expect(server.asked).toHaveLength(1);
  });

  it.each<[string, Behaviour]>([
    ["500", fails(500)],
    ["502", fails(502)],
    ["504", fails(504)],
    ["hang-up", hangsUp],
    ["connection cut in the body", breaksOff],
    ["cut JSON", sends('{"choices": [{"message": {"con')],
    ["no JSON", sends("<html>busy</html>")],
    ["no choices", sends('{"choices": [], "error": {"message": "overloaded"}}')],
    ["no text", sends('{"choices": [{"message": {"content": null}}]}')],
    ["never answers", keepsSilent],
    ["slow drip", drips],
  ])("asks again after %s, later and later", async (_, bad) => {
    const { client, server } = await clientOf([bad, bad, fine], { backoff: 0.1 });
    expect((await client.ask(request, never)).text).toBe("Segment the {category}");
    const [first, second] = gaps(server);
    expect(first).toBeGreaterThanOrEqual(45);
    expect(second).toBeGreaterThanOrEqual(95);
  });

  it.each<[string, Behaviour, RegExp]>([
    ["500", fails(500, {}, "out of memory"), /500 Internal Server Error \(out of memory\), 3 times\. Try again later/],
    ["time-outs", keepsSilent, /no whole answer in 0\.4 s, 3 times\. .*--timeout/],
    ["no choices", sends('{"error": "overloaded"}'), /no text \(overloaded\), 3 times/],
  ])("gives up after so many %s", async (_, bad, message) => {
    const { client, server } = await clientOf([bad]);
    await expect(client.ask(request, never)).rejects.toMatchObject({ code: "engine", message });
    expect(server.asked).toHaveLength(3);
  });

  it.each<[number, RegExp]>([
    [400, /400 Bad Request \(no such model\)\. .*--model/],
    [401, /401 Unauthorized .*INSTRUCTCV_LLM_KEY/],
    [404, /404 Not Found .*ends in \/v1.*--model/],
    [422, /422 Unprocessable Entity/],
  ])("does not ask again after %s and names the URL", async (status, message) => {
    const { client, server } = await clientOf([fails(status, {}, "no such model")]);
    const failure = client.ask(request, never);
    await expect(failure).rejects.toMatchObject({ code: "config", message });
    await expect(failure).rejects.toThrow(`POST ${server.url}/chat/completions: `);
    expect(server.asked).toHaveLength(1);
  });

  it("never repeats the key, even when the server does", async () => {
    const { client } = await clientOf([fails(401, {}, `Incorrect API key provided: ${key}\u001b[31m`)]);
    const error = (await client.ask(request, never).catch((failure) => failure)) as Error;
    expect(error.message).toMatch(/provided: \*\*\* ?\[31m\)/);
    expect(JSON.stringify([error.message, error.stack])).not.toContain(key);
  });

  it.each([301, 302, 307, 308])("follows no redirect (%s), so that no other host gets the key", async (status) => {
    const other = await startChatServer(fine);
    servers.push(other);
    const { client, server } = await clientOf([fails(status, { location: `${other.url}/chat/completions?token=abc` })]);
    const message = `${status}, redirects to ${other.url}/chat/completions. Give that URL`;
    await expect(client.ask(request, never)).rejects.toThrow(message);
    expect([server.asked.length, other.asked.length]).toEqual([1, 0]);
  });

  it("stops reading a body that is too large", async () => {
    const { client, server } = await clientOf([floods], { maxBytes: 1 << 20, timeout: 10 });
    const start = performance.now();
    await expect(client.ask(request, never)).rejects.toThrow(/larger than 1048576 bytes/);
    expect(performance.now() - start).toBeLessThan(3000);
    expect(server.asked).toHaveLength(1);
  });

  it("says when nothing listens", async () => {
    const { client, server } = await clientOf([fine]);
    await server.close();
    await expect(client.ask(request, never)).rejects.toThrow(/nothing listens there\. Start the server/);
  });

  it("keeps requests apart, however many are asked at once", async () => {
    const { client, server } = await clientOf([fine], { requestsPerMinute: 600 });
    const start = performance.now();
    await Promise.all(Array.from({ length: 5 }, () => client.ask(request, never)));
    expect(server.asked).toHaveLength(5);
    // A busy machine may bring them late, which makes some gaps short, but none early.
    for (const [i, { at }] of server.asked.entries()) expect(at - start).toBeGreaterThanOrEqual(100 * i - 15);
  });

  it("lets nobody ask while the server wants quiet", async () => {
    const { client, server } = await clientOf([fails(429, { "retry-after": "1" }), fine]);
    const first = client.ask(request, never);
    while (server.asked.length === 0) await new Promise((done) => setTimeout(done, 5));
    await new Promise((done) => setTimeout(done, 50));
    await Promise.all([first, client.ask(request, never)]);
    expect(gaps(server)[0]).toBeGreaterThanOrEqual(990);
  });

  it.each<[string, Behaviour]>([
    ["an answer", keepsSilent],
    ["the next try", fails(429, { "retry-after": "200" })],
  ])("an abort ends the wait for %s", async (_, behaviour) => {
    const { client } = await clientOf([behaviour], { timeout: 60 });
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 100);
    const start = performance.now();
    await expect(client.ask(request, stop.signal)).rejects.toMatchObject({ name: "AbortError" });
    expect(performance.now() - start).toBeLessThan(1500);
  });
});

describe("endpointFrom", () => {
  it.each(["http://h:1/v1", "http://h:1/v1/", "http://h:1/v1/chat/completions"])("understands %s", (url) => {
    expect(endpointFrom({ url, model: "m" }, {})).toEqual({
      url: "http://h:1/v1/chat/completions",
      shown: "http://h:1/v1/chat/completions",
      model: "m",
    });
  });

  it("prefers options, then our variables, then OpenAI's", () => {
    const env = { OPENAI_BASE_URL: "https://c/v1", OPENAI_API_KEY: "c", INSTRUCTCV_LLM_MODEL: "m" };
    expect(endpointFrom({}, env)).toMatchObject({ url: "https://c/v1/chat/completions", model: "m", key: "c" });
    const ours = { ...env, INSTRUCTCV_LLM_URL: "https://b/v1", INSTRUCTCV_LLM_KEY: " b\n" };
    expect(endpointFrom({}, ours)).toMatchObject({ url: "https://b/v1/chat/completions", key: "b" });
    const both = endpointFrom({ url: "https://a/v1", model: "n" }, ours);
    expect(both).toMatchObject({ url: "https://a/v1/chat/completions", model: "n", keySource: "INSTRUCTCV_LLM_KEY" });
  });

  it("keeps a query for the server and out of messages", () => {
    const { url, shown } = endpointFrom({ url: "https://h/v1?token=t", model: "m" }, {});
    expect([url, shown]).toEqual(["https://h/v1/chat/completions?token=t", "https://h/v1/chat/completions"]);
  });

  it.each<[{ url?: string; model?: string }, Record<string, string>, RegExp]>([
    [{ model: "m" }, {}, /No server.*INSTRUCTCV_LLM_URL/],
    [{ url: "http://h/v1" }, {}, /No model.*--model/],
    [{ url: "localhost:11434", model: "m" }, {}, /no http or https/],
    [{ url: "file:///etc", model: "m" }, {}, /no http or https/],
    [{ url: "http://u:p@h/v1", model: "m" }, {}, /^(?!.*u:p).*INSTRUCTCV_LLM_KEY/],
    [{ url: "http://h/v1", model: "m" }, { INSTRUCTCV_LLM_KEY: "sk secret" }, /^(?!.*secret).*INSTRUCTCV_LLM_KEY/],
  ])("refuses %j", (options, env, message) => {
    expect(() => endpointFrom(options, env)).toThrow(message);
  });
});

describe("secondsUntil", () => {
  const now = Date.UTC(2030, 0, 1, 0, 0, 0);
  it.each<[string | null, number | undefined]>([
    [null, undefined],
    ["12", 12],
    ["Tue, 01 Jan 2030 00:01:30 GMT", 90],
    ["Mon, 31 Dec 2029 00:00:00 GMT", 0],
    ["soon", undefined],
  ])("%s", (header, seconds) => expect(secondsUntil(header, now)).toBe(seconds));
});
