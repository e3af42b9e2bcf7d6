/** A chat endpoint on this machine that behaves as badly as a test wants, and remembers what it was asked. */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Asked {
  /** Milliseconds, `performance.now()`. */
  readonly at: number;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: { model: string; messages: { role: string; content: string }[]; seed?: number };
}
export type Behaviour = (response: ServerResponse, asked: Asked) => void;

export interface ChatServer {
  /** Base URL, ends in /v1. */
  readonly url: string;
  readonly asked: Asked[];
  close(): Promise<void>;
}

/** The first request meets the first behaviour, and so on; all later ones the last. */
export async function startChatServer(...behaviours: readonly Behaviour[]): Promise<ChatServer> {
  const asked: Asked[] = [];
  const server = createServer(async (request, response) => {
    let text = "";
    for await (const chunk of request) text += chunk;
    const one = { at: performance.now(), path: request.url!, headers: request.headers, body: JSON.parse(text) };
    asked.push(one);
    behaviours[Math.min(asked.length, behaviours.length) - 1]!(response, one);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const close = () =>
    new Promise<void>((done) => {
      server.close(() => done());
      server.closeAllConnections();
    });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`, asked, close };
}

const usage = { prompt_tokens: 100, completion_tokens: 20, total_tokens: 120 };
const body = (content: unknown, finish = "stop") =>
  JSON.stringify({ choices: [{ index: 0, message: { role: "assistant", content }, finish_reason: finish }], usage });
const json = { "content-type": "application/json" };

export const says =
  (content: string, finish?: string): Behaviour =>
  (response) =>
    response.writeHead(200, json).end(body(content, finish));
/** `lines` as the JSON array that was asked for. */
export const lists = (...lines: readonly string[]): Behaviour => says(JSON.stringify(lines));
export const sends =
  (text: string): Behaviour =>
  (response) =>
    response.writeHead(200, json).end(text);
export const fails =
  (status: number, headers: Readonly<Record<string, string>> = {}, message = "no"): Behaviour =>
  (response) =>
    response.writeHead(status, { ...json, ...headers }).end(JSON.stringify({ error: { message } }));
export const hangsUp: Behaviour = (response) => response.destroy();
/** The connection breaks in the middle of the body. */
export const breaksOff: Behaviour = (response) => {
  response.writeHead(200, { ...json, "content-length": "1000" });
  response.write(body("Segment it").slice(0, 30), () => response.destroy());
};
export const keepsSilent: Behaviour = () => {};
/** A byte now and then, for ever. */
export const drips: Behaviour = (response) => {
  response.writeHead(200, json);
  const timer = setInterval(() => response.write(" "), 20);
  response.on("close", () => clearInterval(timer));
};
/** Without a length, until the reader has had enough. */
export const floods: Behaviour = (response) => {
  response.writeHead(200, json);
  const more = () => {
    while (!response.destroyed && response.write("x".repeat(65_536)));
  };
  response.on("drain", more);
  more();
};
