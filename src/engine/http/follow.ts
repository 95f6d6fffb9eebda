// What a response asks for next: the request after a redirect (RFC 9110 15.4, as browsers and Go do it) or the answer
// to a digest challenge. Pure but for the random client nonce; sending it is the client's business.

import { isIP } from "node:net";
import { messageOf } from "../../base/error.ts";
import type { HttpCore } from "./core.ts";
import { answerChallenge, parseChallenge } from "./digest.ts";
import { HTTP_ERRORS } from "./errors.ts";
import { HttpRequest, headerOf, withoutHeaders } from "./request.ts";
import type { HttpResponse } from "./response.ts";
import type { Origin, Target } from "./url.ts";

/** The request that follows a response by itself. */
export type FollowUp = { readonly kind: "redirect" | "digest"; readonly request: HttpRequest };

const BODY_HEADERS: ReadonlySet<string> = new Set([
  "content-type",
  "content-length",
  "content-encoding",
  "transfer-encoding",
]);
/** Gone at another origin. */
const ORIGIN_HEADERS: ReadonlySet<string> = new Set(["host"]);
/** Gone where the other origin is not trusted as the first was. */
const SECRET_HEADERS: ReadonlySet<string> = new Set(["authorization", "proxy-authorization", "www-authenticate"]);

/** The follow-up of a response; null: the response is the result. A Location that is no URL is put into its error. */
export function followUp(exchange: HttpResponse, core: HttpCore): FollowUp | null {
  if (exchange.status === 401) return digestAnswer(exchange, core);
  if (exchange.redirectsLeft === 0) return null;
  switch (exchange.status) {
    case 301:
    case 302:
    case 303:
    case 307:
    case 308:
      return redirect(exchange, core);
    default:
      return null;
  }
}

function redirect(exchange: HttpResponse, core: HttpCore): FollowUp | null {
  const location = exchange.fields.get("Location")?.[0] ?? "";
  if (location === "") return null;
  const { parts } = exchange.sent;
  let target: Target;
  try {
    target = core.targets.resolve(location, parts.target);
  } catch (error) {
    const { code, text } = HTTP_ERRORS.badRedirect;
    exchange.errorCode = code;
    exchange.error = `${text}: ${parts.target.origin.label}: ${messageOf(error)}`;
    if (exchange.isExpected !== null) exchange.isExpected = false;
    return null;
  }
  const keepsMethod =
    exchange.status === 307 || exchange.status === 308 || parts.method === "GET" || parts.method === "HEAD";
  const isSameOrigin = target.origin === parts.target.origin;
  let { headers, settings } = parts;
  if (!keepsMethod) headers = withoutHeaders(headers, BODY_HEADERS);
  if (!isSameOrigin) {
    headers = withoutHeaders(headers, ORIGIN_HEADERS);
    if (!isTrusted(parts.target.origin, target.origin)) headers = withoutHeaders(headers, SECRET_HEADERS);
    settings = { ...settings, cookie: "" };
  }
  const keptBody = keepsMethod
    ? { body: parts.body }
    : { method: "GET", body: null, contentType: "", contentEncoding: "" };
  const authorization = isSameOrigin ? carriedAuthorization(parts.authorization, parts.target, target) : "";
  return {
    kind: "redirect",
    request: new HttpRequest({ ...parts, ...keptBody, target, headers, settings, authorization }, core.plan),
  };
}

/**
 * What the test says to one host goes to its other ports and subdomains (http to https, say), as in Go and k6; never
 * out of TLS.
 */
function isTrusted(from: Origin, to: Origin): boolean {
  if (from.isTls && !to.isTls) return false;
  return to.host === from.host || (to.host.endsWith(`.${from.host}`) && isIP(from.host) === 0);
}

/** Credentials of the URL hold for its whole origin, though a Location does not repeat them. */
function carriedAuthorization(authorization: string, from: Target, to: Target): string {
  if (authorization === "digest" || to.credentials !== null || from.credentials === null)
    return authorization.startsWith("Digest ") ? "digest" : authorization;
  return `Basic ${Buffer.from(`${from.credentials.user}:${from.credentials.password}`).toString("base64")}`;
}

function digestAnswer(exchange: HttpResponse, core: HttpCore): FollowUp | null {
  const { parts } = exchange.sent;
  const { credentials } = parts.target;
  if (
    parts.settings.auth !== "digest" ||
    exchange.isRepeat ||
    credentials === null ||
    headerOf(parts.headers, "authorization") !== ""
  )
    return null;
  const challenge = parseChallenge(exchange.header("Www-Authenticate"));
  if (challenge === null) return null;
  const authorization = answerChallenge(challenge, {
    method: parts.method,
    path: parts.target.path,
    user: credentials.user,
    password: credentials.password,
    cnonce: crypto.randomUUID().replaceAll("-", ""),
  });
  return { kind: "digest", request: new HttpRequest({ ...parts, authorization }, core.plan) };
}
