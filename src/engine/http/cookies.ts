// Cookies of one VU (RFC 6265): parsing of Set-Cookie, the store, and which of them go with a request.
// No public suffix list (as in k6): a Domain without a dot is refused unless it is the host itself.

import { isIP } from "node:net";
import { isLoopback } from "../../io/security/bind-problem.ts";
import type { CookieJar, ResponseCookie } from "../hyperscale.d.ts";
import { TargetTable, type Target } from "./url.ts";
import { isHeaderValue, isToken } from "./grammar.ts";

/** Cookies a jar keeps; beyond it the oldest goes (RFC 6265 6.1 asks for 3000 at least). */
export const COOKIES_MAX = 3_000;
/** Bytes of one Set-Cookie value that are looked at. */
export const COOKIE_BYTES_MAX = 8_192;

/**
 * One Set-Cookie header as written: "" and 0 where an attribute is missing. `expiresMs`: epoch ms, NaN where not
 * stated.
 */
export type ParsedCookie = {
  readonly name: string;
  /** Without the double quotes around it. */
  readonly value: string;
  /** It stood in double quotes, and goes back in them. */
  readonly isQuoted: boolean;
  readonly domain: string;
  readonly path: string;
  readonly isHttpOnly: boolean;
  readonly isSecure: boolean;
  /** Seconds; NaN where not stated. */
  readonly maxAge: number;
  readonly expiresMs: number;
};

type StoredCookie = {
  readonly name: string;
  readonly value: string;
  /** As it stands in a Cookie header. */
  readonly pair: string;
  readonly domain: string;
  readonly isHostOnly: boolean;
  readonly path: string;
  readonly isSecure: boolean;
  readonly isHttpOnly: boolean;
  /** Epoch ms; Infinity: until the jar is emptied. */
  readonly expiresMs: number;
  /** Order of arrival, kept when the value is replaced. */
  readonly order: number;
};

/** The cookie of a Set-Cookie value (RFC 6265 5.2). Out: null when it has no name. */
export function parseSetCookie(header: string): ParsedCookie | null {
  const parts = header.slice(0, COOKIE_BYTES_MAX).split(";");
  const pair = parts[0] ?? "";
  const equals = pair.indexOf("=");
  const name = pair.slice(0, Math.max(equals, 0)).trim();
  if (name === "") return null;
  const attributes = {
    domain: "",
    path: "",
    isHttpOnly: false,
    isSecure: false,
    maxAge: Number.NaN,
    expiresMs: Number.NaN,
  };
  for (let at = 1; at < parts.length; at++) {
    const part = parts[at] ?? "";
    const split = part.indexOf("=");
    const key = (split < 0 ? part : part.slice(0, split)).trim().toLowerCase();
    const value = split < 0 ? "" : part.slice(split + 1).trim();
    if (key === "domain") attributes.domain = value.replace(/^\./, "").toLowerCase();
    else if (key === "path") attributes.path = value.startsWith("/") ? value : "";
    else if (key === "secure") attributes.isSecure = true;
    else if (key === "httponly") attributes.isHttpOnly = true;
    else if (key === "max-age" && /^-?\d+$/.test(value)) attributes.maxAge = Number(value);
    else if (key === "expires") attributes.expiresMs = Date.parse(value.replace(/(\d)-(\w{3})-(\d)/, "$1 $2 $3"));
  }
  const written = pair.slice(equals + 1).trim();
  // What is inside stands for the value, as Go's parser has it.
  const isQuoted = written.length > 1 && written.startsWith('"') && written.endsWith('"');
  return { name, value: isQuoted ? written.slice(1, -1) : written, isQuoted, ...attributes };
}

/** The form of the Response. Expires and max-age as the header states them, 0 where it does not. */
export function toResponseCookie(cookie: ParsedCookie): ResponseCookie {
  return {
    name: cookie.name,
    value: cookie.value,
    domain: cookie.domain,
    path: cookie.path,
    http_only: cookie.isHttpOnly,
    secure: cookie.isSecure,
    max_age: Number.isNaN(cookie.maxAge) ? 0 : cookie.maxAge,
    expires: Number.isNaN(cookie.expiresMs) ? 0 : cookie.expiresMs,
  };
}

export class VuCookieJar implements CookieJar {
  readonly #targets: TargetTable;
  #cookies: StoredCookie[] = [];
  #order = 0;

  /** `targets`: known URLs of the core; a jar of the test's own keeps a few for itself. */
  constructor(targets = new TargetTable()) {
    this.#targets = targets;
  }

  get isEmpty(): boolean {
    return this.#cookies.length === 0;
  }

  set(url: string, name: string, value: string, options: Parameters<CookieJar["set"]>[3] = {}): void {
    if (!isToken(name)) throw new TypeError(`a cookie's name cannot be ${JSON.stringify(name)}`);
    if (!isHeaderValue(String(value)) || String(value).includes(";"))
      throw new TypeError(`the value of cookie ${name} has a semicolon or a line break`);
    const expiresMs = options.expires === undefined ? Number.NaN : Date.parse(options.expires);
    if (options.expires !== undefined && Number.isNaN(expiresMs))
      throw new TypeError(`expires of cookie ${name} is no date: ${options.expires}`);
    this.store(this.#targets.get(url), {
      name,
      value: String(value),
      isQuoted: false,
      domain: (options.domain ?? "").replace(/^\./, "").toLowerCase(),
      path: options.path ?? "/",
      isHttpOnly: options.http_only ?? false,
      isSecure: options.secure ?? false,
      maxAge: options.max_age ?? Number.NaN,
      expiresMs,
    });
  }

  cookiesForURL(url: string): Record<string, string[]> {
    const found = Map.groupBy(this.#matching(this.#targets.get(url)), ({ name }) => name);
    return Object.fromEntries([...found].map(([name, same]) => [name, same.map(({ value }) => value)]));
  }

  delete(url: string, name: string): void {
    const gone = new Set(this.#matching(this.#targets.get(url)).filter((cookie) => cookie.name === name));
    this.#cookies = this.#cookies.filter((cookie) => !gone.has(cookie));
  }

  clear(url: string): void {
    const gone = new Set(this.#matching(this.#targets.get(url)));
    this.#cookies = this.#cookies.filter((cookie) => !gone.has(cookie));
  }

  /** Forgets every cookie. */
  empty(): void {
    this.#cookies = [];
  }

  /** Keeps a cookie that `target` set (RFC 6265 5.3); one that is not allowed there is dropped. */
  store(target: Target, cookie: ParsedCookie): void {
    const host = target.origin.host;
    const isHostOnly = cookie.domain === "" || cookie.domain === host;
    if (!isHostOnly && !(isDomainOf(host, cookie.domain) && cookie.domain.includes("."))) return;
    const domain = isHostOnly && cookie.domain === "" ? host : cookie.domain;
    const path = cookie.path === "" ? defaultPath(target.path) : cookie.path;
    const nowMs = Date.now();
    const expiresMs = !Number.isNaN(cookie.maxAge)
      ? cookie.maxAge <= 0
        ? 0
        : nowMs + cookie.maxAge * 1_000
      : Number.isNaN(cookie.expiresMs)
        ? Infinity
        : cookie.expiresMs;
    const at = this.#cookies.findIndex(
      (known) => known.name === cookie.name && known.domain === domain && known.path === path,
    );
    const order = this.#cookies[at]?.order ?? this.#order++;
    if (at >= 0) this.#cookies.splice(at, 1);
    if (expiresMs <= nowMs) return;
    if (this.#cookies.length >= COOKIES_MAX) this.#cookies.shift();
    // A Domain that is the host itself covers its subdomains too, except for an address, which has none.
    const isOfHostOnly = cookie.domain === "" || isIP(host) !== 0;
    this.#cookies.push({
      name: cookie.name,
      value: cookie.value,
      pair: cookie.isQuoted ? `${cookie.name}="${cookie.value}"` : `${cookie.name}=${cookie.value}`,
      domain,
      isHostOnly: isOfHostOnly,
      path,
      isSecure: cookie.isSecure,
      isHttpOnly: cookie.isHttpOnly,
      expiresMs,
      order,
    });
  }

  /** Value of the Cookie header for `target`, "" for none. `except`: names that are not taken from the jar. */
  headerFor(target: Target, except: ReadonlySet<string> | null): string {
    if (this.#cookies.length === 0) return "";
    let header = "";
    for (const cookie of this.#matching(target)) {
      if (except !== null && except.has(cookie.name)) continue;
      header += header === "" ? cookie.pair : `; ${cookie.pair}`;
    }
    return header;
  }

  /** Longer paths first, then older ones (RFC 6265 5.4); expired ones are forgotten. */
  #matching(target: Target): StoredCookie[] {
    const nowMs = Date.now();
    const { host, isTls } = target.origin;
    const query = target.path.indexOf("?");
    const path = query < 0 ? target.path : target.path.slice(0, query);
    const found: StoredCookie[] = [];
    let hasExpired = false;
    for (const cookie of this.#cookies) {
      if (cookie.expiresMs <= nowMs) hasExpired = true;
      else if (
        (cookie.isHostOnly ? host === cookie.domain : isDomainOf(host, cookie.domain)) &&
        (!cookie.isSecure || isTls || staysHere(host)) &&
        isPathOf(path, cookie.path)
      ) {
        found.push(cookie);
      }
    }
    if (hasExpired) this.#cookies = this.#cookies.filter((cookie) => cookie.expiresMs > nowMs);
    if (found.length > 1) found.sort((one, other) => other.path.length - one.path.length || one.order - other.order);
    return found;
  }
}

/** RFC 6265 5.1.3: the same, or a subdomain of it and no address. */
function isDomainOf(host: string, domain: string): boolean {
  return host === domain || (host.endsWith(`.${domain}`) && isIP(host) === 0);
}

/** What does not leave this machine is as safe as TLS, as in browsers and Go. */
function staysHere(host: string): boolean {
  return isLoopback(host) || host.endsWith(".localhost");
}

/** RFC 6265 5.1.4. */
function isPathOf(path: string, cookiePath: string): boolean {
  return (
    path === cookiePath ||
    (path.startsWith(cookiePath) && (cookiePath.endsWith("/") || path[cookiePath.length] === "/"))
  );
}

function defaultPath(path: string): string {
  const query = path.indexOf("?");
  const last = path.lastIndexOf("/", query < 0 ? undefined : query);
  return last <= 0 ? "/" : path.slice(0, last);
}
