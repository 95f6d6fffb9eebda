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
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
/** A float's bytes in this machine's order. */
const realBytes = new Uint8Array(8);
const real64 = new Float64Array(realBytes.buffer);
const real32 = new Float32Array(realBytes.buffer);
const isLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** The text of UTF-8 in so many bytes from there; what is none of it becomes U+FFFD. */
export function textAt(source: Uint8Array, start: number, bytes: number): string {
  if (bytes > WORD_BYTES_MAX) return decoder.decode(source.subarray(start, start + bytes));
  const slot = slotOf(source, start, bytes);
  const word = words[slot] ?? "";
  if (word.length === bytes && isWord(source, start, word)) return word;
  const made = decoder.decode(source.subarray(start, start + bytes));
  // Words are compared byte by character, and so only those are kept whose bytes are characters: ASCII.
  if (isAscii(source, start, bytes)) words[slot] = made;
  return made;
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

function isWord(source: Uint8Array, start: number, word: string): boolean {
  for (let offset = 0; offset < word.length; offset++)
    if (source[start + offset] !== word.charCodeAt(offset)) return false;
  return true;
}

/** A whole number of 1, 2 or 4 bytes, big endian. */
export function wholeAt(source: Uint8Array, start: number, size: number): number {
  let number = 0;
  for (let at = start; at < start + size; at++) number = number * 256 + (source[at] ?? 0);
  return number;
}

/** A float of 4 or 8 bytes, big endian. */
export function realAt(source: Uint8Array, start: number, size: 4 | 8): number {
  for (let offset = 0; offset < size; offset++)
    realBytes[isLittleEndian ? size - 1 - offset : offset] = source[start + offset] ?? 0;
  return (size === 4 ? real32[0] : real64[0]) ?? 0;
}

/** A copy. */
export function bytesAt(source: Uint8Array, start: number, length: number): Uint8Array {
  const copy = new Uint8Array(length);
  if (length > BYTES_LOOP_MAX) copy.set(source.subarray(start, start + length));
  else for (let offset = 0; offset < length; offset++) copy[offset] = source[start + offset] ?? 0;
  return copy;
}
