/** A model hub on this machine, with a second server for large files, that behaves as badly as a test wants. */
import { createHash } from "node:crypto";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface HubRequest {
  readonly server: "hub" | "storage";
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** Bytes of a file that were sent in answer. */
  sent: number;
}

/** What to do with one request instead of the right thing. */
export interface Misbehaviour {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Break the connection after this many bytes of the file. */
  readonly cutAfter?: number;
  /** End the answer properly after this many bytes, with that length. */
  readonly endAfter?: number;
  readonly ignoreRange?: boolean;
  /** Send other bytes of the same length. */
  readonly corrupt?: boolean;
  /** Bytes a second. */
  readonly rate?: number;
}

export interface FakeHub {
  readonly url: string;
  readonly requests: HubRequest[];
  /** Requests for the content of one file, at whichever server answered with bytes. */
  transfers(path: string): HubRequest[];
  close(): Promise<void>;
}

export interface FakeRepo {
  readonly name: string;
  readonly commit: string;
  readonly files: ReadonlyMap<string, Buffer>;
  /** Sizes that the listing claims. */
  readonly claimedSizes?: Readonly<Record<string, number>>;
  /** Hashes that the listing claims. */
  readonly claimedHashes?: Readonly<Record<string, string>>;
  /** Wanted of every request to the hub. */
  readonly token?: string;
}

export type Behave = (request: HubRequest, file: string | null) => Misbehaviour | undefined;

export const sha256 = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");
export const gitSha1 = (bytes: Buffer) =>
  createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
const isLarge = (path: string) => path.endsWith(".safetensors");

export async function startFakeHub(repo: FakeRepo, behave: Behave = () => undefined): Promise<FakeHub> {
  const requests: HubRequest[] = [];
  const byHash = new Map([...repo.files].map(([path, bytes]) => [sha256(bytes), path]));

  const hub = createServer((request, response) => {
    const seen = remember("hub", request);
    const [path = "", query = ""] = seen.path.split("?");
    const api = `/api/models/${repo.name}/`;
    const resolved = new RegExp(`^/${repo.name}/resolve/([^/]+)/(.+)$`).exec(path);
    const bad = behave(seen, resolved ? decodeURIComponent(resolved[2]!) : null);
    if (bad?.status) return void response.writeHead(bad.status, bad.headers).end("{}");
    if (repo.token && seen.headers.authorization !== `Bearer ${repo.token}`)
      return refuse(response, 401, "GatedRepo", "Access to this model is restricted");
    if (path.startsWith(`${api}revision/`)) {
      const revision = decodeURIComponent(path.slice(`${api}revision/`.length));
      if (!["main", "refs/pr/1", "v1.0", repo.commit].includes(revision))
        return refuse(response, 404, "RevisionNotFound", `Invalid rev id: ${revision}`);
      return sendJson(response, {
        _id: "1",
        id: repo.name,
        sha: repo.commit,
        private: false,
        gated: false,
        siblings: [],
      });
    }
    if (path.startsWith(`${api}tree/`)) return sendTree(response, path, query);
    const file = resolved && decodeURIComponent(resolved[2]!);
    const bytes = file && repo.files.get(file);
    if (!bytes) return refuse(response, path.startsWith("/api/") ? 401 : 404, "RepoNotFound", "Repository not found");
    const etag = isLarge(file) ? sha256(bytes) : gitSha1(bytes);
    const facts = { "x-repo-commit": repo.commit, etag: `"${etag}"` };
    if (!isLarge(file)) return sendFile(request, response, seen, bytes, facts, bad);
    const location = `${storageUrl()}/${sha256(bytes)}?signature=1`;
    const linked = { "x-linked-size": String(bytes.length), "x-linked-etag": `"${etag}"` };
    response.writeHead(302, { ...facts, ...linked, location }).end();
  });

  /** Nine entries a page, so that paging is exercised. */
  function sendTree(response: ServerResponse, path: string, query: string) {
    const paths = [...repo.files.keys()];
    const folders = new Set(paths.filter((one) => one.includes("/")).map((one) => one.split("/")[0]!));
    const all = [
      ...[...folders].map((one) => ({ type: "directory", oid: "0".repeat(40), size: 0, path: one })),
      ...paths.map((one) => treeEntry(one)),
    ];
    const from = Number(new URLSearchParams(query).get("cursor") ?? 0);
    const next = from + 9 < all.length && `<${hubUrl()}${path}?recursive=true&cursor=${from + 9}>; rel="next"`;
    sendJson(response, all.slice(from, from + 9), next ? { link: next } : {});
  }

  function treeEntry(path: string) {
    const bytes = repo.files.get(path)!;
    const size = repo.claimedSizes?.[path] ?? bytes.length;
    const lie = repo.claimedHashes?.[path];
    if (!isLarge(path)) return { type: "file", oid: lie ?? gitSha1(bytes), size, path };
    const pointer = { oid: lie ?? sha256(bytes), size, pointerSize: 134 };
    return { type: "file", oid: "f".repeat(40), size, path, lfs: pointer, xetHash: "e".repeat(64) };
  }

  const storage = createServer((request, response) => {
    const seen = remember("storage", request);
    const path = byHash.get(seen.path.slice(1).split("?")[0]!)!;
    sendFile(request, response, seen, repo.files.get(path)!, {}, behave(seen, path));
  });

  function remember(server: HubRequest["server"], request: IncomingMessage): HubRequest {
    const seen = { server, path: request.url!, headers: request.headers, sent: 0 };
    requests.push(seen);
    return seen;
  }

  await Promise.all([hub, storage].map((server) => new Promise<void>((done) => server.listen(0, "127.0.0.1", done))));
  const hubUrl = () => `http://127.0.0.1:${(hub.address() as AddressInfo).port}`;
  const storageUrl = () => `http://127.0.0.1:${(storage.address() as AddressInfo).port}`;
  return {
    url: hubUrl(),
    requests,
    transfers: (path) =>
      requests.filter((one) =>
        isLarge(path)
          ? one.server === "storage" && one.path.startsWith(`/${sha256(repo.files.get(path)!)}`)
          : one.path === `/${repo.name}/resolve/${repo.commit}/${path}`,
      ),
    async close() {
      for (const server of [hub, storage]) {
        server.closeAllConnections();
        await new Promise((done) => server.close(done));
      }
    },
  };
}

function sendFile(
  request: IncomingMessage,
  response: ServerResponse,
  seen: HubRequest,
  bytes: Buffer,
  facts: Readonly<Record<string, string>>,
  bad: Misbehaviour = {},
): void {
  if (bad.status) return void response.writeHead(bad.status, bad.headers).end();
  const asked = bad.ignoreRange ? null : /^bytes=(\d+)-$/.exec(request.headers.range ?? "");
  const start = Number(asked?.[1] ?? 0);
  if (asked && start >= bytes.length) return void response.writeHead(416).end();
  const whole = bad.corrupt ? Buffer.from(bytes.map((byte) => byte ^ 1)) : bytes;
  const part = whole.subarray(start, bad.endAfter === undefined ? undefined : start + bad.endAfter);
  const range = `bytes ${start}-${bytes.length - 1}/${bytes.length}`;
  response.writeHead(asked ? 206 : 200, {
    ...facts,
    "content-length": part.length,
    ...(asked && { "content-range": range }),
  });
  if (request.method === "HEAD") return void response.end();
  if (bad.rate !== undefined) {
    drip(response, seen, part, bad.rate);
    return;
  }
  const sent = part.subarray(0, bad.cutAfter);
  seen.sent = sent.length;
  if (bad.cutAfter === undefined) response.end(sent);
  else response.write(sent, () => setTimeout(() => response.destroy(), 20));
}

/** A twentieth of a second's bytes at a time. */
function drip(response: ServerResponse, seen: HubRequest, bytes: Buffer, rate: number): void {
  const step = Math.ceil(rate / 20);
  const timer = setInterval(() => {
    const next = bytes.subarray(seen.sent, seen.sent + step);
    response.write(next);
    seen.sent += next.length;
    if (seen.sent === bytes.length) response.end();
  }, 50);
  response.on("close", () => clearInterval(timer));
}

function sendJson(response: ServerResponse, body: unknown, headers: Readonly<Record<string, string>> = {}): void {
  response.writeHead(200, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
}

function refuse(response: ServerResponse, status: number, code: string, message: string): void {
  const headers = { "content-type": "application/json", "x-error-code": code, "x-error-message": message };
  response.writeHead(status, headers).end(JSON.stringify({ error: message }));
}
