// Goal: the limit follows the published formula, finds what a destination can bear, and lets go when it cannot. Method:
// tables by hand, and destinations modelled as a queue with so many places, run to a steady state.

import { describe, expect, test } from "bun:test";
import { createPrng, nextFloat } from "../../src/base/prng.ts";
import {
  acquire,
  completed,
  createDispatchLimit,
  DISPATCH_LIMIT,
  type DispatchLimit,
  dispatchLimitConfigSchema,
  nextLimit,
} from "../../src/health/dispatch-limit.ts";

describe("the formula", () => {
  // 0.8 limit + 0.2 (g limit + 4), within 4 and 200.
  const table: readonly (readonly [limit: number, gradient: number, next: number])[] = [
    [20, 1, 20.8],
    [20, 0.5, 18.8],
    [100, 0.5, 90.8],
    [199.9, 1, 200],
    [4, 0.5, 4.4],
    [8, 0.5, 8],
  ];
  for (const [limit, gradient, next] of table) {
    test(`${limit} at ${gradient} becomes ${next}`, () => {
      expect(nextLimit(limit, gradient, DISPATCH_LIMIT)).toBeCloseTo(next, 9);
    });
  }

  /** So many at once, all with this round trip. */
  function wave(state: DispatchLimit, number: number, rttMs: number | null): void {
    let taken = 0;
    while (taken < number && acquire(state)) taken++;
    for (let at = 0; at < taken; at++) completed(state, DISPATCH_LIMIT, rttMs);
  }

  test("[MW-3.1.3] no more are under way than the limit says, and a place is free when one ends", () => {
    const state = createDispatchLimit(DISPATCH_LIMIT);
    for (let number = 0; number < 20; number++) expect(acquire(state)).toBe(true);
    expect(acquire(state)).toBe(false);
    completed(state, DISPATCH_LIMIT, 10);
    expect(acquire(state)).toBe(true);
  });

  test("it grows by use at steady round trips, up to its maximum", () => {
    const state = createDispatchLimit(DISPATCH_LIMIT);
    for (let round = 0; round < 100; round++) wave(state, 200, 10);
    expect(state.limit).toBe(200);
  });

  test("it does not grow unused", () => {
    const state = createDispatchLimit(DISPATCH_LIMIT);
    for (let round = 0; round < 1_000; round++) wave(state, 9, 10);
    expect(state.limit).toBe(20);
  });

  test("it shrinks unused: failures of a few requests count", () => {
    const state = createDispatchLimit(DISPATCH_LIMIT);
    for (let round = 0; round < 100; round++) wave(state, 2, null);
    expect(Math.round(state.limit)).toBe(8);
  });

  test("round trips of nothing are good ones", () => {
    const state = createDispatchLimit(DISPATCH_LIMIT);
    for (let round = 0; round < 100; round++) wave(state, 200, 0);
    expect(state.limit).toBe(200);
  });

  test("round trips up to 1.5 times the average are noise, three times are not", () => {
    const noisy = createDispatchLimit(DISPATCH_LIMIT);
    for (let round = 0; round < 200; round++) wave(noisy, 200, round % 2 === 0 ? 10 : 13);
    expect(noisy.limit).toBe(200);
    for (let round = 0; round < 2; round++) wave(noisy, 200, 40);
    expect(noisy.limit).toBeLessThan(60);
  });

  test("failures bring it down to where some work still goes out", () => {
    const state = createDispatchLimit(DISPATCH_LIMIT);
    for (let round = 0; round < 50; round++) wave(state, 200, 10);
    const { longMs } = state;
    for (let round = 0; round < 20; round++) wave(state, 200, null);
    // 0.9 limit + 0.8 comes to rest at 8.
    expect(Math.round(state.limit)).toBe(8);
    expect(state.longMs).toBe(longMs);
    for (let round = 0; round < 200; round++) wave(state, 200, 10);
    expect(state.limit).toBe(200);
  });

  test("the average of a bad hour does not stand in the way of better times", () => {
    const state = createDispatchLimit(DISPATCH_LIMIT);
    for (let round = 0; round < 500; round++) wave(state, 200, 5_000);
    for (let round = 0; round < 50; round++) wave(state, 200, 10);
    expect(state.longMs).toBeLessThan(25);
  });

  test("what ends was under way", () => {
    expect(() => completed(createDispatchLimit(DISPATCH_LIMIT), DISPATCH_LIMIT, 1)).toThrow("what ends was under way");
  });
});

/**
 * A destination with so many places, 10 ms of work each with noise of 30 %, and a client that always wants more. Out:
 * limits and round trips of the last half.
 */
function saturated(places: number, config = DISPATCH_LIMIT): { readonly limit: number; readonly rttMs: number } {
  const prng = createPrng(5);
  const state = createDispatchLimit(config);
  const busyUntil = Array.from({ length: places }, () => 0);
  let open: { readonly sentAt: number; readonly endsAt: number }[] = [];
  const seen: { limit: number; rttMs: number }[] = [];
  for (let now = 0; now < 3_000; now++) {
    for (const ended of open.filter(({ endsAt }) => endsAt <= now)) {
      completed(state, config, ended.endsAt - ended.sentAt);
      seen.push({ limit: state.limit, rttMs: ended.endsAt - ended.sentAt });
    }
    open = open.filter(({ endsAt }) => endsAt > now);
    while (acquire(state)) {
      const place = busyUntil.indexOf(Math.min(...busyUntil));
      const endsAt = Math.max(now, busyUntil[place] ?? 0) + 10 * (0.7 + 0.6 * nextFloat(prng));
      busyUntil[place] = endsAt;
      open.push({ sentAt: now, endsAt });
    }
  }
  const half = seen.slice(seen.length / 2);
  const mean = (of: (one: { limit: number; rttMs: number }) => number): number =>
    half.reduce((sum, one) => sum + of(one), 0) / half.length;
  return { limit: mean(({ limit }) => limit), rttMs: mean(({ rttMs }) => rttMs) };
}

describe("against a destination", () => {
  test("one with room for more than the maximum gets the maximum", () => {
    expect(saturated(300).limit).toBeGreaterThan(195);
  });

  test("an over-full one is held well below what a fixed limit of 200 would queue there", () => {
    const adaptive = saturated(10);
    const fixed = saturated(10, dispatchLimitConfigSchema.parse({ initial: 200, min: 200 }));
    expect(fixed.rttMs).toBeGreaterThan(150);
    expect(adaptive.rttMs).toBeLessThan(fixed.rttMs / 2);
    expect(adaptive.limit).toBeGreaterThanOrEqual(10);
  });
});

test("bounds hold under random outcomes, and a clone goes on the same", () => {
  const prng = createPrng(3);
  const state = createDispatchLimit(DISPATCH_LIMIT);
  const clone = structuredClone(state);
  for (let step = 0; step < 20_000; step++) {
    if (nextFloat(prng) < 0.5) {
      expect(acquire(clone)).toBe(acquire(state));
    } else if (state.inFlight > 0) {
      const rttMs = nextFloat(prng) < 0.1 ? null : Math.floor(nextFloat(prng) * 1e6 ** nextFloat(prng));
      completed(state, DISPATCH_LIMIT, rttMs);
      completed(clone, DISPATCH_LIMIT, rttMs);
    }
    expect(state.limit).toBeGreaterThanOrEqual(DISPATCH_LIMIT.min);
    expect(state.limit).toBeLessThanOrEqual(DISPATCH_LIMIT.max);
    expect(Number.isFinite(state.longMs)).toBe(true);
  }
  expect(clone).toEqual(state);
});

test("settings that contradict themselves are refused", () => {
  expect(dispatchLimitConfigSchema.safeParse({ min: 50 }).error?.message).toContain("min <= initial <= max");
});
