// Values as bytes and back: msgpack with plain maps. Numbers, strings, booleans, null, bytes, lists and maps with text
// keys; nothing else. What a peer sends never throws here, never touches a prototype and never costs more than its
// size: its structure is walked before anything is built (`problemOf`), unpack.ts builds only what passed.

import { Packr } from "msgpackr/pack";
import { unpack } from "./unpack.ts";

/** Lists and maps within each other. */
export const DEPTH_MAX = 32;

export type Decoded = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly message: string };

// Measured on a busy machine of two cores (CPU time of encode, frame, split, walk, decode and schema together): a
// heartbeat of 134 B 7 us, its reply 11 us, an append of one entry (440 B) 19 us. A fixed map header costs 2 B a map
// and saves a fifth of encoding.
const packer = new Packr({ useRecords: false, encodeUndefinedAsNil: true });

/**
 * Bytes of a value of the kinds above; `undefined` becomes null. Whole numbers stay below 2^53. The
 * bytes are the caller's own.
 */
export function encode(value: unknown): Uint8Array {
  return packer.pack(value);
}

/** The value, whose bytes are copies. Of a key that comes twice the last value holds, as in JSON. Never throws. */
export function decode(bytes: Uint8Array): Decoded {
  const problem = problemOf(bytes);
  if (problem !== null) return { ok: false, message: problem };
  return { ok: true, value: unpack(bytes) };
}

/** What is wrong with the bytes as exactly one value, or null. One pass, no allocation but the stack of counts. */
function problemOf(bytes: Uint8Array): string | null {
  const end = bytes.length;
  /** Values still to come in each open list or map, innermost last; a map's keys count too. */
  const open: number[] = [1];
  /** Whether each is a map: then an even number left means that a key is next. */
  const isMap: boolean[] = [false];
  let at = 0;
  while (open.length > 0) {
    const last = open.length - 1;
    const left = open[last] ?? 0;
    if (left === 0) {
      open.pop();
      isMap.pop();
      continue;
    }
    open[last] = left - 1;
    if (at >= end) return "it is cut short";
    const isKey = isMap[last] === true && left % 2 === 0;
    const type = bytes[at] ?? 0;
    const head = headOf(bytes, at);
    if (head.kind === "bad") return `type 0x${type.toString(16)} at byte ${at} is none of this codec`;
    if (isKey && head.kind !== "text") return `a key at byte ${at} is no text`;
    at += head.bytes;
    if (head.kind === "list" || head.kind === "map") {
      const count = head.kind === "map" ? 2 * head.count : head.count;
      // Each takes a byte at least: nothing is allocated for what cannot be there.
      if (count > end - at) return "it is cut short";
      if (open.length > DEPTH_MAX) return `it is nested deeper than ${DEPTH_MAX}`;
      open.push(count);
      isMap.push(head.kind === "map");
      continue;
    }
    if (head.count > end - at) return "it is cut short";
    if (isKey && head.count === PROTO.length && isProto(bytes, at)) return "a key is __proto__";
    at += head.count;
  }
  return at === end ? null : `${end - at} bytes follow the value`;
}

const PROTO = "__proto__";

function isProto(bytes: Uint8Array, at: number): boolean {
  for (let offset = 0; offset < PROTO.length; offset++)
    if (bytes[at + offset] !== PROTO.charCodeAt(offset)) return false;
  return true;
}

/** What begins at a byte. `bytes`: of its own; `count`: bytes of content, or values of a list, or pairs of a map. */
type Head = {
  readonly kind: "plain" | "text" | "list" | "map" | "bad";
  readonly bytes: number;
  readonly count: number;
};

/** By first byte: types that say how much follows, and in how many bytes they say it. */
const COUNTED: Readonly<
  Record<number, { readonly kind: "plain" | "text" | "list" | "map"; readonly size: 1 | 2 | 4 }>
> = {
  0xc4: { kind: "plain", size: 1 },
  0xc5: { kind: "plain", size: 2 },
  0xc6: { kind: "plain", size: 4 },
  0xd9: { kind: "text", size: 1 },
  0xda: { kind: "text", size: 2 },
  0xdb: { kind: "text", size: 4 },
  0xdc: { kind: "list", size: 2 },
  0xdd: { kind: "list", size: 4 },
  0xde: { kind: "map", size: 2 },
  0xdf: { kind: "map", size: 4 },
};
/** 64-bit integers, extensions and the type that msgpack never uses. */
const NONE: Head = { kind: "bad", bytes: 1, count: 0 };

/** Heads of types with a fixed form, made once: 256 of them, by first byte. Null: a length follows. */
const FIXED: readonly (Head | null)[] = Array.from({ length: 256 }, (_, type) => fixedHead(type));

function fixedHead(type: number): Head | null {
  if (type < 0x80 || type >= 0xe0) return { kind: "plain", bytes: 1, count: 0 };
  if (type < 0x90) return { kind: "map", bytes: 1, count: type & 0x0f };
  if (type < 0xa0) return { kind: "list", bytes: 1, count: type & 0x0f };
  if (type < 0xc0) return { kind: "text", bytes: 1, count: type & 0x1f };
  if (COUNTED[type] !== undefined) return null;
  switch (type) {
    case 0xc0:
    case 0xc2:
    case 0xc3:
      return { kind: "plain", bytes: 1, count: 0 };
    case 0xca:
    case 0xce:
    case 0xd2:
      return { kind: "plain", bytes: 1, count: 4 };
    case 0xcb:
      return { kind: "plain", bytes: 1, count: 8 };
    case 0xcc:
    case 0xd0:
      return { kind: "plain", bytes: 1, count: 1 };
    case 0xcd:
    case 0xd1:
      return { kind: "plain", bytes: 1, count: 2 };
    default:
      return NONE;
  }
}

function headOf(bytes: Uint8Array, at: number): Head {
  const type = bytes[at] ?? 0;
  const fixed = FIXED[type];
  if (fixed != null) return fixed;
  const counted = COUNTED[type];
  if (counted === undefined) return NONE;
  const { kind, size } = counted;
  return { kind, bytes: 1 + size, count: lengthAt(bytes, at + 1, size) };
}

/** Big endian. A length that is cut short counts as one that is too long. */
function lengthAt(bytes: Uint8Array, at: number, size: 1 | 2 | 4): number {
  if (at + size > bytes.length) return Number.POSITIVE_INFINITY;
  let length = 0;
  for (let offset = 0; offset < size; offset++) length = length * 256 + (bytes[at + offset] ?? 0);
  return length;
}
