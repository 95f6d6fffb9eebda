// Incremental decoder of the chunked transfer coding (RFC 9112 7.1): finds where the data lies, copies nothing.
// Extensions and trailers are checked, bounded and dropped.

import { CR, HEX, LF, SPACE, TAB, TEXT, TOKEN, hexOf } from "./grammar.ts";

/** Bytes of the extensions of one chunk, and of all trailers. */
export const EXTENSION_BYTES_MAX = 4_096;
export const TRAILER_BYTES_MAX = 65_536;

const SEMICOLON = 59;

const SIZE = 0;
const DIGITS = 1;
const EXTENSION = 2;
const SIZE_LF = 3;
const BODY = 4;
const END = 5;
const END_LF = 6;
const TRAILER = 7;
const TRAILER_NAME = 8;
const TRAILER_VALUE = 9;
const TRAILER_LF = 10;
const LAST_LF = 11;
const OVER = 12;
const BROKEN = 13;

export class ChunkedDecoder {
  /** The piece of data that the last read found: bytes `from` to `to`, often none. */
  from = 0;
  to = 0;
  /** What was wrong; "" unless `isBroken`. */
  errorText = "";
  #state = SIZE;
  /** Bytes left of the chunk. */
  #left = 0;
  #digits = 0;
  /** Bytes of the extension or of the trailers so far. */
  #extra = 0;

  /** The last byte of the message was read. */
  get isOver(): boolean {
    return this.#state === OVER;
  }

  get isBroken(): boolean {
    return this.#state === BROKEN;
  }

  begin(): void {
    this.#state = SIZE;
    this.errorText = "";
  }

  /** Reads on to the next piece of data, the end of the message or the end of `bytes`. Out: where it stopped. */
  read(bytes: Buffer, at: number, length: number): number {
    this.from = at;
    this.to = at;
    while (at < length && this.#state < OVER) {
      if (this.#state === BODY) {
        this.from = at;
        this.to = Math.min(length, at + this.#left);
        this.#left -= this.to - at;
        if (this.#left === 0) this.#state = END;
        return this.to;
      }
      if (this.#state < BODY) this.#readSize(bytes[at]!);
      else if (this.#state < TRAILER) this.#readEnd(bytes[at]!);
      else this.#readTrailer(bytes[at]!);
      at++;
    }
    return at;
  }

  #readSize(byte: number): void {
    const digit = HEX[byte]!;
    if (this.#state === SIZE) {
      if (digit === 255) return this.#fail(`a chunk size begins with byte ${hexOf(byte)}`);
      this.#left = digit;
      this.#digits = 1;
      this.#extra = 0;
      this.#state = DIGITS;
    } else if (this.#state === DIGITS && digit !== 255) {
      if (++this.#digits > 12) return this.#fail("a chunk size has more than 12 digits");
      this.#left = this.#left * 16 + digit;
    } else if (byte === LF) {
      this.#extra = 0;
      this.#state = this.#left === 0 ? TRAILER : BODY;
    } else if (this.#state === SIZE_LF) {
      this.#fail("CR without LF after a chunk size");
    } else if (byte === CR) {
      this.#state = SIZE_LF;
    } else if (this.#state === DIGITS) {
      if (byte !== SEMICOLON && byte !== SPACE && byte !== TAB)
        return this.#fail(`byte ${hexOf(byte)} in a chunk size`);
      this.#state = EXTENSION;
    } else if (TEXT[byte] !== 1) {
      this.#fail(`byte ${hexOf(byte)} in a chunk extension`);
    } else if (++this.#extra > EXTENSION_BYTES_MAX) {
      this.#fail(`a chunk extension is longer than ${EXTENSION_BYTES_MAX} bytes`);
    }
  }

  #readEnd(byte: number): void {
    if (byte === LF) this.#state = SIZE;
    else if (byte === CR && this.#state === END) this.#state = END_LF;
    else this.#fail(this.#state === END ? "a chunk is longer than its size says" : "CR without LF after a chunk");
  }

  #readTrailer(byte: number): void {
    if (++this.#extra > TRAILER_BYTES_MAX) return this.#fail(`the trailers are longer than ${TRAILER_BYTES_MAX} bytes`);
    switch (this.#state) {
      case TRAILER:
        if (byte === LF) this.#state = OVER;
        else if (byte === CR) this.#state = LAST_LF;
        else if (TOKEN[byte] === 1) this.#state = TRAILER_NAME;
        else this.#fail(`a trailer begins with byte ${hexOf(byte)}`);
        break;
      case TRAILER_NAME:
        if (byte === 58) this.#state = TRAILER_VALUE;
        else if (TOKEN[byte] !== 1) this.#fail(`byte ${hexOf(byte)} in the name of a trailer`);
        break;
      case TRAILER_VALUE:
        if (byte === CR) this.#state = TRAILER_LF;
        else if (byte === LF) this.#state = TRAILER;
        else if (TEXT[byte] !== 1) this.#fail(`byte ${hexOf(byte)} in a trailer`);
        break;
      default:
        if (byte !== LF) this.#fail("CR without LF in the trailers");
        else this.#state = this.#state === LAST_LF ? OVER : TRAILER;
    }
  }

  #fail(text: string): void {
    this.#state = BROKEN;
    this.errorText = text;
  }
}
