// Counts of a few kinds over a sliding window of time, in slices: what the circuit breaker and the retry budget judge
// by. Plain data of fixed size; an event is forgotten a whole slice at a time.

import { assert } from "../base/assert.ts";

/** The window's state. */
export type SlidingCounts = {
  readonly sliceMs: number;
  /** Ring: slice number modulo its length. */
  readonly slices: number[][];
  /** The newest slice: floor(now / sliceMs). */
  newest: number;
};

/**
 * An empty window. In: its length (ms), how many slices it has, how many kinds are counted. Reads cover between
 * windowMs - windowMs / slices and windowMs of the past.
 */
export function createCounts(windowMs: number, slices: number, kinds: number): SlidingCounts {
  assert(windowMs > 0 && slices >= 1 && kinds >= 1, "a window has a length, slices and kinds");
  return {
    sliceMs: windowMs / slices,
    slices: Array.from({ length: slices }, () => Array.from({ length: kinds }, () => 0)),
    newest: 0,
  };
}

/** Counts one event of a kind. A `now` before the newest slice counts in the newest. */
export function count(counts: SlidingCounts, now: number, kind: number): void {
  advance(counts, now);
  const slice = counts.slices[counts.newest % counts.slices.length];
  assert(slice !== undefined && kind < slice.length, "a kind that is counted");
  slice[kind] = (slice[kind] ?? 0) + 1;
}

/** Events of a kind within the window that ends at `now`. Changes nothing. */
export function total(counts: SlidingCounts, now: number, kind: number): number {
  const { length } = counts.slices;
  const passed = Math.max(0, Math.floor(now / counts.sliceMs) - counts.newest);
  let sum = 0;
  for (let back = 0; back < length - passed; back++)
    sum += counts.slices[(counts.newest - back + length * 2) % length]?.[kind] ?? 0;
  return sum;
}

/** Forgets everything. */
export function clear(counts: SlidingCounts): void {
  for (const slice of counts.slices) slice.fill(0);
}

function advance(counts: SlidingCounts, now: number): void {
  const target = Math.floor(now / counts.sliceMs);
  const { length } = counts.slices;
  const passed = Math.min(length, target - counts.newest);
  for (let step = 0; step < passed; step++) counts.slices[(target - step) % length]?.fill(0);
  counts.newest = Math.max(counts.newest, target);
}
