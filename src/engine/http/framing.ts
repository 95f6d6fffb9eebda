// What the fields of a head say about the message's frame (RFC 9112 6, 9.3): its length, its coding, and whether the
// connection lives on. Fed by parser.ts line by line; other fields pass by unread.

import { SPACE, TAB } from "./grammar.ts";

/** Which framing field a line is. */
export const PLAIN = 0;
const CONTENT_LENGTH = 1;
const TRANSFER_ENCODING = 2;
const CONNECTION = 3;
export type FramingField = typeof PLAIN | typeof CONTENT_LENGTH | typeof TRANSFER_ENCODING | typeof CONNECTION;

/** Why a value cannot be followed. */
export type FramingFault = { readonly kind: "malformed" | "badEncoding"; readonly text: string };

export class Framing {
  /** Bytes that content-length states; -1: none stated. */
  contentLength = -1;
  isChunked = false;
  hasSetCookie = false;
  hasContentEncoding = false;
  #saysClose = false;
  #saysKeepAlive = false;

  /** Forgets the fields of the last head. */
  begin(): void {
    this.contentLength = -1;
    this.isChunked = false;
    this.hasSetCookie = false;
    this.hasContentEncoding = false;
    this.#saysClose = false;
    this.#saysKeepAlive = false;
  }

  /**
   * May the connection be used again, as far as the head says? Both framings at once is how responses are smuggled
   * (RFC 9112 6.3).
   */
  keepsAlive(minorVersion: number): boolean {
    if (this.#saysClose || (this.isChunked && this.contentLength >= 0)) return false;
    return minorVersion === 1 || this.#saysKeepAlive;
  }

  /** Which field has its name in bytes `from` to `to`. */
  classify(bytes: Buffer, from: number, to: number): FramingField {
    switch (to - from) {
      case 10:
        if (isName(bytes, from, "connection")) return CONNECTION;
        if (isName(bytes, from, "set-cookie")) this.hasSetCookie = true;
        return PLAIN;
      case 14:
        return isName(bytes, from, "content-length") ? CONTENT_LENGTH : PLAIN;
      case 16:
        if (isName(bytes, from, "content-encoding")) this.hasContentEncoding = true;
        return PLAIN;
      case 17:
        return isName(bytes, from, "transfer-encoding") ? TRANSFER_ENCODING : PLAIN;
      default:
        return PLAIN;
    }
  }

  /** Takes the value of a framing field in bytes `from` to `to`. Out: null, or what is wrong with it. */
  read(field: FramingField, bytes: Buffer, from: number, to: number): FramingFault | null {
    if (field === CONTENT_LENGTH) return this.#readContentLength(bytes, from, to);
    // The usual value, " keep-alive", needs no text.
    if (field === CONNECTION && to - from === 11 && isName(bytes, from, " keep-alive")) {
      this.#saysKeepAlive = true;
      return null;
    }
    const words = bytes.toString("latin1", from, to).toLowerCase().split(",");
    return field === CONNECTION ? this.#readConnection(words) : this.#readTransferEncoding(words);
  }

  #readConnection(words: readonly string[]): null {
    for (const word of words) {
      const option = word.trim();
      if (option === "close") this.#saysClose = true;
      else if (option === "keep-alive") this.#saysKeepAlive = true;
    }
    return null;
  }

  #readTransferEncoding(words: readonly string[]): FramingFault | null {
    for (const word of words) {
      const coding = word.trim();
      if (coding === "identity" || coding === "") continue;
      if (coding !== "chunked")
        return { kind: "badEncoding", text: `transfer-encoding ${JSON.stringify(coding)} is not supported` };
      if (this.isChunked) return { kind: "malformed", text: "transfer-encoding chunked twice" };
      this.isChunked = true;
    }
    return null;
  }

  #readContentLength(bytes: Buffer, start: number, end: number): FramingFault | null {
    let from = start;
    let to = end;
    while (from < to && isBlank(bytes[from]!)) from++;
    while (from < to && isBlank(bytes[to - 1]!)) to--;
    let length = 0;
    // 15 digits stay below 2^53.
    let isGood = from < to && to - from <= 15;
    for (let at = from; at < to && isGood; at++) {
      const digit = bytes[at]! - 48;
      isGood = digit >= 0 && digit <= 9;
      length = length * 10 + digit;
    }
    if (!isGood)
      return {
        kind: "malformed",
        text: `content-length is ${JSON.stringify(bytes.toString("latin1", from, Math.min(to, from + 40)))}`,
      };
    if (this.contentLength >= 0 && this.contentLength !== length) {
      return { kind: "malformed", text: `two content-lengths, ${this.contentLength} and ${length}` };
    }
    this.contentLength = length;
    return null;
  }
}

function isBlank(byte: number): boolean {
  return byte === SPACE || byte === TAB;
}

/** `name` is lower case; the bytes have its length. ASCII letters compare without case. */
function isName(bytes: Buffer, from: number, name: string): boolean {
  for (let place = 0; place < name.length; place++) {
    const byte = bytes[from + place]!;
    const lower = byte >= 65 && byte <= 90 ? byte + 32 : byte;
    if (lower !== name.charCodeAt(place)) return false;
  }
  return true;
}
