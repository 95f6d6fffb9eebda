// Values out of bytes whose structure was walked already (codec.ts): msgpack with plain maps, nothing checked a second
// time. Short texts are remembered: ids, keys and kinds come again and again, and making a text costs more than finding
// it.

/** Of texts that are remembered, bytes. Longer than any id. */
const WORD_BYTES_MAX = 64;
/** Texts remembered, a power of two: 128 KiB of text at most. */
const WORDS = 2_048;

const words: string[] = new Array<string>(WORDS).fill("");
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
/** A float's bytes in this machine's order. */
const realBytes = new Uint8Array(8);
const real64 = new Float64Array(realBytes.buffer);
const real32 = new Float32Array(realBytes.buffer);
const isLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** What is read, and how far. Of one value at a time. */
let source: Uint8Array = new Uint8Array(0);
let at = 0;

/** In: bytes of exactly one value of the codec's kinds, without a key __proto__. Out: the value, its bytes copies. */
export function build(bytes: Uint8Array): unknown {
  source = bytes;
  at = 0;
  return value();
}

function value(): unknown {
  const type = source[at++] ?? 0;
  if (type < 0x80) return type;
  if (type < 0x90) return map(type & 0x0f);
  if (type < 0xa0) return list(type & 0x0f);
  if (type < 0xc0) return text(type & 0x1f);
  if (type >= 0xe0) return type - 0x100;
  switch (type) {
    case 0xc2:
      return false;
    case 0xc3:
      return true;
    case 0xc4:
    case 0xc5:
    case 0xc6:
      return content(whole(1 << (type - 0xc4)));
    case 0xca:
      return real(4);
    case 0xcb:
      return real(8);
    case 0xcc:
    case 0xcd:
    case 0xce:
      return whole(1 << (type - 0xcc));
    case 0xd0:
      return (whole(1) << 24) >> 24;
    case 0xd1:
      return (whole(2) << 16) >> 16;
    case 0xd2:
      return whole(4) | 0;
    case 0xd9:
    case 0xda:
    case 0xdb:
      return text(whole(1 << (type - 0xd9)));
    case 0xdc:
    case 0xdd:
      return list(whole(2 << (type - 0xdc)));
    case 0xde:
    case 0xdf:
      return map(whole(2 << (type - 0xde)));
    default:
      return null;
  }
}

/** Big endian. */
function whole(size: number): number {
  let number = 0;
  for (const end = at + size; at < end; at++) number = number * 256 + (source[at] ?? 0);
  return number;
}

function real(size: 4 | 8): number {
  for (let offset = 0; offset < size; offset++)
    realBytes[isLittleEndian ? size - 1 - offset : offset] = source[at + offset] ?? 0;
  at += size;
  return (size === 4 ? real32[0] : real64[0]) ?? 0;
}

function list(count: number): unknown[] {
  const made: unknown[] = [];
  for (let left = count; left > 0; left--) made.push(value());
  return made;
}

function map(count: number): Record<string, unknown> {
  const made: Record<string, unknown> = {};
  for (let left = count; left > 0; left--) {
    const type = source[at++] ?? 0;
    const key = text(type < 0xc0 ? type & 0x1f : whole(1 << (type - 0xd9)));
    made[key] = value();
  }
  return made;
}

function content(bytes: number): Uint8Array {
  const copy = new Uint8Array(bytes);
  copy.set(source.subarray(at, at + bytes));
  at += bytes;
  return copy;
}

function text(bytes: number): string {
  const start = at;
  const end = start + bytes;
  at = end;
  if (bytes > WORD_BYTES_MAX) return decoder.decode(source.subarray(start, end));
  let hash = bytes;
  let seen = 0;
  for (let position = start; position < end; position++) {
    const byte = source[position] ?? 0;
    seen |= byte;
    hash = Math.imul(hash ^ byte, 0x01000193);
  }
  // Only where each byte is a character can the two be compared.
  if (seen >= 0x80) return decoder.decode(source.subarray(start, end));
  const slot = (hash ^ (hash >>> 15)) & (WORDS - 1);
  const word = words[slot] ?? "";
  if (word.length === bytes && isWord(word, start)) return word;
  const made = decoder.decode(source.subarray(start, end));
  words[slot] = made;
  return made;
}

function isWord(word: string, start: number): boolean {
  for (let offset = 0; offset < word.length; offset++)
    if (source[start + offset] !== word.charCodeAt(offset)) return false;
  return true;
}
