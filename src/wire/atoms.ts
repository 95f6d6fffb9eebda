// Texts, numbers and bytes out of bytes, from a place whose bounds the caller has checked. Short texts are remembered:
// ids, keys and kinds come again and again, and making a text costs more than finding it.

/** Of texts that are remembered, bytes. Longer than any id. */
const WORD_BYTES_MAX = 64;
/** Texts remembered, a power of two: 128 KiB of text at most. */
const WORDS = 2_048;
/** Bytes at a word's begin and end that say where it is kept. */
const HEAD_BYTES = 4;
const TAIL_BYTES = 8;
/** Bytes copied one by one: making a view of them costs more. */
const BYTES_LOOP_MAX = 48;

const words: string[] = new Array<string>(WORDS).fill("");
/** Their bytes, each at its own place: bytes are compared with bytes in half the time that characters take. */
const wordBytes = new Uint8Array(WORDS * WORD_BYTES_MAX);
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
/** A float's two halves in this machine's order. */
const halves = new Uint32Array(2);
const real64 = new Float64Array(halves.buffer);
const real32 = new Float32Array(halves.buffer);
const isLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** The text of UTF-8 in so many bytes from there; what is none of it becomes U+FFFD. */
export function textAt(source: Uint8Array, start: number, bytes: number): string {
  if (bytes > WORD_BYTES_MAX) return decoder.decode(source.subarray(start, start + bytes));
  const slot = slotOf(source, start, bytes);
  const word = words[slot] ?? "";
  if (word.length === bytes && isWord(source, start, bytes, slot)) return word;
  const made = decoder.decode(source.subarray(start, start + bytes));
  // Of these the text is as long as its bytes are many, and so tells how many there are.
  if (isAscii(source, start, bytes)) keep(source, start, slot, made);
  return made;
}

function keep(source: Uint8Array, start: number, slot: number, word: string): void {
  words[slot] = word;
  const from = slot * WORD_BYTES_MAX;
  for (let offset = 0; offset < word.length; offset++) wordBytes[from + offset] = source[start + offset] ?? 0;
}

/** By its length, its first bytes and its last ones: in ids those in between change the least. */
function slotOf(source: Uint8Array, start: number, bytes: number): number {
  let hash = bytes;
  const end = start + bytes;
  const headEnd = bytes <= HEAD_BYTES ? end : start + HEAD_BYTES;
  for (let at = start; at < headEnd; at++) hash = Math.imul(hash ^ (source[at] ?? 0), 0x01000193);
  const tail = bytes <= HEAD_BYTES + TAIL_BYTES ? headEnd : end - TAIL_BYTES;
  for (let at = tail; at < end; at++) hash = Math.imul(hash ^ (source[at] ?? 0), 0x01000193);
  return (hash ^ (hash >>> 15)) & (WORDS - 1);
}

function isAscii(source: Uint8Array, start: number, bytes: number): boolean {
  for (let at = start; at < start + bytes; at++) if ((source[at] ?? 0) >= 0x80) return false;
  return true;
}

/** Whether the word kept in that slot has these bytes. */
function isWord(source: Uint8Array, start: number, bytes: number, slot: number): boolean {
  const from = slot * WORD_BYTES_MAX;
  for (let offset = 0; offset < bytes; offset++) if (source[start + offset] !== wordBytes[from + offset]) return false;
  return true;
}

/** A whole number of 1, 2 or 4 bytes, big endian. */
export function wholeAt(source: Uint8Array, start: number, size: number): number {
  const first = source[start] ?? 0;
  if (size === 1) return first;
  const second = first * 256 + (source[start + 1] ?? 0);
  if (size === 2) return second;
  return second * 65_536 + (source[start + 2] ?? 0) * 256 + (source[start + 3] ?? 0);
}

/** A float of 4 or 8 bytes, big endian. */
export function realAt(source: Uint8Array, start: number, size: 4 | 8): number {
  if (size === 4) {
    halves[0] = wholeAt(source, start, 4);
    return real32[0] ?? 0;
  }
  halves[isLittleEndian ? 1 : 0] = wholeAt(source, start, 4);
  halves[isLittleEndian ? 0 : 1] = wholeAt(source, start + 4, 4);
  return real64[0] ?? 0;
}

/** A copy. */
export function bytesAt(source: Uint8Array, start: number, length: number): Uint8Array {
  const copy = new Uint8Array(length);
  if (length > BYTES_LOOP_MAX) copy.set(source.subarray(start, start + length));
  else for (let offset = 0; offset < length; offset++) copy[offset] = source[start + offset] ?? 0;
  return copy;
}
