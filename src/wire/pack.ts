// From a value to its bytes, in the form that codec.ts describes; unpack.ts is the way back. Most of what a manager
// says is small maps of short words and numbers: they cost a loop over their characters, and no object but the bytes.

import { assert } from "../base/assert.ts";

/** Texts up to so many characters are written one by one; beyond, the encoder's start is worth it. */
const LOOPED_LENGTH_MAX = 64;
const BUFFER_BYTES = 65_536;
/** A buffer that one large value grew is let go. */
const BUFFER_BYTES_KEPT_MAX = 4_194_304;

const utf8 = new TextEncoder();
let buffer = new Uint8Array(BUFFER_BYTES);
let view = new DataView(buffer.buffer);
let at = 0;

/**
 * In: null, undefined (becomes null), booleans, numbers (whole ones below 2^53), texts, bytes, lists, and objects for
 * their own keys. Out: bytes of the caller's own. Throws AssertionError for anything else.
 */
export function pack(value: unknown): Uint8Array {
  at = 0;
  put(value);
  const bytes = buffer.slice(0, at);
  if (buffer.length > BUFFER_BYTES_KEPT_MAX) allot(BUFFER_BYTES);
  return bytes;
}

function put(value: unknown): void {
  // The largest head, and whatever has none.
  if (at + 9 > buffer.length) grow(9);
  switch (typeof value) {
    case "string":
      return putText(value);
    case "number":
      return putNumber(value);
    case "boolean":
      buffer[at++] = value ? 0xc3 : 0xc2;
      return;
    case "undefined":
      buffer[at++] = 0xc0;
      return;
    case "object":
      break;
    default:
      assert(false, `a ${typeof value} has no bytes`);
  }
  if (value === null) buffer[at++] = 0xc0;
  else if (Array.isArray(value)) putList(value);
  else if (value instanceof Uint8Array) putBytes(value);
  else if (isMap(value)) putMap(value);
}

function putList(list: readonly unknown[]): void {
  const { length } = list;
  putHead(length, length < 16 ? 0x90 + length : -1, 0xdc);
  for (let index = 0; index < length; index++) put(list[index]);
}

/** Any other object is read by its own keys. */
function isMap(value: object): value is Readonly<Record<string, unknown>> {
  return !ArrayBuffer.isView(value);
}

function putMap(map: Readonly<Record<string, unknown>>): void {
  if (at + 1 > buffer.length) grow(1);
  const head = at++;
  let count = 0;
  // Read in this way, and in none beside it, the engine finds each value without a search.
  for (const key in map) {
    putText(key);
    put(map[key]);
    count++;
  }
  if (count < 16) buffer[head] = 0x80 + count;
  else widenHead(head, count);
}

/** A map turned out to have more keys than the one byte at `head` can say: what follows moves on. */
function widenHead(head: number, count: number): void {
  const end = at;
  if (end + 4 > buffer.length) grow(4);
  at = head;
  const bytes = count < 0x1_0000 ? 2 : 4;
  buffer.copyWithin(head + 1 + bytes, head + 1, end);
  putHead(count, -1, 0xde);
  at = end + bytes;
}

/** `short`: the head in one byte, or -1. `type`: that of a count of two bytes; that of four follows it. */
function putHead(count: number, short: number, type: number): void {
  if (at + 5 > buffer.length) grow(5);
  if (short >= 0) buffer[at++] = short;
  else if (count < 0x1_0000) {
    buffer[at] = type;
    buffer[at + 1] = count >>> 8;
    buffer[at + 2] = count;
    at += 3;
  } else {
    buffer[at] = type + 1;
    view.setUint32(at + 1, count);
    at += 5;
  }
}

function putBytes(bytes: Uint8Array): void {
  putLength(bytes.length, 0xc4);
  if (at + bytes.length > buffer.length) grow(bytes.length);
  buffer.set(bytes, at);
  at += bytes.length;
}

/** `type`: that of a length of one byte; those of two and four follow it. */
function putLength(length: number, type: number): void {
  if (length >= 0x100) return putHead(length, -1, type + 1);
  if (at + 2 > buffer.length) grow(2);
  buffer[at] = type;
  buffer[at + 1] = length;
  at += 2;
}

function putText(text: string): void {
  const { length } = text;
  if (length > LOOPED_LENGTH_MAX) return putEncoded(text);
  if (at + 2 + length > buffer.length) grow(2 + length);
  const start = at;
  let end = start + (length < 32 ? 1 : 2);
  for (let index = 0; index < length; index++) {
    const code = text.charCodeAt(index);
    if (code >= 0x80) return putEncoded(text);
    buffer[end++] = code;
  }
  if (length < 32) buffer[start] = 0xa0 + length;
  else {
    buffer[start] = 0xd9;
    buffer[start + 1] = length;
  }
  at = end;
}

/** What is long, or not of ASCII. A lone half of a surrogate pair becomes U+FFFD. */
function putEncoded(text: string): void {
  const bytes = utf8.encode(text);
  const { length } = bytes;
  if (length < 32) {
    if (at + 1 > buffer.length) grow(1);
    buffer[at++] = 0xa0 + length;
  } else putLength(length, 0xd9);
  if (at + length > buffer.length) grow(length);
  buffer.set(bytes, at);
  at += length;
}

function putNumber(number: number): void {
  if ((number | 0) === number) return putWhole(number);
  if (number >>> 0 === number) {
    buffer[at] = 0xce;
    view.setUint32(at + 1, number);
    at += 5;
    return;
  }
  buffer[at] = 0xcb;
  view.setFloat64(at + 1, number);
  at += 9;
}

/** In: 32 bits with their sign. */
function putWhole(number: number): void {
  if (number >= -0x20 && number < 0x80) buffer[at++] = number;
  else if (number >= 0 && number < 0x100) {
    buffer[at] = 0xcc;
    buffer[at + 1] = number;
    at += 2;
  } else if (number >= 0 && number < 0x1_0000) {
    buffer[at] = 0xcd;
    view.setUint16(at + 1, number);
    at += 3;
  } else if (number >= -0x80 && number < 0) {
    buffer[at] = 0xd0;
    buffer[at + 1] = number;
    at += 2;
  } else if (number >= -0x8000 && number < 0) {
    buffer[at] = 0xd1;
    view.setInt16(at + 1, number);
    at += 3;
  } else {
    buffer[at] = number < 0 ? 0xd2 : 0xce;
    view.setInt32(at + 1, number);
    at += 5;
  }
}

function grow(bytes: number): void {
  const before = buffer;
  allot(Math.max(2 * before.length, at + bytes));
  buffer.set(before.subarray(0, at));
}

function allot(bytes: number): void {
  buffer = new Uint8Array(bytes);
  view = new DataView(buffer.buffer);
}
