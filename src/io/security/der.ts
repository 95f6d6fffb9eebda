// DER, as much as a certificate of this project needs, written and not read: reading is the system's (node:crypto).
// Source: ITU-T X.690.

import { assert } from "../../base/assert.ts";

/** Tags of the universal class that are used here; constructed ones with their bit. */
const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bits: 0x03,
  octets: 0x04,
  oid: 0x06,
  utf8: 0x0c,
  utcTime: 0x17,
  time: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** Elements in order. */
export function derSequence(...elements: readonly Uint8Array[]): Uint8Array {
  return element(TAG.sequence, concat(elements));
}

/** A set of one element: the only kind used here, so that there is no order to keep. */
export function derSetOf(only: Uint8Array): Uint8Array {
  return element(TAG.set, only);
}

export function derTrue(): Uint8Array {
  return element(TAG.boolean, Uint8Array.of(0xff));
}

/** A number of 0 or more, from its bytes (big endian). */
export function derInteger(bytes: Uint8Array): Uint8Array {
  let at = 0;
  while (at < bytes.length - 1 && bytes[at] === 0) at++;
  const trimmed = bytes.subarray(at);
  // The top bit is the sign.
  return element(TAG.integer, (trimmed[0] ?? 0) >= 0x80 ? concat([Uint8Array.of(0), trimmed]) : trimmed);
}

/** In: dotted, "2.5.4.3". */
export function derOid(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const bytes: number[] = [];
  for (const arc of [first * 40 + second, ...rest]) {
    assert(Number.isSafeInteger(arc) && arc < 2 ** 31, "an arc of an object identifier is a small number");
    const digits = [arc & 0x7f];
    for (let left = arc >>> 7; left > 0; left >>>= 7) digits.unshift((left & 0x7f) | 0x80);
    bytes.push(...digits);
  }
  return element(TAG.oid, Uint8Array.from(bytes));
}

export function derText(text: string): Uint8Array {
  return element(TAG.utf8, new TextEncoder().encode(text));
}

/** In: epoch ms, cut to seconds. UTCTime until 2049, then GeneralizedTime: RFC 5280, 4.1.2.5. */
export function derTime(epochMs: number): Uint8Array {
  const digits = new Date(epochMs).toISOString().replace(/\.\d+Z$|[-:T]/g, "");
  const isShort = digits < "2050" && digits >= "1950";
  return element(isShort ? TAG.utcTime : TAG.time, new TextEncoder().encode(`${isShort ? digits.slice(2) : digits}Z`));
}

export function derOctets(bytes: Uint8Array): Uint8Array {
  return element(TAG.octets, bytes);
}

/** `unusedBits`: how many of the last byte do not count. */
export function derBits(bytes: Uint8Array, unusedBits = 0): Uint8Array {
  return element(TAG.bits, concat([Uint8Array.of(unusedBits), bytes]));
}

/** Context-specific tag: around an element (explicit, constructed), or in place of its own (implicit, primitive). */
export function derContext(number: number, content: Uint8Array, form: "explicit" | "implicit"): Uint8Array {
  return element((form === "explicit" ? 0xa0 : 0x80) | number, content);
}

function element(tag: number, content: Uint8Array): Uint8Array {
  const length: number[] = [];
  if (content.length < 0x80) length.push(content.length);
  else {
    for (let left = content.length; left > 0; left >>>= 8) length.unshift(left & 0xff);
    length.unshift(0x80 | length.length);
  }
  return concat([Uint8Array.of(tag, ...length), content]);
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
