// Values out of bytes: msgpack with plain maps, checked and built in one pass. What a peer sends never throws here,
// never touches a prototype and never costs more than its size. Of any shape, or as the layout of a schema says
// (layout.ts): then what is there goes straight to its place, and what is not as this program writes it is left to the
// schema.

import { NO, type Trouble } from "../base/schema-core.ts";
import { bytesAt, realAt, textAt, wholeAt } from "./atoms.ts";
import { BOOLEAN, BYTES, CHECKED, type Layout, LIST, NULLABLE, NUMBER, OBJECT } from "./layout.ts";
import { RECORD, TEXT, TUPLE, UNION, WORD } from "./layout.ts";

/** Lists and maps within each other. */
export const DEPTH_MAX = 32;

export type Decoded = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly message: string };

/** What is read, and how far. Of one value at a time: nothing that a schema calls may read bytes itself. */
let source: Uint8Array = new Uint8Array(0);
let at = 0;
let end = 0;
/** Why there is no value, after a NO of the readers of any shape. */
let problem = "";
/** For schemas; what they say here nobody reads. */
const trouble: Trouble = { message: "", path: [] };

/** Exactly one value of any shape, its bytes copies. Of a key that comes twice the last value holds. Never throws. */
export function read(bytes: Uint8Array): Decoded {
  begin(bytes);
  const one = value(0);
  if (one === NO) return { ok: false, message: problem };
  return at === end ? { ok: true, value: one } : { ok: false, message: `${end - at} bytes follow the value` };
}

/**
 * The value that the layout's schema reads out of what `read` reads, without what lies between. NO: there is none, or
 * it takes `read` and the schema to tell. Never throws, but by what the schema was given.
 */
export function readAs(layout: Layout, bytes: Uint8Array): unknown {
  begin(bytes);
  const one = valueAs(layout, 0);
  return at === end ? one : NO;
}

function begin(bytes: Uint8Array): void {
  source = bytes;
  at = 0;
  end = bytes.length;
}

function refuse(message: string): typeof NO {
  problem = message;
  return NO;
}

function cutShort(): typeof NO {
  return refuse("it is cut short");
}

// ── of any shape ────────────────────────────────────────────────────────────────────────────────

/** `depth`: lists and maps around it. */
function value(depth: number): unknown {
  if (at >= end) return cutShort();
  const type = source[at] ?? 0;
  if (type < 0x80 || type >= 0xe0) {
    at++;
    return type < 0x80 ? type : type - 0x100;
  }
  if (type < 0x90 || type === 0xde || type === 0xdf) return map(depth);
  if (type < 0xa0 || type === 0xdc || type === 0xdd) return list(depth);
  if (type < 0xc0 || type >= 0xd9) return text();
  if (type >= 0xca) return number();
  if (type >= 0xc4 && type <= 0xc6) return content();
  if (type === 0xc0 || type === 0xc2 || type === 0xc3) {
    at++;
    return type === 0xc0 ? null : type === 0xc3;
  }
  return unknownType();
}

function unknownType(): typeof NO {
  return refuse(`type 0x${(source[at] ?? 0).toString(16)} at byte ${at} is none of this codec`);
}

/** A number's first byte is next, or one of no known type. */
function number(): number | typeof NO {
  const type = source[at] ?? 0;
  if (type < 0x80 || type >= 0xe0) {
    at++;
    return type < 0x80 ? type : type - 0x100;
  }
  const bytes = type > 0xd2 ? 0 : (NUMBER_BYTES[type - 0xca] ?? 0);
  if (bytes === 0) return unknownType();
  if (bytes >= end - at) return cutShort();
  const start = at + 1;
  at = start + bytes;
  if (type <= 0xcb) return realAt(source, start, bytes === 4 ? 4 : 8);
  const whole = wholeAt(source, start, bytes);
  // Moved to the top and back its first bit is a sign.
  return type <= 0xce ? whole : (whole << (32 - 8 * bytes)) >> (32 - 8 * bytes);
}

/** By first byte from 0xca: floats, whole numbers, two that are none of the codec's, whole numbers with a sign. */
const NUMBER_BYTES: readonly number[] = [4, 8, 1, 2, 4, 0, 1, 2, 4];

/** A length of that many bytes after the first one. Out: -1 where it is cut; else what it counts is next. */
function lengthOf(size: number): number {
  if (size >= end - at) {
    at = end;
    return -1;
  }
  const length = wholeAt(source, at + 1, size);
  at += 1 + size;
  return length;
}

/** The bytes of a text or of bytes, before their content; -1 where they are cut, -2 where a text is none. */
function textLength(): number {
  const type = source[at] ?? 0;
  let length = -2;
  if (type >= 0xa0 && type < 0xc0) {
    at++;
    length = type & 0x1f;
  } else if (type >= 0xd9 && type <= 0xdb) length = lengthOf(1 << (type - 0xd9));
  return length > end - at ? -1 : length;
}

function text(): string | typeof NO {
  const length = textLength();
  if (length < 0) return cutShort();
  at += length;
  return textAt(source, at - length, length);
}

function content(): Uint8Array | typeof NO {
  const length = lengthOf(1 << ((source[at] ?? 0) - 0xc4));
  if (length < 0 || length > end - at) return cutShort();
  at += length;
  return bytesAt(source, at - length, length);
}

/** How many values are in the list that is next; -1: they cannot be there, -2: it is none. */
function listLength(): number {
  const type = source[at] ?? 0;
  let length = -2;
  if (type >= 0x90 && type < 0xa0) {
    at++;
    length = type & 0x0f;
  } else if (type === 0xdc || type === 0xdd) length = lengthOf(2 << (type - 0xdc));
  // Each takes a byte at least: nothing is allocated for what cannot be there.
  return length > end - at ? -1 : length;
}

/** As listLength, of a map's pairs. */
function mapLength(): number {
  const type = source[at] ?? 0;
  let length = -2;
  if (type >= 0x80 && type < 0x90) {
    at++;
    length = type & 0x0f;
  } else if (type === 0xde || type === 0xdf) length = lengthOf(2 << (type - 0xde));
  return 2 * length > end - at ? -1 : length;
}

function list(depth: number): unknown[] | typeof NO {
  const length = listLength();
  if (length < 0) return cutShort();
  if (depth >= DEPTH_MAX) return tooDeep();
  const made: unknown[] = [];
  for (let left = length; left > 0; left--) {
    const one = value(depth + 1);
    if (one === NO) return NO;
    made.push(one);
  }
  return made;
}

function map(depth: number): Record<string, unknown> | typeof NO {
  const length = mapLength();
  if (length < 0) return cutShort();
  if (depth >= DEPTH_MAX) return tooDeep();
  const made: Record<string, unknown> = {};
  for (let left = length; left > 0; left--) {
    const name = key();
    if (name === NO) return NO;
    const one = value(depth + 1);
    if (one === NO) return NO;
    made[name] = one;
  }
  return made;
}

function tooDeep(): typeof NO {
  return refuse(`it is nested deeper than ${DEPTH_MAX}`);
}

/** Never __proto__. */
function key(): string | typeof NO {
  if (at >= end) return cutShort();
  const start = at;
  const length = textLength();
  if (length === -2) return refuse(`a key at byte ${start} is no text`);
  if (length < 0) return cutShort();
  at += length;
  const name = textAt(source, at - length, length);
  return name === "__proto__" ? refuse("a key is __proto__") : name;
}

// ── as a schema says ────────────────────────────────────────────────────────────────────────────

function valueAs(layout: Layout, depth: number): unknown {
  switch (layout.kind) {
    case TEXT: {
      const one = at < end ? text() : NO;
      return one === NO || (one.length >= layout.least && one.length <= layout.most) ? one : NO;
    }
    case WORD:
      return word(layout, depth);
    case NUMBER: {
      const one = at < end ? number() : NO;
      if (one === NO || !(layout.isWhole ? Number.isSafeInteger(one) : Number.isFinite(one))) return NO;
      return one >= layout.least && one <= layout.most ? one : NO;
    }
    case BOOLEAN: {
      const type = at < end ? source[at++] : 0;
      return type === 0xc3 ? true : type === 0xc2 ? false : NO;
    }
    case BYTES: {
      const type = at < end ? (source[at] ?? 0) : 0;
      return type >= 0xc4 && type <= 0xc6 ? content() : NO;
    }
    case NULLABLE:
      if (at < end && source[at] === 0xc0) {
        at++;
        return null;
      }
      return valueAs(layout.of, depth);
    case LIST:
      return listAs(layout, depth);
    case TUPLE:
      return tupleAs(layout, depth);
    case RECORD:
      return recordAs(layout, depth);
    case OBJECT:
      return objectAs(layout, depth);
    case UNION:
      return unionAs(layout, depth);
    case CHECKED: {
      const one = valueAs(layout.of, depth);
      return one === NO ? NO : layout.check(one, trouble);
    }
    default:
      return anyAs(layout, depth);
  }
}

/** By the schema alone: of a kind without a layout, or not as this program writes it. */
function anyAs(layout: Layout, depth: number): unknown {
  const one = value(depth);
  return one === NO ? NO : layout.read(one, trouble);
}

/** Whether these bytes are next; then they are passed. */
function take(expected: Uint8Array): boolean {
  const { length } = expected;
  if (length > end - at) return false;
  for (let offset = 0; offset < length; offset++) if (source[at + offset] !== expected[offset]) return false;
  at += length;
  return true;
}

function word(layout: Layout, depth: number): unknown {
  const { words, names } = layout;
  for (let index = 0; index < words.length; index++) {
    const expected = words[index];
    if (expected !== undefined && take(expected)) return names[index];
  }
  return anyAs(layout, depth);
}

function listAs(layout: Layout, depth: number): unknown {
  const length = at < end ? listLength() : -1;
  if (length < layout.least || length > layout.most || length < 0 || depth >= DEPTH_MAX) return NO;
  const { of } = layout;
  const made: unknown[] = [];
  for (let left = length; left > 0; left--) {
    const one = valueAs(of, depth + 1);
    if (one === NO) return NO;
    made.push(one);
  }
  return made;
}

function tupleAs(layout: Layout, depth: number): unknown {
  const { parts } = layout;
  const length = at < end ? listLength() : -1;
  if (length !== parts.length || depth >= DEPTH_MAX) return NO;
  const made: unknown[] = [];
  for (const part of parts) {
    const one = valueAs(part, depth + 1);
    if (one === NO) return NO;
    made.push(one);
  }
  return made;
}

function recordAs(layout: Layout, depth: number): unknown {
  const length = at < end ? mapLength() : -1;
  if (length < 0 || depth >= DEPTH_MAX) return NO;
  const { of, check } = layout;
  const made: Record<string, unknown> = {};
  for (let left = length; left > 0; left--) {
    const name = key();
    if (name === NO || check(name, trouble) === NO) return NO;
    const one = valueAs(of, depth + 1);
    if (one === NO) return NO;
    made[name] = one;
  }
  return made;
}

/** Its keys come in the order of the schema, but for those that are not there; all else is left to the schema. */
function objectAs(layout: Layout, depth: number): unknown {
  const start = at;
  const length = at < end ? mapLength() : -1;
  if (length < 0 || depth >= DEPTH_MAX) return NO;
  return keysAs(layout, depth, { start, made: {}, next: 0, left: length });
}

/** Where an object begins, what was read of it, the key of the layout that is next, and how many are to come. */
type Reading = { readonly start: number; readonly made: Record<string, unknown>; next: number; readonly left: number };

/** The rest of an object. */
function keysAs(layout: Layout, depth: number, reading: Reading): unknown {
  const { words, names, parts } = layout;
  const { start, made } = reading;
  let { next } = reading;
  for (let { left } = reading; left > 0; left--) {
    const expected = words[next];
    if (expected === undefined || !take(expected)) next = passAbsent(layout, next, made);
    const part = parts[next];
    if (part === undefined) {
      at = start;
      return anyAs(layout, depth);
    }
    const one = valueAs(part, depth + 1);
    if (one === NO) return NO;
    made[names[next] ?? ""] = one;
    next++;
  }
  for (; next < words.length; next++) if (!putAbsent(layout, next, made)) return NO;
  return made;
}

/** Takes the key that is next. Out: its place in the layout, from `next` on; behind the last one where it has none. */
function passAbsent(layout: Layout, next: number, made: Record<string, unknown>): number {
  const { words } = layout;
  for (let index = next; index < words.length; index++) {
    const expected = words[index];
    if (expected !== undefined && take(expected)) return index;
    if (!putAbsent(layout, index, made)) break;
  }
  return words.length;
}

/** What a key stands for that is not there. false: it has to be. */
function putAbsent(layout: Layout, index: number, made: Record<string, unknown>): boolean {
  const one = layout.parts[index]?.read(undefined, trouble);
  if (one === NO) return false;
  if (one !== undefined) made[layout.names[index] ?? ""] = one;
  return true;
}

/** Which one it is says its first key; where that is another, all is left to the schema. */
function unionAs(layout: Layout, depth: number): unknown {
  const start = at;
  const length = at < end ? mapLength() : -1;
  if (length > 0 && take(layout.key)) {
    const { words, parts } = layout;
    for (let index = 0; index < words.length; index++) {
      const expected = words[index];
      const part = parts[index];
      if (expected === undefined || part === undefined || !take(expected)) continue;
      const [first] = part.names;
      const word = layout.names[index];
      // An object whose first key this is goes on behind it.
      if (part.kind === OBJECT && first !== undefined && first === layout.keyName && depth < DEPTH_MAX)
        return keysAs(part, depth, { start, made: { [first]: word }, next: 1, left: length - 1 });
      at = start;
      return valueAs(part, depth);
    }
  }
  at = start;
  return anyAs(layout, depth);
}
