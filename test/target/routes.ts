// The well-behaved endpoints of the scripted target: each answers one request as its path says. The misbehaving ones
// are in broken.ts. Every request but those under /__ is counted in the tally, before it is answered.

import { createHash } from "node:crypto";
import { brotliCompressSync, deflateSync } from "node:zlib";
import type { Tally } from "./counts.ts";

/** What /basic and /digest ask for. */
export const USER = "ada";
export const PASSWORD = "lovelace";

const SMALL = "hello, load\n";
const COMPRESSIBLE = JSON.stringify({ text: "the same words again and again. ".repeat(64) });
const NONCE = "b7f3c1d2a9e84f60";

/** A request handler over one tally: hand it to Bun.serve. */
export function makeRoutes(tally: Tally): (request: Request) => Response | Promise<Response> {
  const stall = makeStall();
  return (request) => {
    const url = request.url;
    const pathAt = url.indexOf("/", 8);
    const queryAt = url.indexOf("?", pathAt);
    const path = queryAt < 0 ? url.slice(pathAt) : url.slice(pathAt, queryAt);
    if (path === "/__count") return Response.json(tally.counts());
    if (path === "/__reset") {
      tally.reset();
      return new Response("ok\n");
    }
    tally.see(path.startsWith("/seen") ? url.slice(pathAt) : path);
    if (path === "/") return new Response(SMALL);
    const query = new URLSearchParams(queryAt < 0 ? "" : url.slice(queryAt + 1));
    const [, route = "", rest = ""] = path.split("/");
    if (route === "stall") return stall(Number(query.get("at") ?? 3_000), Number(query.get("ms") ?? 1_000));
    return answer(route, rest, query, request);
  };
}

function answer(route: string, rest: string, query: URLSearchParams, request: Request): Response | Promise<Response> {
  switch (route) {
    case "seen":
      return new Response(SMALL);
    case "status":
      return withStatus(Number(rest));
    case "delay":
      return Bun.sleep(Number(rest)).then(() => new Response(SMALL));
    case "bytes":
      return new Response(new Uint8Array(Number(rest)).fill(97), {
        headers: { "content-type": "application/octet-stream" },
      });
    case "echo":
      return echo(request);
    case "gzip":
    case "deflate":
    case "br":
    case "zstd":
      return compressed(route);
    case "redirect":
      return redirect(Number(rest));
    case "cookie":
      return rest === "set" ? setCookies(query) : Response.json(cookiesOf(request));
    case "basic":
      return basic(request);
    case "digest":
      return digest(request);
    case "chunked":
      return chunked();
    case "flaky":
      return isFlaky(Number(query.get("p") ?? 0.1)) ? withStatus(500) : new Response(SMALL);
    case "login":
      return Response.json({ token: "token-1" });
    case "items":
      return request.headers.get("authorization")?.endsWith("token-1") === true
        ? Response.json({ items: [1, 2, 3], user: query.get("u") })
        : new Response("no token\n", { status: 401 });
    default:
      return new Response("no such endpoint\n", { status: 404 });
  }
}

function withStatus(status: number): Response {
  if (!Number.isInteger(status) || status < 200 || status > 599)
    return new Response("bad status asked\n", { status: 400 });
  const isBodiless = status === 204 || status === 205 || status === 304;
  return new Response(isBodiless ? null : `status ${status}\n`, { status });
}

/** Method, URL, headers and body of the request, as JSON. The body comes as text and as base64. */
async function echo(request: Request): Promise<Response> {
  const body = Buffer.from(await request.arrayBuffer());
  return Response.json({
    method: request.method,
    url: request.url,
    headers: request.headers.toJSON(),
    body: body.toString("utf8"),
    base64: body.toString("base64"),
    bytes: body.length,
  });
}

function compressed(encoding: "gzip" | "deflate" | "br" | "zstd"): Response {
  const plain = Buffer.from(COMPRESSIBLE);
  const body = {
    gzip: () => Bun.gzipSync(plain),
    deflate: () => deflateSync(plain),
    br: () => brotliCompressSync(plain),
    zstd: () => Bun.zstdCompressSync(plain),
  }[encoding]();
  return new Response(new Uint8Array(body), {
    headers: { "content-encoding": encoding, "content-type": "application/json" },
  });
}

/** /redirect/3 -> /redirect/2 -> /redirect/1 -> /: three answers of 302, then the small body. */
function redirect(left: number): Response {
  return new Response(null, { status: 302, headers: { location: left > 1 ? `/redirect/${left - 1}` : "/" } });
}

function setCookies(query: URLSearchParams): Response {
  const response = new Response("set\n");
  for (const [name, value] of query) response.headers.append("set-cookie", `${name}=${value}; Path=/`);
  return response;
}

function cookiesOf(request: Request): Record<string, string> {
  const cookies: Record<string, string> = {};
  for (const pair of (request.headers.get("cookie") ?? "").split(";")) {
    const [name = "", value = ""] = pair.trim().split("=");
    if (name !== "") cookies[name] = value;
  }
  return cookies;
}

function basic(request: Request): Response {
  const expected = `Basic ${Buffer.from(`${USER}:${PASSWORD}`).toString("base64")}`;
  if (request.headers.get("authorization") === expected) return new Response(SMALL);
  return new Response("who are you?\n", { status: 401, headers: { "www-authenticate": 'Basic realm="target"' } });
}

/** RFC 7616 with MD5 and qop=auth. */
function digest(request: Request): Response {
  const given = new Map<string, string>();
  const header = request.headers.get("authorization") ?? "";
  for (const part of header.matchAll(/(\w+)=(?:"([^"]*)"|([^\s,]+))/g))
    given.set(part[1] ?? "", part[2] ?? part[3] ?? "");
  const ha1 = md5(`${USER}:target:${PASSWORD}`);
  const ha2 = md5(`${request.method}:${given.get("uri") ?? ""}`);
  const expected = md5(`${ha1}:${NONCE}:${given.get("nc")}:${given.get("cnonce")}:auth:${ha2}`);
  const isRight =
    header.startsWith("Digest ") &&
    given.get("username") === USER &&
    given.get("nonce") === NONCE &&
    given.get("uri") === new URL(request.url).pathname &&
    given.get("response") === expected;
  if (isRight) return new Response(SMALL);
  const challenge = `Digest realm="target", nonce="${NONCE}", qop="auth", algorithm=MD5`;
  return new Response("who are you?\n", { status: 401, headers: { "www-authenticate": challenge } });
}

function md5(text: string): string {
  return createHash("md5").update(text).digest("hex");
}

/** Five chunks, each written apart, so that the answer has no content-length. */
function chunked(): Response {
  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      for (let chunk = 0; chunk < 5; chunk++) {
        controller.enqueue(Buffer.from(`chunk ${chunk}\n`));
        await Bun.sleep(0);
      }
      controller.close();
    },
  });
  return new Response(stream);
}

/** Every n-th of 1 / p requests fails: exact in the long run, without randomness. */
let flakySoFar = 0;
function isFlaky(p: number): boolean {
  flakySoFar += p;
  if (flakySoFar < 1) return false;
  flakySoFar -= 1;
  return true;
}

/** The first call arms one stall of the whole process, `at` ms later and `ms` long; each call answers at once. */
function makeStall(): (at: number, ms: number) => Response {
  let isArmed = false;
  return (at, ms) => {
    if (!isArmed) {
      isArmed = true;
      setTimeout(() => Bun.sleepSync(ms), at);
    }
    return new Response(SMALL);
  };
}
