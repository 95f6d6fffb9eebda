// The table of error codes a request can end with, and how a socket's, resolver's or TLS library's error becomes one.
// Codes below 1400 are k6's (k6 docs, "Error codes"); 1312 and 16xx are ours, finer than k6's 1000.

import { closeSync, openSync } from "node:fs";

/** Every code with what it says; `error` of a response is "<text>: <host:port>: <cause>". */
export const HTTP_ERRORS = {
  generic: { code: 1000, text: "request failed" },
  network: { code: 1010, text: "network error" },
  invalidUrl: { code: 1020, text: "invalid URL" },
  timeout: { code: 1050, text: "request timeout" },
  dns: { code: 1100, text: "DNS lookup failed" },
  noSuchHost: { code: 1101, text: "no such host" },
  tcp: { code: 1200, text: "TCP error" },
  brokenPipe: { code: 1201, text: "broken pipe" },
  tcpUnknown: { code: 1202, text: "unknown TCP error" },
  dial: { code: 1210, text: "cannot connect" },
  dialTimeout: { code: 1211, text: "connect timeout" },
  refused: { code: 1212, text: "connection refused" },
  reset: { code: 1220, text: "connection reset by peer" },
  tls: { code: 1300, text: "TLS error" },
  unknownAuthority: { code: 1310, text: "certificate signed by unknown authority" },
  wrongHost: { code: 1311, text: "certificate is not valid for the host" },
  expired: { code: 1312, text: "certificate has expired or is not yet valid" },
  malformed: { code: 1601, text: "malformed response" },
  headTooLarge: { code: 1602, text: "response headers too large" },
  truncated: { code: 1603, text: "unexpected EOF" },
  badChunk: { code: 1604, text: "bad chunked encoding" },
  badEncoding: { code: 1605, text: "unreadable content encoding" },
  noResponse: { code: 1606, text: "connection closed before a response" },
  badRedirect: { code: 1701, text: "bad redirect" },
} as const;

/** One row of the table. */
export type HttpErrorKind = keyof typeof HTTP_ERRORS;

/** A failed exchange as a value: the row of the table, and the cause in words. */
export type HttpFailure = { readonly kind: HttpErrorKind; readonly cause: string };

/** Code of a response status: 1400-1499 for 4xx, 1500-1599 for 5xx, else 0. */
export function codeOfStatus(status: number): number {
  return status >= 400 && status < 600 ? 1000 + status : 0;
}

/** What went wrong when no connection could be made. In: what Bun.connect rejected with. */
export function failureOfDial(thrown: unknown, hasDescriptor: () => boolean = hasFreeDescriptor): HttpFailure {
  const { code, message } = describe(thrown);
  switch (code) {
    case "ECONNREFUSED":
      // Bun says so, too, of a socket that could not be made: that is no fault of the server.
      if (!hasDescriptor())
        return { kind: "dial", cause: "this process has no file descriptor left: raise ulimit -n, or use fewer VUs" };
      return { kind: "refused", cause: "nothing listens there" };
    case "ETIMEDOUT":
    case "ERR_SOCKET_CONNECTION_TIMEOUT":
      return { kind: "dialTimeout", cause: "no answer to the connection attempt" };
    case "ECONNRESET":
      return { kind: "reset", cause: "while connecting" };
    default:
      if (code.startsWith("ERR_OSSL") || code.startsWith("ERR_SSL"))
        return { kind: "tls", cause: `what tlsAuth or tlsCACerts give cannot be used: ${tlsReason(message)}` };
      return { kind: "dial", cause: code === "" ? message : `${code} ${message}` };
  }
}

function hasFreeDescriptor(): boolean {
  try {
    closeSync(openSync("/dev/null", "r"));
    return true;
  } catch (thrown) {
    const { code } = describe(thrown);
    return code !== "EMFILE" && code !== "ENFILE";
  }
}

/** What went wrong when a name gave no address. In: what the resolver rejected with. */
export function failureOfLookup(thrown: unknown): HttpFailure {
  const { code, message } = describe(thrown);
  const isUnknown = code === "ENOTFOUND" || code === "ENODATA" || code === "DNS_ENOTFOUND" || code === "EAI_NONAME";
  return isUnknown
    ? { kind: "noSuchHost", cause: "the name has no address" }
    : { kind: "dns", cause: `${code} ${message}`.trim() };
}

/** What went wrong on a connection that was open. In: the error of the socket's close or error event. */
export function failureOfSocket(thrown: unknown): HttpFailure {
  const { code, message } = describe(thrown);
  switch (code) {
    case "ECONNRESET":
      return { kind: "reset", cause: "the server reset the connection" };
    case "EPIPE":
      return { kind: "brokenPipe", cause: "the server no longer reads" };
    case "EPROTO":
      return { kind: "tls", cause: tlsReason(message) };
    default:
      return { kind: "tcpUnknown", cause: `${code} ${message}`.trim() };
  }
}

const UNKNOWN_AUTHORITY: ReadonlySet<string> = new Set([
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "CERT_SIGNATURE_FAILURE",
  "CERT_UNTRUSTED",
  "INVALID_CA",
  "PATH_LENGTH_EXCEEDED",
]);

/** What went wrong in a TLS handshake. In: the error of the handshake event. */
export function failureOfTls(thrown: unknown): HttpFailure {
  const { code, message } = describe(thrown);
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID" || code === "HOSTNAME_MISMATCH")
    return { kind: "wrongHost", cause: message };
  if (code === "CERT_HAS_EXPIRED" || code === "CERT_NOT_YET_VALID") return { kind: "expired", cause: message };
  if (UNKNOWN_AUTHORITY.has(code)) return { kind: "unknownAuthority", cause: message };
  return { kind: "tls", cause: tlsReason(message) };
}

/**
 * True for handshake errors about the certificate, which insecureSkipTLSVerify forgives; false for a broken
 * handshake.
 */
export function isCertificateError(thrown: unknown): boolean {
  const { code } = describe(thrown);
  return code !== "EPROTO" && code !== "ECONNRESET" && !code.startsWith("ERR_SSL") && code !== "";
}

/**
 * True for what the system or the TLS library reports; false for an exception of this program, which Bun hands to the
 * same event.
 */
export function isSocketError(thrown: unknown): boolean {
  return describe(thrown).code !== "";
}

/** The last, telling part of a BoringSSL message: "error:1000042e:SSL routines:OPENSSL_internal:X" -> "X". */
function tlsReason(message: string): string {
  const reason = message.slice(message.lastIndexOf(":") + 1).trim();
  return reason === "WRONG_VERSION_NUMBER" ? "WRONG_VERSION_NUMBER (does the server speak TLS on this port?)" : reason;
}

function describe(thrown: unknown): { readonly code: string; readonly message: string } {
  if (typeof thrown !== "object" || thrown === null) return { code: "", message: String(thrown) };
  const code = "code" in thrown && typeof thrown.code === "string" ? thrown.code : "";
  const message = "message" in thrown && typeof thrown.message === "string" ? thrown.message : "";
  return { code, message };
}
