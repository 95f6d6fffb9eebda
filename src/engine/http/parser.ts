// Incremental parser of HTTP/1.x responses (RFC 9112), fed with what a socket receives, however it is cut.
// It frames: where head and body are, how long, whether the connection lives on. It decodes no header values and
// no content encodings (response.ts does, when asked). The usual response, whole in one chunk, is copied nowhere.
// A rule holds throughout: an error is reported at the first wrong byte, so the cutting never changes the result.

import { ChunkedDecoder } from "./chunked.ts";
import { Framing, PLAIN, type FramingField } from "./framing.ts";
import { HeadMemo, type ParsedHead } from "./head-memo.ts";
import { CR, LF, SPACE, TAB, TEXT, TOKEN, hexOf } from "./grammar.ts";

/** What push and end return. */
export const MORE = 0;
export const DONE = 1;
export const FAILED = 2;
export type ParseState = typeof MORE | typeof DONE | typeof FAILED;

/** Limits: bytes of one head, header lines, 1xx heads before the real one, bytes of a body that is kept. */
export const HEAD_BYTES_MAX = 65_536;
export const HEADERS_MAX = 256;
export const INFORMATIONAL_MAX = 16;
export const BODY_BYTES_MAX = 1_073_741_824;

/** Rows of errors.ts that parsing can end with. */
export type ParseErrorKind = "malformed" | "headTooLarge" | "truncated" | "badChunk" | "badEncoding" | "noResponse";

const EMPTY = Buffer.alloc(0);
const COLON = 58;

// Where the parser stands. Head: the line that begins at #lineAt was read up to #at.
const STATUS = 0;
const LINE = 1;
const NAME = 2;
const VALUE = 3;
const VALUE_LF = 4;
const HEAD_LF = 5;
// Body.
const BODY_LENGTH = 6;
const BODY_TO_END = 7;
const BODY_CHUNKED = 8;
const OVER = 9;
const BROKEN = 10;

export class ResponseParser {
  /** 100 to 999; 0 before the status line was read. */
  status = 0;
  /** 0 or 1 of HTTP/1.x. */
  minorVersion = 1;
  /** Bytes that hold the head, from `headStart` (status line) to `headEnd` (after the empty line). */
  head: Buffer = EMPTY;
  headStart = 0;
  headEnd = 0;
  hasSetCookie = false;
  hasContentEncoding = false;
  /** The connection may carry another request. Final only with DONE. */
  keepsAlive = true;
  /** Bytes of the body, chunk framing apart, kept or not. */
  bodyLength = 0;
  /** The kept body, from `bodyStart` to `bodyEnd`; null when there is none or it is not kept. */
  body: Buffer | null = null;
  bodyStart = 0;
  bodyEnd = 0;
  /** Bytes that came after the end of the response: the connection is not to be reused. */
  leftover = 0;
  errorKind: ParseErrorKind = "malformed";
  errorText = "";

  #state = STATUS;
  #isHead = false;
  #keepsBody = true;
  /** The head so far, when it came in pieces; owned, doubling. */
  #pending: Buffer = EMPTY;
  #pendingLength = 0;
  #at = 0;
  #lineAt = 0;
  #valueAt = 0;
  #field: FramingField = PLAIN;
  #headers = 0;
  #informational = 0;
  readonly #framing = new Framing();
  /** As the framing says. */
  #contentLength = -1;
  #isChunked = false;
  /** Bytes left of the body or the chunk. */
  #left = 0;
  #chunked: ChunkedDecoder | null = null;
  readonly #memo: HeadMemo;
  #ownsBody = false;

  /** `memo`: shared with other parsers of the thread. */
  constructor(memo = new HeadMemo()) {
    this.#memo = memo;
  }

  /** Expects the response to a new request. In: whether it was HEAD, and whether the body is wanted or only counted. */
  begin(isHead: boolean, keepsBody: boolean): void {
    this.#isHead = isHead;
    this.#keepsBody = keepsBody;
    this.#pending = EMPTY;
    this.#pendingLength = 0;
    this.#at = 0;
    this.#informational = 0;
    this.bodyLength = 0;
    this.body = null;
    this.bodyStart = 0;
    this.bodyEnd = 0;
    this.leftover = 0;
    this.errorText = "";
    this.#ownsBody = false;
    this.#beginHead(0);
  }

  /** Lets go of the received bytes, after the caller took them: an idle connection keeps none. */
  release(): void {
    this.head = EMPTY;
    this.body = null;
  }

  /** True once a byte of a response was read, so that a retry is out of the question. */
  get hasBegun(): boolean {
    return this.status !== 0 || this.#pendingLength > 0 || this.#informational > 0;
  }

  /**
   * Takes what was received; `chunk` belongs to the parser from now on. After DONE or FAILED everything is leftover.
   */
  push(chunk: Buffer): ParseState {
    if (this.#state >= OVER) {
      this.leftover += chunk.length;
      this.keepsAlive = false;
      return this.#state === OVER ? DONE : FAILED;
    }
    if (this.#state > HEAD_LF) return this.#readBody(chunk, 0);
    if (this.#pendingLength === 0) {
      const known = this.#informational === 0 ? this.#memo.find(chunk) : null;
      if (known !== null) return this.#repeatHead(chunk, known);
      this.#at = 0;
      const state = this.#readHead(chunk, chunk.length);
      if (state !== MORE || this.#state > HEAD_LF) return state;
      this.#keepPending(chunk);
      return MORE;
    }
    this.#keepPending(chunk);
    return this.#readHead(this.#pending, this.#pendingLength);
  }

  /** The peer sent its last byte. */
  end(): ParseState {
    if (this.#state === OVER) return DONE;
    if (this.#state === BROKEN) return FAILED;
    if (this.#state === BODY_TO_END) return this.#finish();
    if (this.#state <= HEAD_LF) {
      if (!this.hasBegun) return this.#fail("noResponse", "not one byte of a response came");
      return this.#fail("truncated", "the connection ended within the head");
    }
    if (this.#state === BODY_LENGTH) {
      return this.#fail(
        "truncated",
        `the connection ended ${this.#left} bytes before the stated content-length of ${this.#contentLength}`,
      );
    }
    return this.#fail("truncated", `the connection ended within a chunked body, after ${this.bodyLength} bytes`);
  }

  #beginHead(at: number): void {
    this.#state = STATUS;
    this.status = 0;
    this.minorVersion = 1;
    this.head = EMPTY;
    this.headStart = at;
    this.headEnd = at;
    this.#lineAt = at;
    this.keepsAlive = true;
    this.#headers = 0;
    this.#framing.begin();
  }

  /** Appends to the head so far. The offsets stay: a head in pieces begins at the same index in its own buffer. */
  #keepPending(chunk: Buffer): void {
    const length = this.#pendingLength + chunk.length;
    if (length > this.#pending.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(length, this.#pending.length * 2, 1_024));
      this.#pending.copy(grown, 0, 0, this.#pendingLength);
      this.#pending = grown;
    }
    chunk.copy(this.#pending, this.#pendingLength);
    this.#pendingLength = length;
  }

  /** Reads lines from #at on, until the head is whole or `bytes` is used up; goes on with the body. */
  #readHead(bytes: Buffer, length: number): ParseState {
    let at = this.#at;
    let state = this.#state;
    const limit = Math.min(length, this.headStart + HEAD_BYTES_MAX);
    while (at < limit) {
      const byte = bytes[at]!;
      switch (state) {
        case NAME: {
          while (at < limit && TOKEN[bytes[at]!] === 1) at++;
          if (at === limit) break;
          if (bytes[at] !== COLON || at === this.#lineAt)
            return this.#fail("malformed", badNameText(bytes, this.#lineAt, at));
          this.#field = this.#framing.classify(bytes, this.#lineAt, at);
          at++;
          this.#valueAt = at;
          state = VALUE;
          break;
        }
        case VALUE: {
          while (at < limit && TEXT[bytes[at]!] === 1) at++;
          if (at === limit) break;
          const ending = bytes[at]!;
          if (ending !== CR && ending !== LF) {
            return this.#fail(
              "malformed",
              `byte ${hexOf(ending)} in ${this.#headers === 0 ? "the status line" : "a value"}`,
            );
          }
          if (this.#field !== PLAIN) {
            const fault = this.#framing.read(this.#field, bytes, this.#valueAt, at);
            if (fault !== null) return this.#fail(fault.kind, fault.text);
          }
          at++;
          state = ending === CR ? VALUE_LF : LINE;
          break;
        }
        case VALUE_LF:
          if (byte !== LF) return this.#fail("malformed", "CR without LF in the head");
          at++;
          state = LINE;
          break;
        case LINE:
          if (byte === LF) return this.#endHead(bytes, length, at + 1);
          state = this.#beginLine(byte, at);
          if (state === BROKEN) return FAILED;
          if (state === HEAD_LF) at++;
          break;
        case HEAD_LF:
          if (byte !== LF) return this.#fail("malformed", "CR without LF at the end of the head");
          return this.#endHead(bytes, length, at + 1);
        default: {
          at = this.#readStatus(bytes, at, limit);
          if (at < 0) return FAILED;
          if (at === limit && at - this.headStart < 13) break;
          // The reason has a value's bytes, and its line ends like a header's.
          this.#field = PLAIN;
          state = VALUE;
        }
      }
    }
    this.#at = at;
    this.#state = state;
    if (at - this.headStart >= HEAD_BYTES_MAX)
      return this.#fail("headTooLarge", `the head is longer than ${HEAD_BYTES_MAX} bytes`);
    return MORE;
  }

  /** The first byte of a line, which is not LF. Out: the state to go on with. */
  #beginLine(byte: number, at: number): number {
    if (byte === CR) return HEAD_LF;
    if (byte === SPACE || byte === TAB) {
      // obs-fold (RFC 9112 5.2): a user agent takes it as a space, but never in what frames the message.
      if (this.#headers === 0 || this.#field !== PLAIN) this.#fail("malformed", "a header line begins with a space");
      this.#valueAt = at;
      return this.#state === BROKEN ? BROKEN : VALUE;
    }
    if (++this.#headers > HEADERS_MAX) {
      this.#fail("headTooLarge", `more than ${HEADERS_MAX} headers`);
      return BROKEN;
    }
    this.#lineAt = at;
    return NAME;
  }

  /** Reads "HTTP/1.x nnn" and what separates it from the reason, byte by byte. Out: where it stopped; -1: failed. */
  #readStatus(bytes: Buffer, from: number, limit: number): number {
    const end = Math.min(limit, this.headStart + 13);
    for (let at = from; at < end; at++) {
      const place = at - this.headStart;
      const byte = bytes[at]!;
      const isDigit = byte >= 48 && byte <= 57;
      let isGood = true;
      if (place < 7) isGood = byte === "HTTP/1.".charCodeAt(place);
      else if (place === 7) isGood = byte === 48 || byte === 49;
      else if (place === 8) isGood = byte === SPACE;
      else if (place < 12) isGood = isDigit && (place > 9 || byte !== 48);
      else isGood = byte === SPACE || byte === CR || byte === LF;
      if (!isGood) {
        this.#fail(
          "malformed",
          place < 12 ? "the answer does not begin with HTTP/1.0 or HTTP/1.1 and a status" : "no space after the status",
        );
        return -1;
      }
      if (place === 7) this.minorVersion = byte - 48;
      else if (place > 8 && place < 12) this.status = this.status * 10 + byte - 48;
    }
    // CR and LF are left to the reader of the reason.
    return end - this.headStart === 13 && bytes[end - 1] !== SPACE ? end - 1 : end;
  }

  /** The empty line was read; `at` is the first byte after it. */
  #endHead(bytes: Buffer, length: number, at: number): ParseState {
    const status = this.status;
    if (status < 200 && status !== 101) {
      if (++this.#informational > INFORMATIONAL_MAX)
        return this.#fail("malformed", `more than ${INFORMATIONAL_MAX} informational responses`);
      this.#beginHead(at);
      this.#at = at;
      return this.#readHead(bytes, length);
    }
    this.#holdHead(bytes, length, at);
    const framing = this.#framing;
    this.hasSetCookie = framing.hasSetCookie;
    this.hasContentEncoding = framing.hasContentEncoding;
    this.keepsAlive = framing.keepsAlive(this.minorVersion);
    this.#contentLength = framing.contentLength;
    this.#isChunked = framing.isChunked;
    if (this.#pendingLength === 0 && this.#informational === 0) this.#remember(bytes, at);
    const state = this.#beginBody(bytes, length, at);
    this.#pending = EMPTY;
    this.#pendingLength = 0;
    return state;
  }

  /** The head in `chunk` is the remembered one. */
  #repeatHead(chunk: Buffer, known: ParsedHead): ParseState {
    this.status = known.status;
    this.minorVersion = known.minorVersion;
    this.hasSetCookie = known.hasSetCookie;
    this.hasContentEncoding = known.hasContentEncoding;
    this.keepsAlive = known.keepsAlive;
    this.#contentLength = known.contentLength;
    this.#isChunked = known.isChunked;
    const length = this.#memo.length;
    this.#holdHead(chunk, chunk.length, length);
    return this.#beginBody(chunk, chunk.length, length);
  }

  #remember(bytes: Buffer, headEnd: number): void {
    this.#memo.keep(bytes, headEnd, {
      status: this.status,
      minorVersion: this.minorVersion,
      hasSetCookie: this.hasSetCookie,
      hasContentEncoding: this.hasContentEncoding,
      keepsAlive: this.keepsAlive,
      contentLength: this.#contentLength,
      isChunked: this.#isChunked,
    });
  }

  #holdHead(bytes: Buffer, length: number, headEnd: number): void {
    this.head = bytes;
    this.headEnd = headEnd;
    // A dropped body must not stay in memory because the head is in the same chunk.
    if (this.#keepsBody || length - headEnd <= 1_024) return;
    this.head = Buffer.from(bytes.subarray(this.headStart, headEnd));
    this.headEnd = headEnd - this.headStart;
    this.headStart = 0;
  }

  #beginBody(bytes: Buffer, length: number, at: number): ParseState {
    const status = this.status;
    if (status === 101) this.keepsAlive = false;
    if (this.#isHead || status === 204 || status === 304 || status === 101) {
      this.leftover = length - at;
      return this.#finish();
    }
    if (this.#isChunked) {
      this.#chunked ??= new ChunkedDecoder();
      this.#chunked.begin();
      this.#state = BODY_CHUNKED;
      return this.#readChunks(bytes, at, length, this.#chunked);
    }
    if (this.#contentLength < 0) {
      this.keepsAlive = false;
      this.#state = BODY_TO_END;
      return this.#readBody(bytes, at, length);
    }
    const end = at + this.#contentLength;
    if (end <= length) {
      this.leftover = length - end;
      if (end > at) this.#take(bytes, at, end);
      return this.#finish();
    }
    this.#left = this.#contentLength;
    this.#state = BODY_LENGTH;
    return this.#readBody(bytes, at, length);
  }

  #readBody(bytes: Buffer, at: number, length = bytes.length): ParseState {
    if (this.#state === BODY_LENGTH) {
      const end = Math.min(length, at + this.#left);
      this.#left -= end - at;
      if (!this.#take(bytes, at, end)) return FAILED;
      if (this.#left > 0) return MORE;
      this.leftover = length - end;
      return this.#finish();
    }
    if (this.#state === BODY_TO_END) return this.#take(bytes, at, length) ? MORE : FAILED;
    return this.#chunked === null ? MORE : this.#readChunks(bytes, at, length, this.#chunked);
  }

  #readChunks(bytes: Buffer, from: number, length: number, chunked: ChunkedDecoder): ParseState {
    let at = from;
    while (at < length) {
      at = chunked.read(bytes, at, length);
      if (!this.#take(bytes, chunked.from, chunked.to)) return FAILED;
      if (chunked.isBroken) return this.#fail("badChunk", chunked.errorText);
      if (chunked.isOver) {
        this.leftover = length - at;
        return this.#finish();
      }
    }
    return MORE;
  }

  /** Counts a piece of the body, and keeps it if wanted: the first by reference, more by copying. */
  #take(bytes: Buffer, from: number, to: number): boolean {
    if (to === from) return true;
    this.bodyLength += to - from;
    if (!this.#keepsBody) return true;
    if (this.body === null) {
      this.body = bytes;
      this.bodyStart = from;
      this.bodyEnd = to;
      return true;
    }
    if (this.bodyLength > BODY_BYTES_MAX)
      return this.#refuse("badEncoding", `the body is longer than ${BODY_BYTES_MAX} bytes; use responseType "none"`);
    const kept = this.bodyEnd - this.bodyStart;
    if (!this.#ownsBody || kept + to - from > this.body.length) this.#growBody(kept, kept + to - from);
    bytes.copy(this.body, kept, from, to);
    this.bodyEnd = kept + to - from;
    return true;
  }

  #growBody(kept: number, wanted: number): void {
    const doubled = Math.max(wanted, kept * 2, 4_096);
    const stated = this.#state === BODY_LENGTH ? this.#contentLength : doubled;
    const grown = Buffer.allocUnsafeSlow(Math.max(wanted, Math.min(doubled, stated)));
    this.body?.copy(grown, 0, this.bodyStart, this.bodyEnd);
    this.body = grown;
    this.bodyStart = 0;
    this.#ownsBody = true;
  }

  #finish(): typeof DONE {
    this.#state = OVER;
    if (this.leftover > 0) this.keepsAlive = false;
    return DONE;
  }

  #fail(kind: ParseErrorKind, text: string): typeof FAILED {
    this.#state = BROKEN;
    this.errorKind = kind;
    this.errorText = text;
    this.keepsAlive = false;
    return FAILED;
  }

  #refuse(kind: ParseErrorKind, text: string): false {
    this.#fail(kind, text);
    return false;
  }
}

function badNameText(bytes: Buffer, from: number, at: number): string {
  return at === from
    ? "a header line without a name"
    : `byte ${hexOf(bytes[at]!)} in the header name ${bytes.toString("latin1", from, Math.min(at, from + 40))}`;
}
