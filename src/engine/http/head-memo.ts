// The last head that was read on this core, byte for byte. Servers under load repeat their heads (the Date changes
// once a second), and comparing 160 bytes costs a sixth of parsing them (0.1 against
// 0.6 us). Shared by all parsers of a core.

/** What a parser knows at the end of a final head that began at the first byte of a chunk. */
export type ParsedHead = {
  readonly status: number;
  readonly minorVersion: number;
  readonly hasSetCookie: boolean;
  readonly hasContentEncoding: boolean;
  readonly keepsAlive: boolean;
  /** -1: none stated. */
  readonly contentLength: number;
  readonly isChunked: boolean;
};

/** Longer heads are not worth a copy. */
const MEMO_BYTES_MAX = 2_048;
/** Heads in a row that were different, after which one in so many is still tried. */
const MISSES_MAX = 8;
const RETRY_EVERY = 64;

export class HeadMemo {
  #bytes: Buffer = Buffer.alloc(0);
  #parsed: ParsedHead | null = null;
  #misses = 0;

  /** Length of the remembered head; 0 if there is none. */
  get length(): number {
    return this.#bytes.length;
  }

  /** What is known of the head at the start of `chunk`; null if it is another one. */
  find(chunk: Buffer): ParsedHead | null {
    const length = this.#bytes.length;
    // The fewer bounds are named, the less the native call costs: 50 against 90 ns.
    if (length === 0 || chunk.length < length || this.#bytes.compare(chunk, 0, length) !== 0) return null;
    this.#misses = 0;
    return this.#parsed;
  }

  /** Remembers the head in the first `length` bytes of `chunk`, unless heads here do not repeat. */
  keep(chunk: Buffer, length: number, parsed: ParsedHead): void {
    this.#misses++;
    if (this.#misses > MISSES_MAX && this.#misses % RETRY_EVERY !== 0) {
      this.#bytes = this.#bytes.subarray(0, 0);
      return;
    }
    if (length > MEMO_BYTES_MAX) return;
    this.#bytes = Buffer.allocUnsafeSlow(length);
    chunk.copy(this.#bytes, 0, 0, length);
    this.#parsed = parsed;
  }
}
