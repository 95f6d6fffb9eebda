// Bytes written one after the other into a buffer that grows, and read back with every bound checked: what compact
// codecs are made of. Whole numbers take as many bytes as they need, 7 bits each, the lowest first.

import { assert } from "../base/assert.ts";

const text = { encoder: new TextEncoder(), decoder: new TextDecoder() } as const;
/** One real and its bytes, little endian, on their way from one to the other: a view of each buffer costs far more. */
const real = new DataView(new ArrayBuffer(8));

/** Writes. */
export class ByteWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  #length = 0;

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity);
  }

  get length(): number {
    return this.#length;
  }

  /** What was written, from the beginning or up to `until`: a copy. It is gone from here. */
  take(until = this.#length): Uint8Array<ArrayBuffer> {
    const taken = this.#bytes.slice(0, until);
    this.#bytes.copyWithin(0, until, this.#length);
    this.#length -= until;
    return taken;
  }

  byte(value: number): void {
    if (this.#length === this.#bytes.length) this.#grow(1);
    this.#bytes[this.#length++] = value;
  }

  /** In: a whole number from 0 to 2^53 - 1. */
  whole(value: number): void {
    assert(Number.isSafeInteger(value) && value >= 0, "a whole number is written");
    if (this.#length + 8 > this.#bytes.length) this.#grow(8);
    let left = value;
    for (; left > 0x7fff_ffff; left = Math.floor(left / 128)) this.#bytes[this.#length++] = (left % 128) | 0x80;
    for (; left > 0x7f; left >>>= 7) this.#bytes[this.#length++] = (left & 0x7f) | 0x80;
    this.#bytes[this.#length++] = left;
  }

  real(value: number): void {
    if (this.#length + 8 > this.#bytes.length) this.#grow(8);
    real.setFloat64(0, value, true);
    for (let at = 0; at < 8; at++) this.#bytes[this.#length++] = real.getUint8(at);
  }

  text(value: string): void {
    const bytes = text.encoder.encode(value);
    this.whole(bytes.length);
    this.bytes(bytes);
  }

  bytes(value: Uint8Array): void {
    if (this.#length + value.length > this.#bytes.length) this.#grow(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }

  #grow(more: number): void {
    const wide = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + more));
    wide.set(this.#bytes);
    this.#bytes = wide;
  }
}

/**
 * Reads. What is not there or cannot be reads as 0, NaN or "", and `isBad` is true from then on: look at it before
 * anything that was read is believed.
 */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #at = 0;
  isBad = false;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Bytes not read yet; none once it is bad. */
  get left(): number {
    return this.isBad ? 0 : this.#bytes.length - this.#at;
  }

  byte(): number {
    if (this.#at >= this.#bytes.length) return this.#bad(0);
    return this.#bytes[this.#at++] ?? 0;
  }

  whole(): number {
    const bytes = this.#bytes;
    const first = bytes[this.#at];
    if (first !== undefined && first < 0x80) {
      this.#at++;
      return first;
    }
    const second = bytes[this.#at + 1];
    if (first !== undefined && second !== undefined && second < 0x80) {
      this.#at += 2;
      return (first & 0x7f) | (second << 7);
    }
    let value = 0;
    let scale = 1;
    for (let read = 0; read < 8; read++) {
      const byte = bytes[this.#at++];
      if (byte === undefined) return this.#bad(0);
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return Number.isSafeInteger(value) ? value : this.#bad(0);
      scale *= 128;
    }
    return this.#bad(0);
  }

  real(): number {
    if (this.left < 8) return this.#bad(NaN);
    for (let at = 0; at < 8; at++) real.setUint8(at, this.#bytes[this.#at++] ?? 0);
    return real.getFloat64(0, true);
  }

  text(lengthMax: number): string {
    const length = this.whole();
    if (length > lengthMax || length > this.left) return this.#bad("");
    const value = text.decoder.decode(this.#bytes.subarray(this.#at, this.#at + length));
    this.#at += length;
    return value;
  }

  #bad<Value>(value: Value): Value {
    this.isBad = true;
    return value;
  }
}
