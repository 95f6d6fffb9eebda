// Responses for the parser's tests: usual, unusual, and wrong ones. Not a test. Bytes are Latin-1 text.

import { HEAD_BYTES_MAX, type ParseErrorKind } from "../../../src/engine/http/parser.ts";

export type CorpusEntry = {
  readonly name: string;
  readonly text: string;
  /** The request was HEAD. */
  readonly isHead?: boolean;
  /** "ok", or the kind of error once the server has closed the connection. */
  readonly outcome: "ok" | ParseErrorKind;
  /** Why llhttp (strict) says otherwise: the difference is wanted. */
  readonly unlikeLlhttp?: string;
};

const OK = "HTTP/1.1 200 OK\r\n";
const CHUNKED = `${OK}Transfer-Encoding: chunked\r\n\r\n`;
const LENIENT_LF = "RFC 9112 2.2 lets a recipient take a bare LF as the end of a line; llhttp does not";

function headers(count: number): string {
  return Array.from({ length: count }, (_, index) => `X-${index}: ${index}\r\n`).join("");
}

/** A head of exactly `length` bytes, empty line included. */
function headOf(length: number): string {
  const frame = `${OK}Content-Length: 2\r\nX-Long: \r\n\r\n`;
  return frame.replace("X-Long: ", `X-Long: ${"v".repeat(length - frame.length)}`);
}

export const CORPUS: readonly CorpusEntry[] = [
  // Framing by length.
  {
    name: "nginx",
    text:
      `${OK}Server: nginx\r\nDate: Sun, 22 Nov 2026 00:00:00 GMT\r\nContent-Type: text/plain\r\n` +
      "Content-Length: 14\r\nConnection: keep-alive\r\n\r\nHello, World!\n",
    outcome: "ok",
  },
  { name: "empty body", text: `${OK}Content-Length: 0\r\n\r\n`, outcome: "ok" },
  { name: "length with spaces and tabs", text: `${OK}Content-Length: \t 3 \t\r\n\r\nabc`, outcome: "ok" },
  { name: "length in another case", text: `${OK}cOnTeNt-LeNgTh: 3\r\n\r\nabc`, outcome: "ok" },
  {
    name: "length stated twice, the same",
    text: `${OK}Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc`,
    outcome: "ok",
    unlikeLlhttp: "RFC 9112 6.3 allows it",
  },
  {
    name: "length stated twice, different",
    text: `${OK}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd`,
    outcome: "malformed",
  },
  { name: "negative length", text: `${OK}Content-Length: -1\r\n\r\n`, outcome: "malformed" },
  { name: "length with a sign", text: `${OK}Content-Length: +3\r\n\r\nabc`, outcome: "malformed" },
  { name: "length in hex", text: `${OK}Content-Length: 0x3\r\n\r\nabc`, outcome: "malformed" },
  { name: "list of lengths", text: `${OK}Content-Length: 3, 3\r\n\r\nabc`, outcome: "malformed" },
  { name: "length without digits", text: `${OK}Content-Length: \r\n\r\n`, outcome: "malformed" },
  { name: "length beyond any body", text: `${OK}Content-Length: 99999999999999999999\r\n\r\n`, outcome: "malformed" },
  { name: "length longer than the body", text: `${OK}Content-Length: 10\r\n\r\nabc`, outcome: "truncated" },
  {
    name: "length shorter than the body",
    text: `${OK}Content-Length: 2\r\n\r\nabcdef`,
    outcome: "ok",
    unlikeLlhttp: "llhttp parses the rest as the next response",
  },
  {
    name: "two responses at once",
    text: `${OK}Content-Length: 2\r\n\r\nab${OK}Content-Length: 2\r\n\r\ncd`,
    outcome: "ok",
    unlikeLlhttp: "llhttp parses pipelined responses",
  },
  { name: "CRLF after the body", text: `${OK}Content-Length: 2\r\n\r\nab\r\n`, outcome: "ok" },
  { name: "binary body", text: `${OK}Content-Length: 6\r\n\r\n\x00\xff\r\n\r\n`, outcome: "ok" },

  // Status line.
  { name: "no reason", text: "HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nab", outcome: "ok" },
  { name: "empty reason", text: "HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nab", outcome: "ok" },
  {
    name: "long reason with obs-text",
    text: 'HTTP/1.1 404 Pas trouv\xe9, (really) "no"\r\nContent-Length: 2\r\n\r\nab',
    outcome: "ok",
  },
  { name: "status 999", text: "HTTP/1.1 999 Odd\r\nContent-Length: 2\r\n\r\nab", outcome: "ok" },
  { name: "status 099", text: "HTTP/1.1 099 Odd\r\nContent-Length: 2\r\n\r\nab", outcome: "malformed" },
  { name: "status of two digits", text: "HTTP/1.1 20 OK\r\n\r\n", outcome: "malformed" },
  { name: "status of four digits", text: "HTTP/1.1 2000 OK\r\n\r\n", outcome: "malformed" },
  { name: "status of letters", text: "HTTP/1.1 OK 200\r\n\r\n", outcome: "malformed" },
  { name: "two spaces before the status", text: "HTTP/1.1  200 OK\r\n\r\n", outcome: "malformed" },
  { name: "version 2", text: "HTTP/2 200 OK\r\n\r\n", outcome: "malformed" },
  { name: "version 1.2", text: "HTTP/1.2 200 OK\r\n\r\n", outcome: "malformed" },
  { name: "lower-case protocol", text: "http/1.1 200 OK\r\n\r\n", outcome: "malformed" },
  { name: "another protocol", text: "SSH-2.0-OpenSSH_9.2\r\n", outcome: "malformed" },
  { name: "a TLS alert", text: "\x15\x03\x01\x00\x02\x02\x46", outcome: "malformed" },
  {
    name: "an empty line first",
    text: `\r\n${OK}Content-Length: 0\r\n\r\n`,
    outcome: "malformed",
    unlikeLlhttp: "only a server is to skip empty lines (RFC 9112 2.2)",
  },
  {
    name: "NUL in the reason",
    text: "HTTP/1.1 200 O\x00K\r\n\r\n",
    outcome: "malformed",
    unlikeLlhttp: "llhttp does not look at the reason",
  },
  { name: "CR alone after the status", text: "HTTP/1.1 200\rX\r\n\r\n", outcome: "malformed" },
  { name: "CR alone in the reason", text: "HTTP/1.1 200 O\rK\r\n\r\n", outcome: "malformed" },

  // Header lines.
  { name: "no headers, read to the end", text: "HTTP/1.1 200 OK\r\n\r\nto the end", outcome: "ok" },
  { name: "header without value", text: `${OK}X-Empty:\r\nContent-Length: 2\r\n\r\nab`, outcome: "ok" },
  {
    name: "values of one name",
    text: `${OK}Set-Cookie: a=1; Path=/\r\nset-cookie: b=2\r\nContent-Length: 2\r\n\r\nab`,
    outcome: "ok",
  },
  {
    name: "value with obs-text and tab",
    text: `${OK}X-Name: gr\xfc\xdf\tdich\r\nContent-Length: 2\r\n\r\nab`,
    outcome: "ok",
  },
  {
    name: "folded value",
    text: `${OK}X-Fold: one\r\n two\r\n\tthree\r\nContent-Length: 2\r\n\r\nab`,
    outcome: "ok",
    unlikeLlhttp: "RFC 9112 5.2 has user agents read folded lines; llhttp refuses them",
  },
  { name: "folded content-length", text: `${OK}Content-Length: 2\r\n 0\r\n\r\nab`, outcome: "malformed" },
  { name: "fold before any header", text: `${OK} X: y\r\nContent-Length: 2\r\n\r\nab`, outcome: "malformed" },
  { name: "space before the colon", text: `${OK}Content-Length : 2\r\n\r\nab`, outcome: "malformed" },
  { name: "line without a colon", text: `${OK}NoColonHere\r\n\r\n`, outcome: "malformed" },
  { name: "line without a name", text: `${OK}: value\r\n\r\n`, outcome: "malformed" },
  { name: "name with a slash", text: `${OK}a/b: c\r\n\r\n`, outcome: "malformed" },
  { name: "name with obs-text", text: `${OK}n\xe4me: c\r\n\r\n`, outcome: "malformed" },
  { name: "NUL in a value", text: `${OK}X: a\x00b\r\n\r\n`, outcome: "malformed" },
  { name: "DEL in a value", text: `${OK}X: a\x7fb\r\n\r\n`, outcome: "malformed" },
  { name: "CR alone in a value", text: `${OK}X: a\rb\r\nContent-Length: 0\r\n\r\n`, outcome: "malformed" },
  { name: "CR alone at the end of the head", text: `${OK}Content-Length: 0\r\n\rx`, outcome: "malformed" },
  {
    name: "LF alone ends lines",
    text: "HTTP/1.1 200 OK\nContent-Length: 2\n\nab",
    outcome: "ok",
    unlikeLlhttp: LENIENT_LF,
  },
  { name: "256 headers", text: `${OK}${headers(255)}Content-Length: 2\r\n\r\nab`, outcome: "ok" },
  {
    name: "257 headers",
    text: `${OK}${headers(256)}Content-Length: 2\r\n\r\nab`,
    outcome: "headTooLarge",
    unlikeLlhttp: "llhttp counts no headers",
  },
  {
    name: "head of 64 KiB",
    text: `${headOf(HEAD_BYTES_MAX)}ab`,
    outcome: "ok",
    unlikeLlhttp: "node stops llhttp at 16 KiB",
  },
  { name: "head of 64 KiB and a byte", text: `${headOf(HEAD_BYTES_MAX + 1)}ab`, outcome: "headTooLarge" },
  { name: "endless header", text: `${OK}X: ${"x".repeat(HEAD_BYTES_MAX)}`, outcome: "headTooLarge" },

  // Connections.
  { name: "connection close", text: `${OK}Connection: close\r\nContent-Length: 2\r\n\r\nab`, outcome: "ok" },
  {
    name: "connection close in a list",
    text: `${OK}Connection: foo, CLOSE\r\nContent-Length: 2\r\n\r\nab`,
    outcome: "ok",
  },
  { name: "1.0 without keep-alive", text: "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nab", outcome: "ok" },
  {
    name: "1.0 with keep-alive",
    text: "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\nab",
    outcome: "ok",
  },
  {
    name: "1.0 read to the end",
    text: "HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n<p>\r\n\r\n</p>",
    outcome: "ok",
  },

  // Without body.
  { name: "HEAD", text: `${OK}Content-Length: 100\r\n\r\n`, isHead: true, outcome: "ok" },
  { name: "HEAD, chunked", text: CHUNKED, isHead: true, outcome: "ok" },
  {
    name: "HEAD with a body all the same",
    text: `${OK}Content-Length: 3\r\n\r\nabc`,
    isHead: true,
    outcome: "ok",
    unlikeLlhttp: "llhttp parses the rest as the next response",
  },
  { name: "204", text: "HTTP/1.1 204 No Content\r\n\r\n", outcome: "ok" },
  { name: "304 with a length", text: "HTTP/1.1 304 Not Modified\r\nContent-Length: 100\r\n\r\n", outcome: "ok" },
  {
    name: "101",
    text: "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
    outcome: "ok",
  },
  { name: "100 first", text: `HTTP/1.1 100 Continue\r\n\r\n${OK}Content-Length: 2\r\n\r\nab`, outcome: "ok" },
  {
    name: "103 with headers first, twice",
    text: `${"HTTP/1.1 103 Hints\r\nLink: x\r\nContent-Length: 9\r\n\r\n".repeat(3)}${OK}Content-Length: 2\r\n\r\nab`,
    outcome: "ok",
  },
  {
    name: "17 times 100",
    text: `${"HTTP/1.1 100 Continue\r\n\r\n".repeat(17)}${OK}Content-Length: 2\r\n\r\nab`,
    outcome: "malformed",
    unlikeLlhttp: "llhttp skips 1xx without end",
  },
  { name: "100 and nothing more", text: "HTTP/1.1 100 Continue\r\n\r\n", outcome: "truncated" },

  // Chunked.
  { name: "chunks", text: `${CHUNKED}3\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n`, outcome: "ok" },
  { name: "no chunk", text: `${CHUNKED}0\r\n\r\n`, outcome: "ok" },
  {
    name: "chunk size in upper and lower hex, with zeros",
    text: `${CHUNKED}00a\r\n0123456789\r\nA\r\n0123456789\r\n000\r\n\r\n`,
    outcome: "ok",
  },
  { name: "chunk extensions", text: `${CHUNKED}3;name=value;flag\r\nabc\r\n0;last="x y"\r\n\r\n`, outcome: "ok" },
  { name: "trailers", text: `${CHUNKED}3\r\nabc\r\n0\r\nX-Sum: 1\r\nX-Other:  2 \r\n\r\n`, outcome: "ok" },
  {
    name: "chunked after close",
    text: `${OK}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`,
    outcome: "ok",
  },
  { name: "CRLF in chunk data", text: `${CHUNKED}6\r\na\r\nb\r\n\r\n0\r\n\r\n`, outcome: "ok" },
  {
    name: "bytes after the last chunk",
    text: `${CHUNKED}0\r\n\r\nrest`,
    outcome: "ok",
    unlikeLlhttp: "llhttp parses the rest as the next response",
  },
  {
    name: "chunked and a length",
    text: `${OK}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`,
    outcome: "ok",
    unlikeLlhttp: "RFC 9112 6.3: chunked wins; the connection is closed afterwards",
  },
  {
    name: "identity",
    text: `${OK}Transfer-Encoding: identity\r\nContent-Length: 2\r\n\r\nab`,
    outcome: "ok",
    unlikeLlhttp: "identity says nothing; llhttp refuses both headers together",
  },
  { name: "LF alone after a chunk size", text: `${CHUNKED}3\nabc\n0\n\n`, outcome: "ok", unlikeLlhttp: LENIENT_LF },
  { name: "chunk size of no digits", text: `${CHUNKED}\r\nabc\r\n`, outcome: "badChunk" },
  { name: "chunk size of letters", text: `${CHUNKED}xyz\r\nabc\r\n`, outcome: "badChunk" },
  { name: "negative chunk size", text: `${CHUNKED}-3\r\nabc\r\n`, outcome: "badChunk" },
  { name: "chunk size beyond any body", text: `${CHUNKED}fffffffffffff\r\nabc`, outcome: "badChunk" },
  { name: "chunk shorter than its size", text: `${CHUNKED}5\r\nabc\r\n0\r\n\r\n`, outcome: "badChunk" },
  { name: "chunk longer than its size", text: `${CHUNKED}2\r\nabc\r\n0\r\n\r\n`, outcome: "badChunk" },
  { name: "CR without LF after a chunk size", text: `${CHUNKED}3\rabc\r\n`, outcome: "badChunk" },
  { name: "CR without LF after a chunk", text: `${CHUNKED}3\r\nabc\rX0\r\n\r\n`, outcome: "badChunk" },
  { name: "NUL in a chunk extension", text: `${CHUNKED}3;a=\x00\r\nabc\r\n0\r\n\r\n`, outcome: "badChunk" },
  {
    name: "chunk extension too long",
    text: `${CHUNKED}3;${"e".repeat(4_100)}\r\nabc\r\n0\r\n\r\n`,
    outcome: "badChunk",
    unlikeLlhttp: "llhttp leaves the limit to node",
  },
  { name: "bad trailer", text: `${CHUNKED}0\r\nno colon\r\n\r\n`, outcome: "badChunk" },
  { name: "CR without LF after the trailers", text: `${CHUNKED}0\r\n\rx`, outcome: "badChunk" },
  { name: "truncated in a chunk", text: `${CHUNKED}a\r\nabc`, outcome: "truncated" },
  { name: "truncated after a chunk", text: `${CHUNKED}3\r\nabc\r\n`, outcome: "truncated" },
  { name: "truncated in the trailers", text: `${CHUNKED}0\r\nX: y\r\n`, outcome: "truncated" },
  {
    name: "transfer-encoding gzip",
    text: `${OK}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
    outcome: "badEncoding",
    unlikeLlhttp: "llhttp leaves the coding to its user",
  },
  {
    name: "chunked twice",
    text: `${OK}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n`,
    outcome: "malformed",
    unlikeLlhttp: "RFC 9112 6.1 forbids it; llhttp looks at the last coding",
  },

  // Cut short.
  { name: "nothing at all", text: "", outcome: "noResponse" },
  { name: "half a status line", text: "HTTP/1.1 20", outcome: "truncated" },
  { name: "half a header", text: `${OK}Content-Le`, outcome: "truncated" },
  { name: "no empty line", text: `${OK}Content-Length: 2\r\n`, outcome: "truncated" },
];
