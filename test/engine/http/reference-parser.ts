// A second, naive parser of a whole response text, for comparison: splits strings, keeps no state. Written from
// RFC 9112 and the rules parser.ts states, sharing no code with it but the limits. Not a test.

import { EXTENSION_BYTES_MAX, TRAILER_BYTES_MAX } from "../../../src/engine/http/chunked.ts";
import { HEAD_BYTES_MAX, HEADERS_MAX, INFORMATIONAL_MAX } from "../../../src/engine/http/parser.ts";

export type Outcome =
  | {
      readonly kind: "ok";
      readonly status: number;
      readonly minor: number;
      readonly fields: string;
      readonly body: string;
      readonly keepsAlive: boolean;
      readonly leftover: number;
    }
  | { readonly kind: "failed"; readonly error: string };

type Head = {
  readonly status: number;
  readonly minor: number;
  readonly fields: (readonly [string, string])[];
  readonly length: number;
};

const failed = (error: string): Outcome => ({ kind: "failed", error });

/** What a client makes of `text` (Latin-1) on a connection that then ends. */
export function parseReference(text: string, isHead: boolean): Outcome {
  let at = 0;
  for (let informational = 0; ; informational++) {
    const head = readHead(text.slice(at));
    if (typeof head === "string") return failed(head === "truncated" && at === 0 && text === "" ? "noResponse" : head);
    if (head.status >= 200 || head.status === 101) return readRest(head, text.slice(at + head.length), isHead);
    if (informational === INFORMATIONAL_MAX) return failed("malformed");
    at += head.length;
  }
}

/** The head at the start of `text`, or the kind of error. */
function readHead(text: string): Head | string {
  const fields: [string, string][] = [];
  const statusFault = statusLineFault(text);
  if (statusFault !== null) return statusFault;
  let at = text.indexOf("\n") + 1;
  for (;;) {
    const rest = text.slice(at);
    if (/^\r?\n/.test(rest)) {
      const length = at + (rest.startsWith("\r") ? 2 : 1);
      if (length > HEAD_BYTES_MAX) return "headTooLarge";
      return { status: Number(text.slice(9, 12)), minor: Number(text[7]), fields, length };
    }
    const line = lineFault(rest, at, fields);
    if (line !== null) return line;
    const end = rest.indexOf("\n");
    const raw = rest.slice(0, end).replace(/\r$/, "");
    const previous = fields.at(-1);
    if (/^[ \t]/.test(raw) && previous !== undefined) previous[1] = `${previous[1]} ${raw.trim()}`.trim();
    else
      fields.push([
        raw.slice(0, raw.indexOf(":")).toLowerCase(),
        raw.slice(raw.indexOf(":") + 1).replace(/^[ \t]+|[ \t]+$/g, ""),
      ]);
    at += end + 1;
  }
}

/** What is wrong with the status line; null: nothing. */
function statusLineFault(text: string): string | null {
  const good = /^HTTP\/1\.[01] [1-9][0-9][0-9](?: [\t\x20-\x7e\x80-\xff]*)?/.exec(text)?.[0];
  if (good !== undefined) return endingFault(text.slice(good.length, good.length + 2), good.length);
  // Could more bytes have made a status line of it?
  return "HTTP/1.".startsWith(text) || /^HTTP\/1\.(?:[01](?: (?:[1-9][0-9]?)?)?)?$/.test(text)
    ? "truncated"
    : "malformed";
}

/** What is wrong with the end of a line, the one or two bytes that follow `end` bytes of head; null: nothing. */
function endingFault(ending: string, end: number): string | null {
  if (end >= HEAD_BYTES_MAX) return "headTooLarge";
  if (ending === "") return "truncated";
  if (ending[0] === "\n") return null;
  if (ending[0] !== "\r") return "malformed";
  if (end + 1 >= HEAD_BYTES_MAX) return "headTooLarge";
  if (ending === "\r") return "truncated";
  return ending === "\r\n" ? null : "malformed";
}

/** What is wrong with the header line at the start of `rest`, which stands at `at` in the head; null: nothing. */
function lineFault(rest: string, at: number, fields: readonly (readonly [string, string])[]): string | null {
  if (at >= HEAD_BYTES_MAX) return "headTooLarge";
  if (rest === "" || rest === "\r") return at + rest.length >= HEAD_BYTES_MAX ? "headTooLarge" : "truncated";
  if (rest.startsWith("\r")) return at + 1 >= HEAD_BYTES_MAX ? "headTooLarge" : "malformed";
  const isFold = /^[ \t]/.test(rest);
  if (
    isFold &&
    (fields.length === 0 || /^(content-length|transfer-encoding|connection)$/.test(fields.at(-1)?.[0] ?? ""))
  )
    return "malformed";
  if (!isFold && fields.length === HEADERS_MAX) return "headTooLarge";
  const good =
    (isFold ? /^[\t\x20-\x7e\x80-\xff]*/ : /^(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?::[\t\x20-\x7e\x80-\xff]*)?)?/).exec(
      rest,
    )?.[0] ?? "";
  const ending = rest.slice(good.length, good.length + 2);
  const isWhole = isFold || good.includes(":");
  const end = at + good.length;
  if (end >= HEAD_BYTES_MAX) return "headTooLarge";
  if (ending === "") return "truncated";
  if (!isWhole || !/^[\r\n]/.test(ending)) return "malformed";
  return (isFold ? null : framingFault(good, fields)) ?? endingFault(ending, end);
}

/** What is wrong with a whole header line, taken with those before it. */
function framingFault(line: string, fields: readonly (readonly [string, string])[]): string | null {
  const name = line.slice(0, line.indexOf(":")).toLowerCase();
  const value = line.slice(line.indexOf(":") + 1).replace(/^[ \t]+|[ \t]+$/g, "");
  const earlier = fields.filter((field) => field[0] === name).map((field) => field[1]);
  const fault = fieldFault([name, value]);
  if (fault !== null) return fault;
  if (name === "content-length" && earlier.some((other) => Number(other) !== Number(value))) return "malformed";
  return name === "transfer-encoding" && /chunked/i.test(value) && earlier.some((other) => /chunked/i.test(other))
    ? "malformed"
    : null;
}

/** What is wrong with the value of a framing header. */
function fieldFault([name, value]: readonly [string, string]): string | null {
  if (name === "content-length") return /^\d{1,15}$/.test(value) ? null : "malformed";
  if (name !== "transfer-encoding") return null;
  let chunked = 0;
  for (const coding of value.split(",")) {
    const word = coding.trim().toLowerCase();
    if (word === "chunked" && ++chunked > 1) return "malformed";
    if (word !== "chunked" && word !== "identity" && word !== "") return "badEncoding";
  }
  return null;
}

function readRest(head: Head, rest: string, isHead: boolean): Outcome {
  const valuesOf = (name: string): string[] =>
    head.fields
      .filter((field) => field[0] === name)
      .flatMap(([, value]) =>
        value
          .toLowerCase()
          .split(",")
          .map((word) => word.trim()),
      );
  const isChunked = valuesOf("transfer-encoding").includes("chunked");
  const length = head.fields.find(([name]) => name === "content-length")?.[1];
  const connection = valuesOf("connection");
  const isKept =
    !connection.includes("close") &&
    (head.minor === 1 || connection.includes("keep-alive")) &&
    !(isChunked && length !== undefined);
  const done = (body: string, keepsAlive: boolean, leftover: number): Outcome => ({
    kind: "ok",
    status: head.status,
    minor: head.minor,
    fields: JSON.stringify(head.fields),
    body,
    keepsAlive: keepsAlive && leftover === 0,
    leftover,
  });
  if (head.status === 101) return done("", false, rest.length);
  if (isHead || head.status === 204 || head.status === 304) return done("", isKept, rest.length);
  if (isChunked) {
    const chunks = readChunks(rest);
    return typeof chunks === "string" ? failed(chunks) : done(chunks.body, isKept, rest.length - chunks.length);
  }
  if (length === undefined) return done(rest, false, 0);
  return rest.length < Number(length)
    ? failed("truncated")
    : done(rest.slice(0, Number(length)), isKept, rest.length - Number(length));
}

function readChunks(text: string): { readonly body: string; readonly length: number } | string {
  let body = "";
  let at = 0;
  for (;;) {
    const line = /^[0-9a-fA-F]{1,12}(?:[; \t][\t\x20-\x7e\x80-\xff]*)?/.exec(text.slice(at))?.[0] ?? "";
    if (line === "") return at === text.length ? "truncated" : "badChunk";
    const digits = /^[0-9a-fA-F]+/.exec(line)?.[0] ?? "";
    // The separator is no part of the extension's length.
    if (line.length - digits.length - 1 > EXTENSION_BYTES_MAX) return "badChunk";
    at += line.length;
    const ending = endingAt(text, at);
    if (typeof ending === "string") return ending;
    at += ending;
    const size = Number.parseInt(digits, 16);
    if (size === 0) return readTrailers(text, at, body);
    if (text.length - at < size) return "truncated";
    body += text.slice(at, at + size);
    at += size;
    const after = endingAt(text, at);
    if (typeof after === "string") return after;
    at += after;
  }
}

function readTrailers(
  text: string,
  from: number,
  body: string,
): { readonly body: string; readonly length: number } | string {
  const rest = text.slice(from);
  const lines = /^(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*\r?\n)*/.exec(rest)?.[0] ?? "";
  const after = rest.slice(lines.length);
  const end = lines.length + (after.startsWith("\r") ? 2 : 1);
  if (/^\r?\n/.test(after)) return end > TRAILER_BYTES_MAX ? "badChunk" : { body, length: from + end };
  const isPrefix = /^(?:\r|[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?::[\t\x20-\x7e\x80-\xff]*\r?)?)?$/.test(after);
  return isPrefix && rest.length <= TRAILER_BYTES_MAX ? "truncated" : "badChunk";
}

/** Length of the line ending at `at`, or the kind of error. */
function endingAt(text: string, at: number): number | string {
  if (text[at] === "\n") return 1;
  if (text.startsWith("\r\n", at)) return 2;
  return at === text.length || (text[at] === "\r" && at + 1 === text.length) ? "truncated" : "badChunk";
}
