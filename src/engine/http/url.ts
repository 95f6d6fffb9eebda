// Where a request goes: Origin (scheme, host, port) and Target (an origin, what follows it, and credentials), made
// once per URL text and kept by the core. Sends what was written; only unusual text goes through WHATWG's parser.

import type { HttpRequest } from "./request.ts";

/** Scheme, host and port: what a connection belongs to. Compared by identity, so made by one OriginTable. */
export class Origin {
  readonly isTls: boolean;
  /** Lower case, without the brackets of IPv6. */
  readonly host: string;
  readonly port: number;
  /** Value of the Host header. */
  readonly hostHeader: string;
  /** "host:port" for messages. */
  readonly label: string;

  constructor(isTls: boolean, host: string, port: number) {
    const bracketed = host.includes(":") ? `[${host}]` : host;
    this.isTls = isTls;
    this.host = host;
    this.port = port;
    this.hostHeader = port === (isTls ? 443 : 80) ? bracketed : `${bracketed}:${port}`;
    this.label = `${bracketed}:${port}`;
  }
}

/** A URL, taken apart for sending. */
export class Target {
  readonly origin: Origin;
  /** Absolute, as written, without credentials and fragment. */
  readonly url: string;
  /** Path and query as sent, at least "/". */
  readonly path: string;
  /** Credentials of the URL, decoded; null: none. */
  readonly credentials: { readonly user: string; readonly password: string } | null;
  /** The GET without params, ready to send; made on first use. */
  plainGet: HttpRequest | null = null;

  constructor(origin: Origin, url: string, path: string, credentials: Target["credentials"]) {
    this.origin = origin;
    this.url = url;
    this.path = path;
    this.credentials = credentials;
  }
}

/**
 * Origins by their text, targets by URL. Both bounded: emptied when full (a live connection keeps its origin object).
 */
const ORIGINS_MAX = 10_000;
const TARGETS_MAX = 10_000;

export class TargetTable {
  readonly #origins = new Map<string, Origin>();
  readonly #targets = new Map<string, Target>();
  readonly #onOrigin: (origin: Origin) => void;

  /** `onOrigin`: told of each origin when it is first met. */
  constructor(onOrigin: (origin: Origin) => void = () => {}) {
    this.#onOrigin = onOrigin;
  }

  /** The target of an absolute http or https URL. Throws TypeError that names what is wrong. */
  get(url: string): Target {
    const known = this.#targets.get(url);
    if (known !== undefined) return known;
    const target = this.#quick(url) ?? this.#parse(url);
    if (this.#targets.size >= TARGETS_MAX) this.#targets.clear();
    this.#targets.set(url, target);
    return target;
  }

  /** Target of a Location header, relative to the URL that was redirected. Throws TypeError. */
  resolve(location: string, base: Target): Target {
    let absolute: URL;
    try {
      absolute = new URL(location, base.url);
    } catch {
      throw new TypeError(`the redirect's Location ${JSON.stringify(location)} is not a URL`);
    }
    return this.get(absolute.href);
  }

  /** A URL of an origin met before with a path of plain characters, which WHATWG parsing would not change. */
  #quick(url: string): Target | null {
    const slash = url.indexOf("/", 8);
    const origin = slash < 0 ? undefined : this.#origins.get(url.slice(0, slash));
    if (origin === undefined) return null;
    const path = url.slice(slash);
    return /^[A-Za-z0-9\-._~:/?@!$&'()*+,;=%[\]]*$/.test(path) && !/\/\.|%2e/i.test(path)
      ? new Target(origin, url, path, null)
      : null;
  }

  #parse(url: string): Target {
    if (typeof url !== "string") throw new TypeError(`the URL must be text, not ${url === null ? "null" : typeof url}`);
    let parsed: URL;
    try {
      parsed = new URL(url);
    } catch {
      throw new TypeError(`invalid URL ${JSON.stringify(url)}: ${faultOf(url)}`);
    }
    if (parsed.protocol !== "http:" && parsed.protocol !== "https:") {
      throw new TypeError(`invalid URL ${JSON.stringify(url)}: the scheme must be http or https`);
    }
    // The URL parser takes "http:///path" for the host "path"; nobody means that.
    if (parsed.hostname === "" || !/^\s*https?:\/\/[^/?#\\]/i.test(url)) {
      throw new TypeError(`invalid URL ${JSON.stringify(url)}: it has no host`);
    }
    const origin = this.#originOf(parsed);
    const hasCredentials = parsed.username !== "" || parsed.password !== "";
    const credentials = hasCredentials ? { user: decode(parsed.username), password: decode(parsed.password) } : null;
    const isAsWritten = !hasCredentials && /^[!-~]+$/.test(url) && !url.includes("#");
    const path = parsed.pathname + parsed.search;
    return new Target(origin, isAsWritten ? url : `${parsed.protocol}//${parsed.host}${path}`, path, credentials);
  }

  #originOf(parsed: URL): Origin {
    const text = `${parsed.protocol}//${parsed.host}`;
    const known = this.#origins.get(text);
    if (known !== undefined) return known;
    const isTls = parsed.protocol === "https:";
    const host = parsed.hostname.startsWith("[") ? parsed.hostname.slice(1, -1) : parsed.hostname;
    const origin = new Origin(isTls, host, parsed.port === "" ? (isTls ? 443 : 80) : Number(parsed.port));
    this.#onOrigin(origin);
    if (this.#origins.size >= ORIGINS_MAX) {
      this.#origins.clear();
      this.#targets.clear();
    }
    this.#origins.set(text, origin);
    return origin;
  }
}

/** Credentials are percent-encoded in a URL; a stray % stands for itself. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function faultOf(url: string): string {
  if (url === "") return "it is empty";
  if (!/^[a-z][a-z0-9+.-]*:/i.test(url)) return "it needs a scheme, as in http://host/path";
  if (/^https?:\/*$/i.test(url)) return "it has no host";
  if (/^https?:\/\/[^/?#]*:[^/?#\]]*/i.test(url)) return "is the port a number up to 65535?";
  return "it is not an absolute URL";
}
