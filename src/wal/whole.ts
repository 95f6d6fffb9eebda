// Whole numbers below 2^53 in 64-bit little endian fields.

import { assert } from "../base/assert.ts";

const HIGH = 2 ** 32;

/** In: 0 <= value < 2^53. */
export function writeWhole(view: DataView, at: number, value: number): void {
  assert(Number.isSafeInteger(value) && value >= 0, "it is a whole number below 2^53");
  view.setUint32(at, value % HIGH, true);
  view.setUint32(at + 4, Math.floor(value / HIGH), true);
}

/** Out: null when the field holds 2^53 or more. */
export function readWhole(view: DataView, at: number): number | null {
  const value = view.getUint32(at + 4, true) * HIGH + view.getUint32(at, true);
  return Number.isSafeInteger(value) ? value : null;
}
