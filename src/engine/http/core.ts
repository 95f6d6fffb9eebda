// What all HTTP clients of one engine thread share for one job: parsed URLs, ready requests, addresses, TLS settings,
// the socket handlers, and the one timer that finds requests past their deadline.

import type { SocketHandler, TLSOptions } from "bun";
import type { HttpPlan } from "../../load/plan.ts";
import type { Response } from "../hyperscale.d.ts";
import type { Connection } from "./connection.ts";
import { Resolver, type Lookup } from "./dns.ts";
import { HeadMemo } from "./head-memo.ts";
import { HttpRequest, defaultSettings, type RequestSettings } from "./request.ts";
import type { Reject, Resolve } from "./response.ts";
import { tlsOptionsFor } from "./tls.ts";
import { TargetTable, type Origin, type Target } from "./url.ts";

export type HttpCoreOptions = {
  /** Resolves names; the system's unless a test gives another. */
  readonly lookup?: Lookup;
  /** One f64: epoch ms until which requests may start; for ever where it is left out. */
  readonly permit?: Float64Array;
  /** Told of each scheme, host and port when it is first met. */
  readonly onOrigin?: (origin: Origin) => void;
};

/** How late a timeout may fire: the scan's period. Timeouts are for failing servers, so 50 ms cost nobody anything. */
const SCAN_MS = 50;
/** A scan this late means that the loop stalled: sockets are read once before anything counts as timed out. */
const STALL_MS = 200;
/** How often it is looked whether requests that were held may start. */
const HELD_MS = 20;
const NO_HEADERS: Readonly<Record<string, string>> = {};

/** Hands out the two functions of a new promise without a closure for each request. */
export class PromiseSlot {
  resolve: Resolve = ignore;
  reject: Reject = ignore;
  readonly #capture = (resolve: Resolve, reject: Reject): void => {
    this.resolve = resolve;
    this.reject = reject;
  };

  /** A promise whose functions are in `resolve` and `reject` until `release`. */
  open(): Promise<Response> {
    return new Promise<Response>(this.#capture);
  }

  /** Lets go of the functions, which hold the promise and so the response. */
  release(): void {
    this.resolve = ignore;
    this.reject = ignore;
  }
}

export class HttpCore {
  readonly plan: HttpPlan;
  readonly targets: TargetTable;
  readonly resolver: Resolver;
  readonly slot = new PromiseSlot();
  readonly headMemo = new HeadMemo();
  readonly defaults: RequestSettings;
  /** noVuConnectionReuse and noCookiesReset of the plan, read at each iteration. */
  readonly closesAfterIteration: boolean;
  readonly keepsCookies: boolean;
  /** Shared by all sockets; `socket.data` is the connection. */
  readonly handlers: SocketHandler<Connection> = {
    open: (socket) => socket.data.onOpen(socket),
    handshake: (socket, isDone, error) => socket.data.onHandshake(socket, isDone, error),
    data: (socket, chunk) => socket.data.onData(chunk),
    drain: (socket) => socket.data.onDrain(socket),
    end: (socket) => socket.data.onEnd(),
    close: (socket, error) => socket.data.onGone(error),
    error: (socket, error) => socket.data.onError(error),
    // The promise of Bun.connect tells it too; without this handler it would be printed.
    connectError: ignore,
  };
  readonly #tls = new Map<Origin, TLSOptions>();
  readonly #connections: Connection[] = [];
  #lastUrl = "";
  #lastGet: HttpRequest | null = null;
  #timer: Timer | null = null;
  #scannedMs = 0;

  /** One f64: epoch ms until which requests may start. Another thread writes it. */
  readonly #permit: Float64Array;
  /** Epoch ms at which performance.now() was 0. A field: the getter would show at every request. */
  readonly #originMs = performance.timeOrigin;
  readonly #held: Connection[] = [];
  #heldTimer: Timer | null = null;

  constructor(plan: HttpPlan, { lookup, permit = Float64Array.of(Infinity), onOrigin }: HttpCoreOptions = {}) {
    this.plan = plan;
    this.targets = new TargetTable(onOrigin);
    this.#permit = permit;
    this.resolver = new Resolver(plan, lookup);
    this.defaults = defaultSettings(plan);
    this.closesAfterIteration = plan.noVuConnectionReuse;
    this.keepsCookies = plan.noCookiesReset;
  }

  /** May a request start at this instant of performance.now()? Hot. */
  isPermitted(nowMs: number): boolean {
    return nowMs + this.#originMs < this.#permit[0]!;
  }

  /** The connection has a request to send and may not: it is told once it may. Whoever stops it first ends it. */
  hold(connection: Connection): void {
    this.#held.push(connection);
    this.#heldTimer ??= setTimeout(() => {
      this.#heldTimer = null;
      for (const held of this.#held.splice(0)) held.onPermit(performance.now());
    }, HELD_MS);
  }

  /** The GET of a URL without params. Throws TypeError on an invalid URL. */
  plainGet(url: string): HttpRequest {
    // The same text again costs no look-up.
    if (this.#lastGet !== null && url === this.#lastUrl) return this.#lastGet;
    const target = this.targets.get(url);
    const request = (target.plainGet ??= this.#plain("GET", target));
    this.#lastUrl = url;
    this.#lastGet = request;
    return request;
  }

  /** TLS settings of an origin; null for http. */
  tlsFor(origin: Origin): TLSOptions | null {
    if (!origin.isTls) return null;
    let options = this.#tls.get(origin);
    if (options === undefined) {
      options = tlsOptionsFor(origin, this.plan);
      this.#tls.set(origin, options);
    }
    return options;
  }

  /** Looks after the deadline of a connection from now on. */
  watch(connection: Connection): void {
    connection.slot = this.#connections.length;
    this.#connections.push(connection);
    this.wake();
  }

  unwatch(connection: Connection): void {
    const { slot } = connection;
    const last = this.#connections.pop();
    if (last !== undefined && last !== connection) {
      this.#connections[slot] = last;
      last.slot = slot;
    }
    connection.slot = -1;
  }

  /** A deadline was set: makes sure that the timer runs. */
  wake(): void {
    if (this.#timer !== null) return;
    this.#scannedMs = performance.now();
    this.#timer = setInterval(() => this.#scan(), SCAN_MS);
  }

  /** Closes every connection; open exchanges are recorded as interrupted. */
  close(): void {
    for (const connection of [...this.#connections]) connection.fail("generic", "the client was closed", true);
    if (this.#timer !== null) clearInterval(this.#timer);
    if (this.#heldTimer !== null) clearTimeout(this.#heldTimer);
    this.#timer = null;
    this.#heldTimer = null;
  }

  #plain(method: string, target: Target): HttpRequest {
    const parts = {
      method,
      target,
      headers: NO_HEADERS,
      body: null,
      contentType: "",
      contentEncoding: "",
      authorization: "",
      settings: this.defaults,
    };
    return new HttpRequest(parts, this.plan);
  }

  #scan(): void {
    const nowMs = performance.now();
    const isStalled = nowMs - this.#scannedMs > STALL_MS;
    this.#scannedMs = nowMs;
    if (isStalled) return;
    let isBusy = false;
    // Backwards: a failing connection is replaced by the last one, which was looked at already.
    for (let at = this.#connections.length - 1; at >= 0; at--) {
      const connection = this.#connections[at];
      if (connection === undefined || connection.deadlineMs === Infinity) continue;
      isBusy = true;
      if (connection.deadlineMs <= nowMs) connection.onDeadline(nowMs);
    }
    if (isBusy || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }
}

function ignore(): void {}
