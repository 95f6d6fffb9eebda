// Values as bytes and back: msgpack with plain maps. Numbers, strings, booleans, null, bytes, lists and maps with text
// keys; nothing else. What a peer sends never throws here, never touches a prototype and never costs more than its
// size: its structure is walked before anything is built (`problemOf`), and only what passed is built (build.ts).

import { build } from "./build.ts";
import { write } from "./writer.ts";

/** Lists and maps within each other. */
export const DEPTH_MAX = 32;

export type Decoded = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly message: string };

/**
 * Bytes of a value of the kinds above; `undefined` becomes null. Whole numbers stay below 2^53. The
 * bytes are the caller's own.
 */
export function encode(value: unknown): Uint8Array {
  return write(value);
}

/** The value, whose bytes are copies. Of a key that comes twice the last value holds, as in JSON. Never throws. */
export function decode(bytes: Uint8Array): Decoded {
  const problem = problemOf(bytes);
  if (problem !== null) return { ok: false, message: problem };
  return { ok: true, value: build(bytes) };
}

/** Values still to come in each open list or map, outermost first; a map's keys count too. Of one walk at a time. */
const open = new Int32Array(DEPTH_MAX + 1);
/** Whether each is a map: then an even number left means that a key is next. */
const isMap = new Uint8Array(DEPTH_MAX + 1);

/** What is wrong with the bytes as exactly one value, or null. One pass, no allocation. */
function problemOf(bytes: Uint8Array): string | null {
  const end = bytes.length;
  let depth = 0;
  open[0] = 1;
  isMap[0] = 0;
  let at = 0;
  while (depth >= 0) {
    const left = open[depth] ?? 0;
    if (left === 0) {
      depth--;
      continue;
    }
    open[depth] = left - 1;
    if (at >= end) return "it is cut short";
    const isKey = isMap[depth] === 1 && left % 2 === 0;
    const type = bytes[at] ?? 0;
    const kind = KINDS[type] ?? BAD;
    if (kind === BAD) return `type 0x${type.toString(16)} at byte ${at} is none of this codec`;
    if (isKey && kind !== TEXT) return `a key at byte ${at} is no text`;
    const size = SIZES[type] ?? 0;
    const count = size === 0 ? (COUNTS[type] ?? 0) : lengthAt(bytes, at + 1, size);
    at += 1 + size;
    if (kind === LIST || kind === MAP) {
      const values = kind === MAP ? 2 * count : count;
      // Each takes a byte at least: nothing is allocated for what cannot be there.
      if (values > end - at) return "it is cut short";
      if (depth >= DEPTH_MAX) return `it is nested deeper than ${DEPTH_MAX}`;
      depth++;
      open[depth] = values;
      isMap[depth] = kind === MAP ? 1 : 0;
      continue;
    }
    if (count > end - at) return "it is cut short";
    if (isKey && count === PROTO.length && isProto(bytes, at)) return "a key is __proto__";
    at += count;
  }
  return at === end ? null : `${end - at} bytes follow the value`;
}

const PROTO = "__proto__";

function isProto(bytes: Uint8Array, at: number): boolean {
  for (let offset = 0; offset < PROTO.length; offset++)
    if (bytes[at + offset] !== PROTO.charCodeAt(offset)) return false;
  return true;
}

/** What a first byte begins. bad: 64-bit integers, extensions and the type that msgpack never uses. */
const BAD = 0;
const PLAIN = 1;
const TEXT = 2;
const LIST = 3;
const MAP = 4;
/** By first byte: kind; bytes that say how much follows; where none do, how much that is (as COUNTED says it). */
const KINDS = new Uint8Array(256);
const SIZES = new Uint8Array(256);
const COUNTS = new Uint8Array(256);
/** [first, last, kind, size, count]: bytes of content, or values of a list, or pairs of a map. */
const COUNTED: readonly (readonly [number, number, number, number, number])[] = [
  [0x00, 0x7f, PLAIN, 0, 0],
  [0xc0, 0xc0, PLAIN, 0, 0],
  [0xc2, 0xc3, PLAIN, 0, 0],
  [0xc4, 0xc4, PLAIN, 1, 0],
  [0xc5, 0xc5, PLAIN, 2, 0],
  [0xc6, 0xc6, PLAIN, 4, 0],
  [0xca, 0xca, PLAIN, 0, 4],
  [0xcb, 0xcb, PLAIN, 0, 8],
  [0xcc, 0xcc, PLAIN, 0, 1],
  [0xcd, 0xcd, PLAIN, 0, 2],
  [0xce, 0xce, PLAIN, 0, 4],
  [0xd0, 0xd0, PLAIN, 0, 1],
  [0xd1, 0xd1, PLAIN, 0, 2],
  [0xd2, 0xd2, PLAIN, 0, 4],
  [0xd9, 0xd9, TEXT, 1, 0],
  [0xda, 0xda, TEXT, 2, 0],
  [0xdb, 0xdb, TEXT, 4, 0],
  [0xdc, 0xdc, LIST, 2, 0],
  [0xdd, 0xdd, LIST, 4, 0],
  [0xde, 0xde, MAP, 2, 0],
  [0xdf, 0xdf, MAP, 4, 0],
  [0xe0, 0xff, PLAIN, 0, 0],
];
for (const [first, last, kind, size, count] of COUNTED) {
  KINDS.fill(kind, first, last + 1);
  SIZES.fill(size, first, last + 1);
  COUNTS.fill(count, first, last + 1);
}
// Their count is within the byte itself.
for (let type = 0x80; type < 0xc0; type++) {
  KINDS[type] = type < 0x90 ? MAP : type < 0xa0 ? LIST : TEXT;
  COUNTS[type] = type < 0xa0 ? type & 0x0f : type & 0x1f;
}

/** Big endian. A length that is cut short counts as one that is too long. */
function lengthAt(bytes: Uint8Array, at: number, size: number): number {
  if (at + size > bytes.length) return Number.POSITIVE_INFINITY;
  let length = 0;
  for (let offset = 0; offset < size; offset++) length = length * 256 + (bytes[at + offset] ?? 0);
  return length;
}
