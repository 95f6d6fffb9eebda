// One exchange: what was asked, what came back, how long each part took. It is the Exchange of the metrics and the
// Response of the user at once, so that a request costs one object. What the user may never look at (headers,
// body text, cookies, timings) is decoded from the received bytes on first reading.

import type { Response, ResponseCookie, Timings } from "../hyperscale.d.ts";
import { decompress } from "./body.ts";
import { parseSetCookie, toResponseCookie, type ParsedCookie } from "./cookies.ts";
import { HTTP_ERRORS, type HttpErrorKind } from "./errors.ts";
import { readFields, readStatusText, type HeaderFields } from "./head.ts";
import { valueAt } from "./json-path.ts";
import type { Exchange } from "./owner.ts";
import type { ResponseParser } from "./parser.ts";
import type { HttpRequest } from "./request.ts";

/** The other end of a connection; one object for all exchanges on it. */
export type Peer = {
  readonly ip: string;
  readonly port: number;
  readonly tlsVersion: string;
  readonly tlsCipher: string;
};

export type Resolve = (response: Response) => void;
export type Reject = (reason: unknown) => void;

const EMPTY = Buffer.alloc(0);
const NO_PEER: Peer = { ip: "", port: 0, tlsVersion: "", tlsCipher: "" };

export class HttpResponse implements Response, Exchange {
  readonly sent: HttpRequest;
  /** Of the user's promise. A redirect, digest answer or retry hands them to the exchange that follows. */
  readonly promise: Promise<Response>;
  readonly resolve: Resolve;
  readonly reject: Reject;
  /** Redirects that may still be followed. */
  readonly redirectsLeft: number;
  /** The second sending after a kept connection turned out dead, or the answer to a digest challenge: not repeated. */
  readonly isRepeat: boolean;
  /** Value of the Cookie header as sent. */
  cookie = "";

  status = 0;
  errorCode = 0;
  error = "";
  isExpected: boolean | null = false;
  isSent = false;
  isInterrupted = false;
  bytesSent = 0;
  bytesReceived = 0;
  blockedMs = 0;
  connectingMs = 0;
  tlsMs = 0;
  sendingMs = 0;
  waitingMs = 0;
  receivingMs = 0;

  /** Instants on performance.now(): the call, first byte written, last byte written, first byte read. 0: not yet. */
  startedMs = 0;
  sendStartMs = 0;
  sentMs = 0;
  firstByteMs = 0;
  peer: Peer = NO_PEER;

  hasSetCookie = false;
  #minorVersion = 1;
  #head: Buffer = EMPTY;
  #headStart = 0;
  #headEnd = 0;
  #body: Buffer = EMPTY;
  #bodyStart = 0;
  #bodyEnd = 0;
  #text: string | null = null;
  #fields: HeaderFields | null = null;

  constructor(
    sent: HttpRequest,
    promise: Promise<Response>,
    resolve: Resolve,
    reject: Reject,
    redirectsLeft: number,
    isRepeat: boolean,
  ) {
    this.sent = sent;
    this.promise = promise;
    this.resolve = resolve;
    this.reject = reject;
    this.redirectsLeft = redirectsLeft;
    this.isRepeat = isRepeat;
  }

  /**
   * Takes over what the parser found; `nowMs` is when the last byte came. A body that cannot be decoded is an error.
   */
  complete(parser: ResponseParser, nowMs: number): void {
    this.status = parser.status;
    this.#minorVersion = parser.minorVersion;
    this.#head = parser.head;
    this.#headStart = parser.headStart;
    this.#headEnd = parser.headEnd;
    this.hasSetCookie = parser.hasSetCookie;
    const { body } = parser;
    if (body !== null) {
      this.#body = body;
      this.#bodyStart = parser.bodyStart;
      this.#bodyEnd = parser.bodyEnd;
    }
    const hasCoding = parser.hasContentEncoding && body !== null;
    parser.release();
    this.#measureAnswer(nowMs);
    if (hasCoding) this.#decode();
  }

  /** Ends the exchange without a usable response. In: the row of the table, "host:port", the cause in words. */
  fail(kind: HttpErrorKind, label: string, cause: string, nowMs: number): void {
    const { code, text } = HTTP_ERRORS[kind];
    this.status = 0;
    this.errorCode = code;
    this.error = cause === "" ? `${text}: ${label}` : `${text}: ${label}: ${cause}`;
    if (this.sendStartMs > 0) this.#measureAnswer(nowMs);
  }

  #measureAnswer(nowMs: number): void {
    const firstByteMs = this.firstByteMs === 0 ? nowMs : this.firstByteMs;
    // An answer may come before the last byte of the request is out; then nothing was waited for.
    const sentMs = this.sentMs === 0 || this.sentMs > firstByteMs ? firstByteMs : this.sentMs;
    this.sendingMs = sentMs - this.sendStartMs;
    this.waitingMs = firstByteMs - sentMs;
    this.receivingMs = nowMs - firstByteMs;
  }

  #decode(): void {
    const decoded = decompress(this.#body.subarray(this.#bodyStart, this.#bodyEnd), this.header("Content-Encoding"));
    if (typeof decoded === "string") {
      const { code, text } = HTTP_ERRORS.badEncoding;
      this.errorCode = code;
      this.error = `${text}: ${this.sent.target.origin.label}: ${decoded}`;
      return;
    }
    this.#body = decoded;
    this.#bodyStart = 0;
    this.#bodyEnd = decoded.length;
  }

  get method(): string {
    return this.sent.method;
  }

  get url(): string {
    return this.sent.target.url;
  }

  get name(): string {
    return this.sent.name;
  }

  get tags(): Readonly<Record<string, string>> | null {
    return this.sent.settings.tags;
  }

  get error_code(): number {
    return this.errorCode;
  }

  get status_text(): string {
    return this.status === 0 ? "" : readStatusText(this.#head, this.#headStart, this.#headEnd);
  }

  get proto(): string {
    return this.status === 0 ? "" : `HTTP/1.${this.#minorVersion}`;
  }

  get remote_ip(): string {
    return this.peer.ip;
  }

  get remote_port(): number {
    return this.peer.port;
  }

  get tls_version(): string {
    return this.peer.tlsVersion;
  }

  get tls_cipher_suite(): string {
    return this.peer.tlsCipher;
  }

  /** All values by canonical name. */
  get fields(): HeaderFields {
    return (this.#fields ??= readFields(this.#head, this.#headStart, this.#headEnd));
  }

  get headers(): Readonly<Record<string, string>> {
    return Object.fromEntries([...this.fields].map(([name, values]) => [name, values.join(", ")]));
  }

  /** Values of a header joined by ", ", by canonical name; "" if it is not there. */
  header(name: string): string {
    return this.fields.get(name)?.join(", ") ?? "";
  }

  /** Every Set-Cookie that has a name. */
  get parsedCookies(): readonly ParsedCookie[] {
    const cookies: ParsedCookie[] = [];
    for (const value of this.fields.get("Set-Cookie") ?? []) {
      const cookie = parseSetCookie(value);
      if (cookie !== null) cookies.push(cookie);
    }
    return cookies;
  }

  get cookies(): Readonly<Record<string, readonly ResponseCookie[]>> {
    if (!this.hasSetCookie) return {};
    const cookies = Map.groupBy(this.parsedCookies, ({ name }) => name);
    return Object.fromEntries([...cookies].map(([name, same]) => [name, same.map(toResponseCookie)]));
  }

  get body(): string {
    return (this.#text ??= this.#body.toString("utf8", this.#bodyStart, this.#bodyEnd));
  }

  get bytes(): Uint8Array {
    return this.#body.subarray(this.#bodyStart, this.#bodyEnd);
  }

  get timings(): Timings {
    return {
      blocked: this.blockedMs,
      connecting: this.connectingMs,
      tls_handshaking: this.tlsMs,
      sending: this.sendingMs,
      waiting: this.waitingMs,
      receiving: this.receivingMs,
      duration: this.sendingMs + this.waitingMs + this.receivingMs,
    };
  }

  get request(): Response["request"] {
    const head = Buffer.from(this.sent.headWith(this.cookie));
    const headers = Object.fromEntries([...readFields(head, 0, head.length)]);
    return { method: this.method, url: this.url, headers, body: this.sent.parts.body?.toString() ?? "" };
  }

  json<T = unknown>(path?: string): T {
    let value: unknown;
    try {
      value = JSON.parse(this.body);
    } catch (cause) {
      throw new TypeError(`the body of ${this.method} ${this.url} (status ${this.status}) ${this.#fault}`, { cause });
    }
    return valueAt<T>(value, path ?? "");
  }

  /** Why the body is no JSON. */
  get #fault(): string {
    if (this.body !== "") return `is not JSON: it begins with ${JSON.stringify(this.body.slice(0, 60))}`;
    if (this.error !== "") return `is empty: ${this.error}`;
    return this.sent.settings.keepsBody ? "is empty" : "was discarded (responseType, discardResponseBodies)";
  }

  /** What console.log shows. */
  [Symbol.for("nodejs.util.inspect.custom")](): unknown {
    return this.toJSON();
  }

  /** What JSON.stringify shows: k6's fields. */
  toJSON(): Record<string, unknown> {
    const {
      status,
      status_text,
      url,
      proto,
      remote_ip,
      remote_port,
      headers,
      cookies,
      body,
      timings,
      error,
      error_code,
      tls_version,
      tls_cipher_suite,
      request,
    } = this;
    return {
      status,
      status_text,
      url,
      proto,
      remote_ip,
      remote_port,
      headers,
      cookies,
      body,
      timings,
      error,
      error_code,
      tls_version,
      tls_cipher_suite,
      request,
    };
  }
}
