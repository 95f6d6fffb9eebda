// Work that attempts take in ranges: numbers 0 to size - 1, each done exactly once. A range is granted to one attempt,
// and what that attempt has not done when it is sealed goes back. Knows nothing of jobs: the holder is a token.
//
// A grant may get lost on its way, so an attempt says how many numbers it has heard of so far (`taken`): a prefix of
// what it was granted, in order. Of that prefix everything outside `left` is done; the rest was never begun.

import type { Range } from "../load/share.ts";

/** Ranges that an attempt may be granted between two of its cuts. */
export const GRANTS_MAX = 1_024;

/** What one attempt holds. heard: numbers it had heard of at its newest cut; open: those of them not done then. */
export type Lease = { heard: number; open: Range[]; readonly fresh: Range[] };

export type Pool = {
  readonly size: number;
  /** The first number never granted. */
  next: number;
  /** Given back: rising, apart from each other. */
  returned: Range[];
  /** Numbers done for good. */
  closed: number;
  readonly leases: Map<number, Lease>;
};

/** What an attempt says at a cut. */
export type Progress = { readonly taken: number; readonly left: readonly Range[] | null };

/** Numbers 0 to size - 1, none of them granted. */
export function createPool(size: number): Pool {
  return { size, next: 0, returned: [], closed: 0, leases: new Map() };
}

/** True when nothing is free to be granted now. What others hold may still come back. */
export function isDry(pool: Pool): boolean {
  return pool.next >= pool.size && pool.returned.length === 0;
}

/**
 * The next numbers for the attempt: one range, at most `count` long, those given back first. Out: an empty range when
 * none is free; null when the attempt holds GRANTS_MAX ranges it has not reported on.
 */
export function grant(pool: Pool, token: number, count: number): Range | null {
  const lease = pool.leases.get(token);
  if (lease !== undefined && lease.fresh.length >= GRANTS_MAX) return null;
  const range = takeFree(pool, count);
  if (range[0] === range[1]) return range;
  if (lease === undefined) pool.leases.set(token, { heard: 0, open: [], fresh: [range] });
  else lease.fresh.push(range);
  return range;
}

/** Takes in what the attempt says of itself: what it has done is closed for good. Older news change nothing. */
export function report(pool: Pool, token: number, { taken, left }: Progress): void {
  const lease = pool.leases.get(token);
  if (lease === undefined || taken < lease.heard) return;
  const known = [...lease.open];
  let toHear = Math.max(0, taken - lease.heard);
  while (toHear > 0) {
    const first = lease.fresh.shift();
    if (first === undefined) break;
    const [from, to] = first;
    const heard = Math.min(to - from, toHear);
    known.push([from, from + heard]);
    if (from + heard < to) lease.fresh.unshift([from + heard, to]);
    lease.heard += heard;
    toHear -= heard;
  }
  const before = joined(known);
  const open = left === null ? before : common(before, joined(left));
  pool.closed += lengthOf(before) - lengthOf(open);
  lease.open = open;
}

/** The attempt ends with this as its last word: what it has not done goes back. */
export function release(pool: Pool, token: number, progress: Progress): void {
  report(pool, token, progress);
  const lease = pool.leases.get(token);
  if (lease === undefined) return;
  pool.leases.delete(token);
  pool.returned = joined([...pool.returned, ...lease.open, ...lease.fresh]);
}

/** How many numbers the ranges hold together; they may not overlap. */
export function lengthOf(ranges: readonly Range[]): number {
  return ranges.reduce((sum, [from, to]) => sum + to - from, 0);
}

/** The ranges in rising order with nothing empty, twice or touching. */
export function joined(ranges: readonly Range[]): Range[] {
  const rising = ranges.filter(([from, to]) => from < to).sort(([a], [b]) => a - b);
  const found: Range[] = [];
  for (const [from, to] of rising) {
    const last = found.at(-1);
    if (last === undefined || from > last[1]) found.push([from, to]);
    else if (to > last[1]) found[found.length - 1] = [last[0], to];
  }
  return found;
}

function takeFree(pool: Pool, count: number): Range {
  const first = pool.returned.shift();
  if (first === undefined) {
    const from = pool.next;
    pool.next = Math.min(pool.size, from + count);
    return [from, pool.next];
  }
  const [from, to] = first;
  const end = Math.min(to, from + count);
  if (end < to) pool.returned.unshift([end, to]);
  return [from, end];
}

/** What is in both; each is rising and apart. */
function common(left: readonly Range[], right: readonly Range[]): Range[] {
  const found: Range[] = [];
  let at = 0;
  for (const [from, to] of left) {
    while ((right[at]?.[1] ?? Infinity) <= from) at++;
    for (let other = at; other < right.length; other++) {
      const [otherFrom, otherTo] = right[other] ?? [Infinity, Infinity];
      if (otherFrom >= to) break;
      found.push([Math.max(from, otherFrom), Math.min(to, otherTo)]);
    }
  }
  return found;
}
