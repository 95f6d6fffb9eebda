// A request, ready to send: checked params, the text of the head, the framed body. Made once for a URL without
// params and used again and again; cookies are the one part that differs from sending to sending.

import { parseDuration } from "../../base/units.ts";
import type { HttpPlan } from "../../load/plan.ts";
import type { ExpectedStatuses, Params, RequestBody } from "../hyperscale.d.ts";
import { compress, encodeBody } from "./body.ts";
import { VuCookieJar } from "./cookies.ts";
import { isHeaderValue, isToken } from "./grammar.ts";
import type { Target } from "./url.ts";

/** Bodies up to this size are sent in one write with the head. */
const INLINE_BODY_BYTES_MAX = 16_384;
/** Data bytes of a chunk, where the user asks for transfer-encoding: chunked. */
const CHUNK_BYTES = 65_536;
const DEFAULT_TIMEOUT_MS = 60_000;

/** What params say, checked, with the plan's defaults. */
export type RequestSettings = {
  readonly tags: Readonly<Record<string, string>> | null;
  /** "" where the URL is the name. */
  readonly name: string;
  readonly timeoutMs: number;
  readonly redirects: number;
  readonly keepsBody: boolean;
  /** undefined: the VU's own; null: none. */
  readonly jar: VuCookieJar | null | undefined;
  /**
   * What params.cookies and a Cookie header of the user put into the Cookie header, "" for none; and the names that
   * replace the jar's.
   */
  readonly cookie: string;
  readonly replaced: ReadonlySet<string> | null;
  /** undefined: the VU's own; null: no status is judged. */
  readonly callback: ExpectedStatuses | null | undefined;
  readonly auth: "" | "basic" | "digest";
};

/** What a request is made of, kept for redirects and digest answers. */
export type RequestParts = {
  readonly method: string;
  readonly target: Target;
  /** As the user gave them, checked. */
  readonly headers: Readonly<Record<string, string>>;
  /** Before chunking, after compression; null: no body. */
  readonly body: Buffer | null;
  readonly contentType: string;
  readonly contentEncoding: string;
  /** Overrides the credentials of the URL; "": none of its own. */
  readonly authorization: string;
  readonly settings: RequestSettings;
};

const METHODS_WITH_BODY: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH"]);
const COOKIE: ReadonlySet<string> = new Set(["cookie"]);
/** RFC 9110 9.2.2: may be sent again when a kept connection turns out to be dead. */
const IDEMPOTENT: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]);

export class HttpRequest {
  readonly parts: RequestParts;
  readonly method: string;
  readonly target: Target;
  readonly settings: RequestSettings;
  /** Value of the name tag. */
  readonly name: string;
  readonly isHead: boolean;
  readonly isIdempotent: boolean;
  /** The user or the plan asked for a connection that is closed afterwards. */
  readonly closes: boolean;
  /** The head, without cookies and the empty line. */
  readonly headText: string;
  /** A body too long to be copied behind the head; null: none, or sent with the head. */
  readonly rest: Buffer | null;
  readonly #inline: Buffer | null;
  #bytes: Buffer | null = null;

  constructor(parts: RequestParts, plan: HttpPlan) {
    const names = new Set(Object.keys(parts.headers).map((name) => name.toLowerCase()));
    const isChunked = /\bchunked\b/i.test(headerOf(parts.headers, "transfer-encoding"));
    const payload = isChunked ? chunk(parts.body ?? Buffer.alloc(0)) : parts.body;
    this.parts = parts;
    this.method = parts.method;
    this.target = parts.target;
    this.settings = parts.settings;
    this.name = parts.settings.name === "" ? parts.target.url : parts.settings.name;
    this.isHead = parts.method === "HEAD";
    this.isIdempotent = IDEMPOTENT.has(parts.method);
    this.closes = plan.noConnectionReuse || /\bclose\b/i.test(headerOf(parts.headers, "connection"));
    this.headText = headTextOf(parts, plan, names, isChunked);
    const isInline = payload === null || payload.length <= INLINE_BODY_BYTES_MAX;
    this.#inline = isInline ? payload : null;
    this.rest = isInline ? null : payload;
  }

  /** Head and, if short, body. In: the jar's cookies, "" for none. */
  bytesFor(cookie: string): Buffer {
    if (cookie !== "") return this.#encode(cookie);
    return (this.#bytes ??= this.#encode(""));
  }

  /** Head as sent, for people. */
  headWith(cookie: string): string {
    const line = cookie === "" ? "" : `Cookie: ${cookie}\r\n`;
    return `${this.headText}${line}\r\n`;
  }

  #encode(cookie: string): Buffer {
    const head = Buffer.from(this.headWith(cookie));
    return this.#inline === null ? head : Buffer.concat([head, this.#inline]);
  }
}

/** Settings without params. */
export function defaultSettings(plan: HttpPlan, name = ""): RequestSettings {
  return {
    tags: null,
    name,
    timeoutMs: DEFAULT_TIMEOUT_MS,
    redirects: plan.maxRedirects,
    keepsBody: !plan.discardResponseBodies,
    jar: undefined,
    cookie: "",
    replaced: null,
    callback: undefined,
    auth: "",
  };
}

/** Puts a request together. Throws TypeError that names what is wrong. */
export function makeRequest(
  method: string,
  target: Target,
  body: RequestBody | undefined,
  params: Params,
  name: string,
  plan: HttpPlan,
): HttpRequest {
  if (!isToken(method)) throw new TypeError(`the method cannot be ${show(method)}`);
  if (typeof params !== "object") throw new TypeError(`params must be { headers, tags, ... }, not ${show(params)}`);
  const given = checkHeaders(params.headers);
  const settings = checkParams(params, plan, name, headerOf(given, "cookie"));
  const headers = headerOf(given, "cookie") === "" ? given : withoutHeaders(given, COOKIE);
  const encoded = encodeBody(body);
  const coding = params.compression;
  const bytes = encoded === null ? null : coding === undefined ? encoded.bytes : compress(encoded.bytes, coding);
  checkLength(given, bytes?.length ?? 0);
  return new HttpRequest(
    {
      method,
      target,
      headers,
      body: bytes,
      contentType: encoded?.contentType ?? "",
      contentEncoding: bytes !== null && coding !== undefined ? coding : "",
      authorization: settings.auth === "digest" ? "digest" : "",
      settings,
    },
    plan,
  );
}

/** The value of a header by its lower-case name, "" if it is not there. */
export function headerOf(headers: Readonly<Record<string, string>>, name: string): string {
  for (const key in headers) if (key.length === name.length && key.toLowerCase() === name) return headers[key] ?? "";
  return "";
}

/** The same headers without those named (lower case). */
export function withoutHeaders(
  headers: Readonly<Record<string, string>>,
  names: ReadonlySet<string>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !names.has(name.toLowerCase())));
}

/** Checks params. Throws TypeError that names the param. */
function checkParams(params: Params, plan: HttpPlan, name: string, cookieHeader: string): RequestSettings {
  const defaults = defaultSettings(plan, String(params.tags?.["name"] ?? name));
  const { tags, timeout, redirects, responseType, jar, auth, responseCallback } = params;
  checkRecord("tags", tags);
  checkRecord("cookies", params.cookies);
  const timeoutMs = timeout === undefined ? defaults.timeoutMs : parseDuration(timeout);
  if (timeoutMs === null || timeoutMs <= 0)
    throw new TypeError(`params.timeout must be a duration above 0 such as "10s", not ${show(timeout)}`);
  if (redirects !== undefined && !(Number.isInteger(redirects) && redirects >= 0))
    throw new TypeError(`params.redirects must be a whole number, not ${show(redirects)}`);
  if (responseType !== undefined && responseType !== "text" && responseType !== "binary" && responseType !== "none") {
    throw new TypeError(`params.responseType must be text, binary or none, not ${show(responseType)}`);
  }
  if (jar !== undefined && jar !== null && !(jar instanceof VuCookieJar))
    throw new TypeError("params.jar must be what http.cookieJar() or new http.CookieJar() returns, or null");
  if (auth !== undefined && auth !== "basic" && auth !== "digest")
    throw new TypeError(`params.auth must be basic or digest, not ${show(auth)}`);
  if (responseCallback !== undefined && responseCallback !== null && typeof responseCallback !== "function") {
    throw new TypeError("params.responseCallback must be what http.expectedStatuses() returns, or null");
  }
  return {
    ...defaults,
    // A copy: they are read when the exchange is over, and the test may have changed its record by then.
    tags: tags === undefined || tags === null ? null : { ...tags },
    timeoutMs,
    redirects: redirects ?? defaults.redirects,
    callback: responseCallback,
    auth: auth ?? "",
    jar,
    keepsBody: responseType === undefined ? defaults.keepsBody : responseType !== "none",
    ...cookiesOf(params.cookies, cookieHeader),
  };
}

/** The letters of a text would be taken for its members. */
function checkRecord(param: string, record: unknown): void {
  if (record === undefined || typeof record === "object") return;
  throw new TypeError(`params.${param} must be { name: "value" }, not ${show(record)}`);
}

function headTextOf(parts: RequestParts, plan: HttpPlan, names: ReadonlySet<string>, isChunked: boolean): string {
  const { method, target, body } = parts;
  let text = `${method} ${target.path} HTTP/1.1\r\n`;
  if (!names.has("host")) text += `Host: ${target.origin.hostHeader}\r\n`;
  if (!names.has("user-agent") && plan.userAgent !== "") text += `User-Agent: ${plan.userAgent}\r\n`;
  if (plan.noConnectionReuse && !names.has("connection")) text += "Connection: close\r\n";
  if (!names.has("authorization")) text += authorizationLine(parts);
  if (parts.contentType !== "" && !names.has("content-type")) text += `Content-Type: ${parts.contentType}\r\n`;
  if (parts.contentEncoding !== "" && !names.has("content-encoding"))
    text += `Content-Encoding: ${parts.contentEncoding}\r\n`;
  if (!isChunked && !names.has("content-length") && (body !== null || METHODS_WITH_BODY.has(method)))
    text += `Content-Length: ${body?.length ?? 0}\r\n`;
  for (const name in parts.headers) text += `${name}: ${parts.headers[name]}\r\n`;
  return text;
}

function authorizationLine(parts: RequestParts): string {
  // "digest" stands for: say nothing before the challenge.
  if (parts.authorization === "digest") return "";
  if (parts.authorization !== "") return `Authorization: ${parts.authorization}\r\n`;
  const { credentials } = parts.target;
  if (credentials === null) return "";
  return `Authorization: Basic ${Buffer.from(`${credentials.user}:${credentials.password}`).toString("base64")}\r\n`;
}

function checkHeaders(headers: unknown): Readonly<Record<string, string>> {
  const checked: Record<string, string> = {};
  for (const [name, value] of headerPairs(headers ?? {})) {
    if (!isToken(name)) throw new TypeError(`params.headers: ${show(name)} is no header name`);
    const text = String(value);
    if (!isHeaderValue(text)) throw new TypeError(`params.headers: the value of ${name} has a line break`);
    checked[name] = text;
  }
  return checked;
}

/** A record, or Headers and Map, whose members are no properties. Throws TypeError on what would be sent as nothing. */
function headerPairs(headers: unknown): readonly (readonly [string, unknown])[] {
  if (headers instanceof Headers) return [...headers];
  if (headers instanceof Map) return [...headers].map(([name, value]) => [String(name), value]);
  if (typeof headers !== "object" || headers === null || Array.isArray(headers))
    throw new TypeError(`params.headers must be { name: "value" }, not ${show(headers)}`);
  return Object.entries(headers);
}

/**
 * A length that is not the body's would make the server take the end of one request for the beginning of the next, and
 * count others than were sent.
 */
function checkLength(headers: Readonly<Record<string, string>>, bytes: number): void {
  const name = Object.keys(headers).find((key) => key.toLowerCase() === "content-length");
  if (name === undefined) return;
  if (headers[name]?.trim() !== String(bytes)) {
    const problem = `${name} is ${show(headers[name])}, and the body has ${bytes} bytes`;
    throw new TypeError(`params.headers: ${problem}: leave it out`);
  }
  if (headerOf(headers, "transfer-encoding") !== "")
    throw new TypeError(`params.headers: ${name} does not go with Transfer-Encoding: leave it out`);
}

function cookiesOf(cookies: Params["cookies"], cookieHeader: string): Pick<RequestSettings, "cookie" | "replaced"> {
  let cookie = cookieHeader;
  let replaced: Set<string> | null = null;
  for (const [name, given] of Object.entries(cookies ?? {})) {
    const value = String(typeof given === "string" ? given : given?.value);
    if (!isToken(name)) throw new TypeError(`params.cookies: ${show(name)} is no cookie name`);
    if (!isHeaderValue(value) || value.includes(";"))
      throw new TypeError(`params.cookies: the value of ${name} has a semicolon or a line break`);
    cookie += cookie === "" ? `${name}=${value}` : `; ${name}=${value}`;
    if (typeof given === "object" && given.replace === true) (replaced ??= new Set<string>()).add(name);
  }
  return { cookie, replaced };
}

/** The chunked transfer coding of a whole body. */
function chunk(body: Buffer): Buffer {
  const pieces: Buffer[] = [];
  for (let at = 0; at < body.length; at += CHUNK_BYTES) {
    const piece = body.subarray(at, at + CHUNK_BYTES);
    pieces.push(Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from("\r\n"));
  }
  pieces.push(Buffer.from("0\r\n\r\n"));
  return Buffer.concat(pieces);
}

function show(value: unknown): string {
  return JSON.stringify(value) ?? String(value);
}
