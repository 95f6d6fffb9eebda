// For the client's tests: a plan, a VU that notes what is recorded, and a server that is scripted byte by byte.
// Not a test.

import type { Socket, TCPSocketListener, TLSOptions } from "bun";
import { HttpClient } from "../../../src/engine/http/client.ts";
import { HttpCore } from "../../../src/engine/http/core.ts";
import type { Lookup } from "../../../src/engine/http/dns.ts";
import type { Exchange, HttpOwner } from "../../../src/engine/http/owner.ts";
import type { HttpPlan } from "../../../src/load/plan.ts";

export const PLAN: HttpPlan = {
  discardResponseBodies: false,
  insecureSkipTlsVerify: false,
  noConnectionReuse: false,
  noVuConnectionReuse: false,
  noCookiesReset: false,
  maxRedirects: 10,
  batch: 20,
  batchPerHost: 6,
  userAgent: "hyperscale/test",
  connectTimeoutMs: 10_000,
  hosts: {},
  dns: { ttlMs: 300_000, select: "first", policy: "preferIPv4" },
  tlsAuth: [],
  tlsCaCerts: [],
  tlsVersionMin: "",
  tlsVersionMax: "",
};

/** A VU that keeps what its client records. */
export class Recorder implements HttpOwner {
  isStopping = false;
  readonly exchanges: Exchange[] = [];
  record(exchange: Exchange): void {
    this.exchanges.push(exchange);
  }
}

export type TestClient = {
  readonly http: HttpClient;
  readonly core: HttpCore;
  readonly owner: Recorder;
  [Symbol.dispose](): void;
};

/** A client of its own core, closed with `using`. */
export function openClient(
  plan: Partial<HttpPlan> = {},
  options: { readonly lookup?: Lookup; readonly permit?: Float64Array } = {},
): TestClient {
  const core = new HttpCore({ ...PLAN, ...plan }, options);
  const owner = new Recorder();
  const http = new HttpClient(core, owner);
  return {
    http,
    core,
    owner,
    [Symbol.dispose]: () => {
      http.close();
      core.close();
    },
  };
}

/** A request as the server received it. `connection` counts connections from 1. */
export type Received = {
  readonly line: string;
  readonly head: string;
  readonly body: string;
  readonly connection: number;
};
/** What a script may do with the connection of a request. */
export type Peer = {
  write(text: string | Uint8Array): void;
  /** Orderly end, after what was written. */
  end(): void;
  /** RST. */
  reset(): void;
};
export type Script = (request: Received, peer: Peer) => void;

type ServerSide = { readonly connection: number; received: Buffer[]; length: number; out: Buffer; ends: boolean };

export type ScriptedServer = {
  readonly port: number;
  /** "http://127.0.0.1:port" */
  readonly url: string;
  readonly requests: Received[];
  /** Connections made, and those still open. */
  readonly counts: { made: number; open: number };
  [Symbol.dispose](): void;
};

/** A server on loopback that hands each whole request (content-length or chunked body) to the script. */
export function serveScript(
  script: Script,
  options: { readonly tls?: TLSOptions; readonly hostname?: string; readonly onOpen?: (peer: Peer) => void } = {},
): ScriptedServer {
  const requests: Received[] = [];
  const counts = { made: 0, open: 0 };
  const listener: TCPSocketListener<ServerSide> = Bun.listen<ServerSide>({
    hostname: options.hostname ?? "127.0.0.1",
    port: 0,
    ...(options.tls === undefined ? {} : { tls: options.tls }),
    socket: {
      open(socket) {
        counts.made++;
        counts.open++;
        socket.data = { connection: counts.made, received: [], length: 0, out: Buffer.alloc(0), ends: false };
        options.onOpen?.(peerOf(socket));
      },
      data(socket, bytes) {
        const side = socket.data;
        side.received.push(Buffer.from(bytes));
        side.length += bytes.length;
        for (let request = takeRequest(side); request !== null; request = takeRequest(side)) {
          requests.push(request);
          script(request, peerOf(socket));
        }
      },
      drain: flush,
      close() {
        counts.open--;
      },
      error() {},
    },
  });
  const host = (options.hostname ?? "127.0.0.1").includes(":")
    ? `[${options.hostname}]`
    : (options.hostname ?? "127.0.0.1");
  const url = `${options.tls === undefined ? "http" : "https"}://${host}:${listener.port}`;
  return { port: listener.port, url, requests, counts, [Symbol.dispose]: () => listener.stop(true) };
}

/** Answers every request with the same bytes. */
export function serveText(text: string): ScriptedServer {
  return serveScript((_, peer) => peer.write(text));
}

/** A response with a content-length. */
export function reply(body: string, status = "200 OK", headers = ""): string {
  return `HTTP/1.1 ${status}\r\n${headers}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

/** Resolves when `isTrue` says so; rejects after 5 s. */
export async function until(isTrue: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 5_000;
  while (!isTrue()) {
    if (performance.now() > deadline) throw new Error(`never happened: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** The value of a header of a received request, "" if it is not there. */
export function headerOf(request: Received | undefined, name: string): string {
  return new RegExp(`^${name}: (.*)$`, "im").exec(request?.head ?? "")?.[1]?.trim() ?? "";
}

function peerOf(socket: Socket<ServerSide>): Peer {
  return {
    write(text) {
      const side = socket.data;
      side.out = Buffer.concat([side.out, typeof text === "string" ? Buffer.from(text, "latin1") : text]);
      flush(socket);
    },
    end() {
      socket.data.ends = true;
      flush(socket);
    },
    reset() {
      socket.terminate();
    },
  };
}

function flush(socket: Socket<ServerSide>): void {
  const side = socket.data;
  if (side.out.length > 0) {
    const rest = side.out.subarray(Math.max(0, socket.write(side.out)));
    // An empty view would keep the bytes alive, and tests measure memory.
    side.out = rest.length === 0 ? Buffer.alloc(0) : rest;
  }
  if (side.out.length === 0 && side.ends) socket.end();
}

/** The first whole request in what was received; null: more is to come. */
function takeRequest(side: ServerSide): Received | null {
  const first = side.received[0];
  if (first === undefined) return null;
  let head = first.indexOf("\r\n\r\n");
  if (head < 0) {
    side.received = [Buffer.concat(side.received)];
    head = side.received[0]?.indexOf("\r\n\r\n") ?? -1;
    if (head < 0) return null;
  }
  const text = (side.received[0] ?? first).toString("latin1", 0, head + 2);
  const isChunked = /^transfer-encoding:.*chunked/im.test(text);
  const stated = Number(/^content-length: *(\d+)/im.exec(text)?.[1] ?? 0);
  if (!isChunked && side.length < head + 4 + stated) return null;
  const all = Buffer.concat(side.received);
  const end = isChunked ? all.indexOf("0\r\n\r\n", head + 4) + 5 : head + 4 + stated;
  if (end < head + 9 && isChunked) return null;
  side.received = end < all.length ? [all.subarray(end)] : [];
  side.length = all.length - end;
  const line = text.slice(0, text.indexOf("\r\n"));
  return { line, head: text, body: all.toString("latin1", head + 4, end), connection: side.connection };
}
