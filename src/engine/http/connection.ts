// One connection of one VU to one origin: dials, shakes hands, sends a request, reads its response, waits for the
// next. One exchange at a time. It reports every exchange exactly once to its client and retries nothing itself.

import type { Socket } from "bun";
import type { HttpClient } from "./client.ts";
import type { HttpCore } from "./core.ts";
import {
  failureOfDial,
  failureOfLookup,
  failureOfSocket,
  failureOfTls,
  isCertificateError,
  isSocketError,
  type HttpErrorKind,
} from "./errors.ts";
import { DONE, MORE, ResponseParser } from "./parser.ts";
import type { HttpResponse, Peer } from "./response.ts";
import { versionName } from "./tls.ts";
import type { Origin } from "./url.ts";

/** Bytes handed to the socket at once, so that a long body is not copied into TLS records ahead of the network. */
const WRITE_BYTES_MAX = 1_048_576;

const LOOKUP = 0;
const CONNECT = 1;
const HANDSHAKE = 2;
const OPEN = 3;
const CLOSED = 4;

export class Connection {
  readonly origin: Origin;
  /** performance.now() after which the exchange has failed; Infinity while idle. Read by the core's scan. */
  deadlineMs = Infinity;
  /** Place in the core's list. */
  slot = -1;
  /** The exchange under way; null: idle, dialling without one, or closed. */
  exchange: HttpResponse | null = null;
  readonly #core: HttpCore;
  readonly #client: HttpClient;
  readonly #parser: ResponseParser;
  #socket: Socket<Connection> | null = null;
  #phase = LOOKUP;
  #phaseStartMs = 0;
  #connectDeadlineMs = Infinity;
  #peer: Peer | null = null;
  /** Requests sent before this one. */
  #served = 0;
  /** Bytes still to be sent: the piece, where in it, and what follows it. */
  #out: Buffer | null = null;
  #outAt = 0;
  #outNext: Buffer | null = null;

  constructor(core: HttpCore, client: HttpClient, origin: Origin) {
    this.#core = core;
    this.#client = client;
    this.#parser = new ResponseParser(core.headMemo);
    this.origin = origin;
  }

  /** May take a request now. */
  get isIdle(): boolean {
    return this.#phase === OPEN && this.exchange === null;
  }

  /** A kept connection that died before a byte of the response came: the server may just have closed it. */
  #isStale(kind: HttpErrorKind): boolean {
    const isDead = kind === "noResponse" || kind === "reset" || kind === "brokenPipe" || kind === "tcpUnknown";
    return isDead && this.#served > 1 && !this.#parser.hasBegun;
  }

  /** Opens the connection and sends the exchange on it. */
  dial(exchange: HttpResponse): void {
    this.exchange = exchange;
    this.#phaseStartMs = exchange.startedMs;
    this.#connectDeadlineMs = exchange.startedMs + this.#core.plan.connectTimeoutMs;
    this.deadlineMs = Math.min(this.#connectDeadlineMs, exchange.startedMs + exchange.sent.settings.timeoutMs);
    this.#core.watch(this);
    void this.#connect(exchange);
  }

  async #connect(exchange: HttpResponse): Promise<void> {
    const { host, port } = this.origin;
    let endpoints;
    try {
      endpoints = await this.#core.resolver.resolve(host, port, exchange.startedMs);
    } catch (error) {
      const { kind, cause } = failureOfLookup(error);
      this.fail(kind, cause);
      return;
    }
    if (this.#phase === CLOSED) return;
    this.#phase = CONNECT;
    this.#phaseStartMs = performance.now();
    exchange.blockedMs = this.#phaseStartMs - exchange.startedMs;
    const tls = this.#core.tlsFor(this.origin);
    let refusal: unknown = null;
    for (const address of endpoints.addresses) {
      this.#peer = { ip: address, port: endpoints.port, tlsVersion: "", tlsCipher: "" };
      exchange.peer = this.#peer;
      const options = { hostname: address, port: endpoints.port, socket: this.#core.handlers, data: this };
      try {
        await Bun.connect<Connection>(tls === null ? options : { ...options, tls });
        return;
      } catch (error) {
        refusal = error;
        if (this.isClosed) return;
      }
    }
    const { kind, cause } = failureOfDial(refusal);
    this.fail(kind, `${endpoints.addresses.join(", ")} port ${endpoints.port}: ${cause}`);
  }

  get isClosed(): boolean {
    return this.#phase === CLOSED;
  }

  /** The TCP connection stands. */
  onOpen(socket: Socket<Connection>): void {
    const exchange = this.exchange;
    if (this.#phase === CLOSED || exchange === null) {
      socket.terminate();
      return;
    }
    socket.setNoDelay(true);
    this.#socket = socket;
    const nowMs = performance.now();
    exchange.connectingMs = nowMs - this.#phaseStartMs;
    this.#phaseStartMs = nowMs;
    if (this.origin.isTls) this.#phase = HANDSHAKE;
    else this.#start(exchange, nowMs);
  }

  /** TLS stands, or not: `isDone` alone does not say that the certificate is good. */
  onHandshake(socket: Socket<Connection>, isDone: boolean, error: unknown): void {
    const exchange = this.exchange;
    if (this.#phase !== HANDSHAKE || exchange === null) return;
    const isBad = error !== null && error !== undefined;
    const isForgiven = this.#core.plan.insecureSkipTlsVerify && isBad && isCertificateError(error);
    if ((isBad && !isForgiven) || (!isDone && !isBad)) {
      const { kind, cause } = failureOfTls(error);
      this.fail(kind, cause);
      return;
    }
    const nowMs = performance.now();
    exchange.tlsMs = nowMs - this.#phaseStartMs;
    const cipher = socket.getCipher();
    this.#peer = {
      ip: this.#peer?.ip ?? "",
      port: this.#peer?.port ?? 0,
      tlsVersion: versionName(socket.getTLSVersion()),
      tlsCipher: cipher.standardName ?? cipher.name ?? "",
    };
    this.#start(exchange, nowMs);
  }

  #start(exchange: HttpResponse, nowMs: number): void {
    this.#phase = OPEN;
    this.send(exchange, nowMs);
  }

  /**
   * Sends an exchange on the open, idle connection. Out: false if the socket took no byte because it is dead; nothing
   * happened then.
   */
  send(exchange: HttpResponse, nowMs: number): boolean {
    const socket = this.#socket;
    if (socket === null) return false;
    if (!this.#core.isPermitted(nowMs)) {
      this.exchange = exchange;
      this.#core.hold(this);
      return true;
    }
    const sent = exchange.sent;
    const bytes = sent.bytesFor(exchange.cookie);
    const written = socket.write(bytes);
    if (written < 0 && this.#served > 0) {
      this.close();
      return false;
    }
    this.exchange = exchange;
    this.#served++;
    this.#parser.begin(sent.isHead, sent.settings.keepsBody);
    this.deadlineMs = exchange.startedMs + sent.settings.timeoutMs;
    exchange.sendStartMs = nowMs;
    if (this.#peer !== null) exchange.peer = this.#peer;
    this.#core.wake();
    if (written === bytes.length && sent.rest === null) {
      exchange.isSent = true;
      exchange.bytesSent = written;
      exchange.sentMs = performance.now();
      return true;
    }
    this.#out = bytes;
    this.#outAt = 0;
    this.#outNext = sent.rest;
    this.#wrote(socket, exchange, written);
    return true;
  }

  /** It may be allowed to send now what it had to hold back. */
  onPermit(nowMs: number): void {
    const exchange = this.exchange;
    if (this.#phase !== OPEN || exchange === null || this.send(exchange, nowMs)) return;
    // The kept connection died meanwhile: that is the exchange's end.
    this.exchange = exchange;
    this.fail("noResponse", "the connection was closed before the request could be sent");
  }

  /** The socket took `written` bytes of #out: goes on until it takes no more. */
  #wrote(socket: Socket<Connection>, exchange: HttpResponse, written: number): void {
    let taken = written;
    while (this.#out !== null) {
      if (taken < 0) {
        this.fail("brokenPipe", "the server no longer reads");
        return;
      }
      if (taken > 0) {
        exchange.isSent = true;
        exchange.bytesSent += taken;
        this.#outAt += taken;
      }
      if (this.#outAt === this.#out.length) {
        this.#out = this.#outNext;
        this.#outNext = null;
        this.#outAt = 0;
        if (this.#out === null) break;
      } else if (taken === 0) {
        return;
      }
      taken = this.#writeMore(socket, this.#out);
    }
    exchange.sentMs = performance.now();
  }

  /** The socket has room again. */
  onDrain(socket: Socket<Connection>): void {
    const exchange = this.exchange;
    if (this.#out !== null && exchange !== null && this.#phase === OPEN)
      this.#wrote(socket, exchange, this.#writeMore(socket, this.#out));
  }

  #writeMore(socket: Socket<Connection>, out: Buffer): number {
    return socket.write(out, this.#outAt, Math.min(WRITE_BYTES_MAX, out.length - this.#outAt));
  }

  /** Bytes came. Hot. */
  onData(chunk: Buffer): void {
    const exchange = this.exchange;
    if (exchange === null) {
      // Nothing was asked: a late rest of the last response, or a server that talks first (RFC 9112 9.2).
      this.close();
      return;
    }
    const nowMs = performance.now();
    if (exchange.firstByteMs === 0) exchange.firstByteMs = nowMs;
    exchange.bytesReceived += chunk.length;
    const state = this.#parser.push(chunk);
    if (state === MORE) return;
    if (state === DONE) this.#complete(exchange, nowMs);
    else this.fail(this.#parser.errorKind, this.#parser.errorText);
  }

  /** The server sends no more. */
  onEnd(): void {
    const exchange = this.exchange;
    if (exchange === null || this.#phase !== OPEN) {
      if (this.#phase === HANDSHAKE) this.fail("tls", "the server closed the connection during the handshake");
      else this.close();
      return;
    }
    if (this.#parser.end() === DONE) this.#complete(exchange, performance.now());
    else this.fail(this.#parser.errorKind, this.#parser.errorText);
  }

  /** The connection is gone. */
  onGone(error: unknown): void {
    if (this.#phase === CLOSED) return;
    if (error === undefined || error === null) {
      this.onEnd();
      this.close();
      return;
    }
    const { kind, cause } = failureOfSocket(error);
    this.fail(kind, cause);
  }

  /** Bun's error event: the TLS layer broke, or one of these callbacks threw, which is a bug and must be heard of. */
  onError(error: unknown): void {
    if (!isSocketError(error)) throw error;
    this.onGone(error);
  }

  /** The deadline passed. */
  onDeadline(nowMs: number): void {
    const exchange = this.exchange;
    if (exchange === null) return;
    const { timeoutMs } = exchange.sent.settings;
    if (this.#phase < OPEN && this.#connectDeadlineMs <= nowMs) {
      const doing =
        this.#phase === LOOKUP ? "looking up the name" : this.#phase === CONNECT ? "connecting" : "the TLS handshake";
      this.fail("dialTimeout", `still ${doing} after ${this.#core.plan.connectTimeoutMs} ms`);
    } else {
      this.fail("timeout", `no complete response after ${timeoutMs} ms`);
    }
  }

  /** Ends the exchange as failed and closes the connection. */
  fail(kind: HttpErrorKind, cause: string, isInterrupted = false): void {
    const exchange = this.exchange;
    const phase = this.#phase;
    this.#abandon();
    if (exchange === null) return;
    const nowMs = performance.now();
    if (phase === LOOKUP) exchange.blockedMs = nowMs - this.#phaseStartMs;
    else if (phase === CONNECT) exchange.connectingMs = nowMs - this.#phaseStartMs;
    else if (phase === HANDSHAKE) exchange.tlsMs = nowMs - this.#phaseStartMs;
    exchange.isInterrupted = isInterrupted;
    exchange.fail(kind, this.origin.label, cause, nowMs);
    this.#client.finished(exchange, phase === OPEN && this.#isStale(kind));
  }

  #complete(exchange: HttpResponse, nowMs: number): void {
    const isReusable = this.#parser.keepsAlive && this.#out === null && !exchange.sent.closes;
    exchange.bytesReceived -= this.#parser.leftover;
    exchange.complete(this.#parser, nowMs);
    this.exchange = null;
    this.deadlineMs = Infinity;
    if (!isReusable) {
      if (this.#out === null) this.close();
      else this.#abandon();
    }
    this.#client.finished(exchange, false);
  }

  /** Closes in good order: idle, or after the last response. */
  close(): void {
    this.#leave()?.end();
  }

  /** Closes at once; what is not sent is dropped. */
  #abandon(): void {
    this.#leave()?.terminate();
  }

  /**
   * Marks the connection closed and forgets it everywhere. Out: the socket to close; null if there is none or it was
   * closed.
   */
  #leave(): Socket<Connection> | null {
    if (this.#phase === CLOSED) return null;
    const socket = this.#socket;
    this.#phase = CLOSED;
    this.#socket = null;
    this.exchange = null;
    this.deadlineMs = Infinity;
    this.#out = null;
    this.#outNext = null;
    this.#core.unwatch(this);
    this.#client.dropped(this);
    return socket;
  }
}
