// Goal: each counter of a sender is good once, in constant memory. Method: against a naive window that remembers all,
// over random orders with jumps; and the edges by hand.

import { describe, expect, test } from "bun:test";
import { createPrng, nextBelow } from "../../src/base/prng.ts";
import { createReplayWindow, REPLAY_WINDOW_COUNTERS } from "../../src/base/replay-window.ts";

describe("a replay window", () => {
  test("takes each counter once, in any order", () => {
    const window = createReplayWindow();
    for (const counter of [5, 3, 4, 1, 2, 33, 32, 31, 64]) {
      expect(window.isFresh(counter)).toBe(true);
      window.accept(counter);
      expect(window.isFresh(counter)).toBe(false);
    }
    expect(window.isFresh(6)).toBe(true);
  });

  test("refuses what is too far behind to know, and takes the oldest it can know", () => {
    const window = createReplayWindow();
    window.accept(10_000);
    expect(window.isFresh(10_000 - REPLAY_WINDOW_COUNTERS)).toBe(false);
    expect(window.isFresh(10_000 - REPLAY_WINDOW_COUNTERS + 1)).toBe(true);
  });

  test("refuses what is no counter", () => {
    const window = createReplayWindow();
    for (const counter of [0, -1, 0.5, Number.NaN, Infinity, 2 ** 53]) expect(window.isFresh(counter)).toBe(false);
    window.accept(Number.MAX_SAFE_INTEGER);
    expect(window.isFresh(Number.MAX_SAFE_INTEGER)).toBe(false);
    expect(window.isFresh(Number.MAX_SAFE_INTEGER - 1)).toBe(true);
  });

  test("accepting what is not fresh is a bug, and says so", () => {
    const window = createReplayWindow();
    window.accept(7);
    expect(() => window.accept(7)).toThrow("fresh");
  });

  test("agrees with a window that remembers everything", () => {
    for (let seed = 1; seed <= 40; seed++) {
      const prng = createPrng(seed, "replay");
      const window = createReplayWindow();
      const heard = new Set<number>();
      let highest = 0;
      for (let step = 0; step < 3_000; step++) {
        const jump = nextBelow(prng, 100) === 0 ? nextBelow(prng, 5_000) : nextBelow(prng, 60);
        const counter = Math.max(0, highest + jump - nextBelow(prng, 2) * nextBelow(prng, 1_200));
        const isFresh = counter > 0 && !heard.has(counter) && counter > highest - REPLAY_WINDOW_COUNTERS;
        if (window.isFresh(counter) !== isFresh) throw new Error(`seed ${seed}, step ${step}, counter ${counter}`);
        if (!isFresh || nextBelow(prng, 10) === 0) continue;
        window.accept(counter);
        heard.add(counter);
        highest = Math.max(highest, counter);
      }
    }
  });
});
