// Whole numbers below 2^53 in 64-bit little endian fields.

import { assert } from "../base/assert.ts";

const HIGH = 2 ** 32;

/** In: 0 <= value < 2^53. */
export function writeWhole(view: DataView, at: number, value: number): void {
  assert(Number.isSafeInteger(value) && value >= 0, "it is a whole number below 2^53");
  // The low half by shifting: the remainder of a number beyond 2^31 is far slower.
  view.setUint32(at, value >>> 0, true);
  view.setUint32(at + 4, value < HIGH ? 0 : Math.floor(value / HIGH), true);
}

/** Out: null when the field holds 2^53 or more. */
export function readWhole(view: DataView, at: number): number | null {
  const value = view.getUint32(at + 4, true) * HIGH + view.getUint32(at, true);
  return Number.isSafeInteger(value) ? value : null;
}
