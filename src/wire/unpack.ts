// From the bytes of a value to the value, once its structure is known to be sound (codec.ts walks it first): nothing is
// checked here. It is here because two thirds of what a manager reads are small maps of the same few keys and words,
// which are remembered instead of being made anew.

/** Texts up to so many bytes are remembered, each at its place of WORDS. */
const WORD_BYTES_MAX = 32;
const WORDS = 4_096;

const words = new Array<string>(WORDS).fill("");
const utf8 = new TextDecoder();
const double = new Float64Array(1);
const doubleBytes = new Uint8Array(double.buffer);
const float = new Float32Array(1);
const floatBytes = new Uint8Array(float.buffer);

/** In: bytes of one whole value of the codec's types, nested as deep as the codec allows. Bytes in it are copied. */
export function unpack(bytes: Uint8Array): unknown {
  return new Unpacking(bytes).value();
}

class Unpacking {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  value(): unknown {
    const type = this.#byte();
    if (type < 0x80) return type;
    if (type >= 0xe0) return type - 0x100;
    if (type < 0x90) return this.#map(type & 0x0f);
    if (type < 0xa0) return this.#list(type & 0x0f);
    if (type < 0xc0) return this.#text(type & 0x1f);
    switch (type) {
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
        return this.#copy(this.#number(1));
      case 0xc5:
        return this.#copy(this.#number(2));
      case 0xc6:
        return this.#copy(this.#number(4));
      case 0xca:
        return this.#float();
      case 0xcb:
        return this.#double();
      case 0xcc:
        return this.#number(1);
      case 0xcd:
        return this.#number(2);
      case 0xce:
        return this.#number(4);
      case 0xd0:
        return (this.#number(1) << 24) >> 24;
      case 0xd1:
        return (this.#number(2) << 16) >> 16;
      case 0xd2:
        return this.#number(4) | 0;
      case 0xd9:
        return this.#text(this.#number(1));
      case 0xda:
        return this.#text(this.#number(2));
      case 0xdb:
        return this.#text(this.#number(4));
      case 0xdc:
        return this.#list(this.#number(2));
      case 0xdd:
        return this.#list(this.#number(4));
      case 0xde:
        return this.#map(this.#number(2));
      case 0xdf:
        return this.#map(this.#number(4));
      default:
        return null;
    }
  }

  #byte(): number {
    return this.#bytes[this.#at++] ?? 0;
  }

  /** Big endian, not negative. */
  #number(size: number): number {
    let number = 0;
    for (let left = size; left > 0; left--) number = number * 256 + this.#byte();
    return number;
  }

  #float(): number {
    for (let at = 3; at >= 0; at--) floatBytes[at] = this.#byte();
    return float[0] ?? 0;
  }

  #double(): number {
    for (let at = 7; at >= 0; at--) doubleBytes[at] = this.#byte();
    return double[0] ?? 0;
  }

  #copy(length: number): Uint8Array {
    const start = this.#at;
    this.#at += length;
    // `slice` of a Buffer would share its bytes.
    const copy = new Uint8Array(length);
    copy.set(this.#bytes.subarray(start, this.#at));
    return copy;
  }

  #list(count: number): unknown[] {
    const list: unknown[] = [];
    for (let left = count; left > 0; left--) list.push(this.value());
    return list;
  }

  #map(count: number): Record<string, unknown> {
    const map: Record<string, unknown> = {};
    for (let left = count; left > 0; left--) {
      const type = this.#byte();
      // Keys are texts: of a short, or of one, two or four bytes of length.
      const key = this.#text(type < 0xc0 ? type & 0x1f : this.#number(1 << (type - 0xd9)));
      map[key] = this.value();
    }
    return map;
  }

  #text(length: number): string {
    const bytes = this.#bytes;
    const start = this.#at;
    const end = start + length;
    this.#at = end;
    if (length === 0) return "";
    if (length > WORD_BYTES_MAX) return utf8.decode(bytes.subarray(start, end));
    // Four of its bytes find its place; all of them are compared there.
    let hash = Math.imul(length ^ ((bytes[start] ?? 0) << 8), 0x01000193);
    hash = Math.imul(hash ^ (bytes[start + (length >> 1)] ?? 0), 0x01000193);
    hash = Math.imul(hash ^ (bytes[end - 2] ?? 0), 0x01000193);
    hash = Math.imul(hash ^ (bytes[end - 1] ?? 0), 0x01000193);
    const place = (hash ^ (hash >>> 15)) & (WORDS - 1);
    const known = words[place] ?? "";
    if (isSame(known, bytes, start, length)) return known;
    const word = utf8.decode(bytes.subarray(start, end));
    if (word.length === length) words[place] = word;
    return word;
  }
}

/** In: a word of ASCII: of as many bytes as characters. */
function isSame(word: string, bytes: Uint8Array, start: number, length: number): boolean {
  if (word.length !== length) return false;
  for (let at = 0; at < length; at++) if (word.charCodeAt(at) !== bytes[start + at]) return false;
  return true;
}
