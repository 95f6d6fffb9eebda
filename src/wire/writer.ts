// Values to bytes: msgpack with plain maps, into one buffer that is used again and again. What is written never changes
// (files and nodes of other versions read it): maps have a length of two bytes whatever they hold, numbers the shortest
// form, those that are not whole or beyond 32 bits 8 bytes; undefined is null.

import { assert } from "../base/assert.ts";

/** The buffer's size at first. */
const TARGET_BYTES = 65_536;
/** A larger one is given back. */
const TARGET_BYTES_MAX = 4 * 1_048_576;
/** More than any single value takes but texts, bytes and what is in lists and maps. */
const VALUE_BYTES_MAX = 16;
/** A text's first byte and its length. */
const HEAD_BYTES_MAX = 5;
/** Texts of more characters are written by the runtime: for fewer its call costs more than it saves. */
const ASCII_LOOP_MAX = 200;
/** The same where not each is ASCII. */
const WIDE_LOOP_MAX = 63;
/** Bytes copied one by one: making a view of them costs more. */
const BYTES_LOOP_MAX = 32;
const MAP_KEYS_MAX = 0xffff;

const encoder = new TextEncoder();

/** What is written, and how far. Of one value at a time. */
let target = new Uint8Array(TARGET_BYTES);
let view = new DataView(target.buffer);
let at = 0;

/** Bytes of a value of the codec's kinds, the caller's own. Throws AssertionError for a value of no such kind. */
export function write(value: unknown): Uint8Array {
  return writeBehind(0, value);
}

/** As `write`, behind so many bytes (few) that are the caller's to fill. */
export function writeBehind(headBytes: number, value: unknown): Uint8Array {
  at = headBytes;
  put(value);
  const bytes = target.slice(0, at);
  if (target.length > TARGET_BYTES_MAX) resize(TARGET_BYTES);
  return bytes;
}

function resize(length: number): void {
  target = new Uint8Array(length);
  view = new DataView(target.buffer);
}

/** From here on there is room for so many bytes. */
function reserve(bytes: number): void {
  if (at + bytes <= target.length) return;
  const before = target;
  resize(Math.max(2 * before.length, at + bytes));
  target.set(before);
}

function put(value: unknown): void {
  if (at + VALUE_BYTES_MAX > target.length) reserve(VALUE_BYTES_MAX);
  if (typeof value === "string") putText(value);
  else if (typeof value === "number") putNumber(value);
  else if (typeof value === "object" && value !== null) {
    if (Array.isArray(value)) putList(value);
    else if (value instanceof Uint8Array) putBytes(value);
    else putMap(value);
  } else if (value === null || value === undefined) target[at++] = 0xc0;
  else {
    assert(typeof value === "boolean", "a value is of the codec's kinds");
    target[at++] = value ? 0xc3 : 0xc2;
  }
}

function putNumber(value: number): void {
  if (value >>> 0 === value) {
    if (value < 0x80) target[at++] = value;
    else if (value < 0x100) {
      target[at++] = 0xcc;
      target[at++] = value;
    } else if (value < 0x10000) {
      target[at++] = 0xcd;
      target[at++] = value >>> 8;
      target[at++] = value;
    } else {
      target[at++] = 0xce;
      put32(value);
    }
  } else if (value >> 0 === value) {
    if (value >= -0x20) target[at++] = value;
    else if (value >= -0x80) {
      target[at++] = 0xd0;
      target[at++] = value;
    } else if (value >= -0x8000) {
      target[at++] = 0xd1;
      target[at++] = value >>> 8;
      target[at++] = value;
    } else {
      target[at++] = 0xd2;
      put32(value);
    }
  } else {
    target[at++] = 0xcb;
    view.setFloat64(at, value);
    at += 8;
  }
}

function put32(value: number): void {
  target[at++] = value >>> 24;
  target[at++] = value >>> 16;
  target[at++] = value >>> 8;
  target[at++] = value;
}

/** The first byte of what has a length, and that. `type`: with a length of one byte; those of 2 and 4 follow it. */
function putLength(type: number, length: number): void {
  if (length < 0x100) {
    target[at++] = type;
    target[at++] = length;
  } else if (length < 0x10000) {
    target[at++] = type + 1;
    target[at++] = length >>> 8;
    target[at++] = length;
  } else {
    target[at++] = type + 2;
    put32(length);
  }
}

function putTextLength(bytes: number): void {
  if (bytes < 0x20) target[at++] = 0xa0 | bytes;
  else putLength(0xd9, bytes);
}

function putText(text: string): void {
  const { length } = text;
  // Three bytes at most a character: a unit of UTF-16.
  reserve(3 * length + VALUE_BYTES_MAX);
  if (length > ASCII_LOOP_MAX) return putWide(text);
  const before = at;
  putTextLength(length);
  // Both at hand: what the module holds is read and written anew at every character.
  const bytes = target;
  const from = at;
  for (let index = 0; index < length; index++) {
    const unit = text.charCodeAt(index);
    if (unit >= 0x80) {
      at = before;
      return putWide(text);
    }
    bytes[from + index] = unit;
  }
  at = from + length;
}

/** A text whose bytes are to be counted first: its length goes in front of them. */
function putWide(text: string): void {
  const start = at + HEAD_BYTES_MAX;
  const bytes =
    text.length <= WIDE_LOOP_MAX ? utf8At(start, text) : encoder.encodeInto(text, target.subarray(start)).written;
  putTextLength(bytes);
  target.copyWithin(at, start, start + bytes);
  at += bytes;
}

/** Writes UTF-8; a half of a pair without the other as it stands. Out: bytes. */
function utf8At(start: number, text: string): number {
  let end = start;
  for (const character of text) {
    const point = character.codePointAt(0) ?? 0;
    if (point < 0x80) target[end++] = point;
    else {
      if (point < 0x800) target[end++] = 0xc0 | (point >>> 6);
      else {
        if (point < 0x10000) target[end++] = 0xe0 | (point >>> 12);
        else {
          target[end++] = 0xf0 | (point >>> 18);
          target[end++] = 0x80 | ((point >>> 12) & 0x3f);
        }
        target[end++] = 0x80 | ((point >>> 6) & 0x3f);
      }
      target[end++] = 0x80 | (point & 0x3f);
    }
  }
  return end - start;
}

function putBytes(bytes: Uint8Array): void {
  const { length } = bytes;
  reserve(length + VALUE_BYTES_MAX);
  putLength(0xc4, length);
  if (length > BYTES_LOOP_MAX) target.set(bytes, at);
  else for (let index = 0; index < length; index++) target[at + index] = bytes[index] ?? 0;
  at += length;
}

function putList(list: readonly unknown[]): void {
  const { length } = list;
  if (length < 0x10) target[at++] = 0x90 | length;
  else if (length < 0x10000) {
    target[at++] = 0xdc;
    target[at++] = length >>> 8;
    target[at++] = length;
  } else {
    target[at++] = 0xdd;
    put32(length);
  }
  for (let index = 0; index < length; index++) put(list[index]);
}

function putMap<Of extends object>(map: Of): void {
  target[at] = 0xde;
  const countAt = at + 1;
  at += 3;
  let count = 0;
  for (const key in map) {
    if (!Object.hasOwn(map, key)) continue;
    if (at + VALUE_BYTES_MAX > target.length) reserve(VALUE_BYTES_MAX);
    putText(key);
    put(map[key]);
    count++;
  }
  assert(count > 0 || isPlain(map), "a value is of the codec's kinds");
  assert(count <= MAP_KEYS_MAX, `a map has at most ${MAP_KEYS_MAX} keys`);
  target[countAt] = count >>> 8;
  target[countAt + 1] = count;
}

/** Not so a Map, a Set or a date, whose content would be lost. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
