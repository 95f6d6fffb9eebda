// Goal: retries stay within a tenth of the traffic and the floor, whatever fails, and are spread in time. Method: random
// traffic against a list of all attempts; distributions of waits; a crowd that fails at one moment.

import { describe, expect, test } from "bun:test";
import { createPrng, nextFloat } from "../../src/base/prng.ts";
import {
  allowance,
  backoffMs,
  countFirst,
  createRetryBudget,
  type FailedAttempt,
  RETRIES,
  retryConfigSchema,
  retryOf,
} from "../../src/health/retry-budget.ts";

const FIRST: FailedAttempt = { attempt: 1, retryAfterMs: 0, deadlineMs: null };

/** Retries given when everything fails: so many requests a second for so many seconds. */
function outage(perSecond: number, seconds: number, config = RETRIES): number {
  const state = createRetryBudget(config, 1);
  for (let at = 0; at < perSecond * seconds; at++) {
    const now = (at * 1_000) / perSecond;
    countFirst(state, now);
    retryOf(state, config, now, FIRST);
  }
  return state.retries;
}

describe("the budget", () => {
  const table: readonly (readonly [perSecond: number, seconds: number, atMost: number, atLeast: number])[] = [
    // A tenth of the requests and 3 a second; the first window may spend its floor at once.
    [1_000, 60, 6_000 + 180 + 130, 5_800],
    [100, 60, 600 + 180 + 40, 700],
    [1, 60, 60, 60],
  ];
  for (const [perSecond, seconds, atMost, atLeast] of table) {
    test(`${perSecond} requests a second that all fail give at most ${atMost} retries a minute`, () => {
      const retries = outage(perSecond, seconds);
      expect(retries).toBeLessThanOrEqual(atMost);
      expect(retries).toBeGreaterThanOrEqual(atLeast);
    });
  }

  test("without a limit the same outage would double the traffic", () => {
    expect(outage(100, 60, retryConfigSchema.parse({ part: 1, floorPerSecond: 1_000 }))).toBe(6_000);
  });

  test("whenever a retry is given, those of the window are within a tenth of the first attempts and the floor", () => {
    const prng = createPrng(4);
    const state = createRetryBudget(RETRIES, 4);
    const firsts: number[] = [];
    const retries: number[] = [];
    let now = 0;
    for (let step = 0; step < 30_000; step++) {
      // Rates from 1 to 1,000 a second, by turns.
      now += nextFloat(prng) * (step % 3_000 < 300 ? 1_000 : 2);
      countFirst(state, now);
      firsts.push(now);
      if (nextFloat(prng) < 0.5) continue;
      const decision = retryOf(state, RETRIES, now, FIRST);
      if (decision.kind === "retry") retries.push(now);
      else expect(decision.why).toBe("budget");
      if (decision.kind !== "retry" || state.retries % 20 !== 0) continue;
      // Ten slices of a second: this one and the nine before.
      const from = Math.floor(now / 1_000) * 1_000 - 9_000;
      const within = (list: readonly number[]): number => list.filter((at) => at >= from).length;
      expect(within(retries)).toBeLessThanOrEqual(0.1 * within(firsts) + 30);
      expect(allowance(state, RETRIES, now)).toBeCloseTo(0.1 * within(firsts) + 30, 6);
    }
    expect(retries.length).toBeGreaterThan(1_000);
    expect(state.denied).toBeGreaterThan(1_000);
    expect(state.attempts.slices.flat()).toHaveLength(20);
  });

  test("it fills again: after the window a destination that recovered has its retries back", () => {
    const state = createRetryBudget(RETRIES, 1);
    while (retryOf(state, RETRIES, 0, FIRST).kind === "retry");
    expect(state.retries).toBe(30);
    expect(retryOf(state, RETRIES, 9_999, FIRST)).toEqual({ kind: "give-up", why: "budget" });
    expect(retryOf(state, RETRIES, 10_000, FIRST).kind).toBe("retry");
  });

  test("a request is tried three times, and never after its deadline", () => {
    const state = createRetryBudget(RETRIES, 1);
    expect(retryOf(state, RETRIES, 0, { ...FIRST, attempt: 2 }).kind).toBe("retry");
    expect(retryOf(state, RETRIES, 0, { ...FIRST, attempt: 3 })).toEqual({ kind: "give-up", why: "attempts" });
    const late = { attempt: 1, retryAfterMs: 500, deadlineMs: 1_000 };
    expect(retryOf(state, RETRIES, 500, late)).toEqual({ kind: "give-up", why: "deadline" });
    expect(retryOf(state, RETRIES, 0, late).kind).toBe("retry");
    expect(state.retries).toBe(2);
  });
});

describe("waits", () => {
  test("[LD-41.24.1] [LD-41.24.3] full jitter: from nothing to base 2^n, evenly, and never over the cap", () => {
    const prng = createPrng(8);
    for (const [attempt, most] of [
      [1, 100],
      [2, 200],
      [5, 1_600],
      [8, 10_000],
      [60, 10_000],
      [5_000, 10_000],
    ] as const) {
      const waits = Array.from({ length: 4_000 }, () => backoffMs(prng, RETRIES, attempt));
      expect(Math.max(...waits)).toBeLessThanOrEqual(most);
      expect(Math.min(...waits)).toBeLessThan(most / 50);
      // Each quarter of the range has its quarter of the waits.
      for (let quarter = 0; quarter < 4; quarter++) {
        const inside = waits.filter((wait) => Math.floor((4 * wait) / (most + 1)) === quarter).length;
        expect(Math.abs(inside / waits.length - 0.25)).toBeLessThan(0.05);
      }
    }
  });

  test("[LD-42.3.2] what the destination asks for is the least wait", () => {
    for (let seed = 0; seed < 200; seed++) {
      const state = createRetryBudget(RETRIES, seed);
      const decision = retryOf(state, RETRIES, 0, { ...FIRST, retryAfterMs: 700 });
      if (decision.kind !== "retry") throw new Error("there is a budget");
      expect(decision.delayMs).toBeGreaterThanOrEqual(700);
      expect(decision.delayMs).toBeLessThanOrEqual(800);
    }
  });

  test("[LD-41.24.5] [LD-41.4.3] a thousand who fail at one moment do not come back at one moment", () => {
    const returns = new Map<number, number>();
    for (let seed = 0; seed < 1_000; seed++) {
      const decision = retryOf(createRetryBudget(RETRIES, seed), RETRIES, 0, { ...FIRST, attempt: 2 });
      if (decision.kind !== "retry") throw new Error("there is a budget");
      const slot = Math.floor(decision.delayMs / 10);
      returns.set(slot, (returns.get(slot) ?? 0) + 1);
    }
    // 200 ms in slots of 10: 50 each on average.
    expect(Math.max(...returns.values())).toBeLessThan(90);
    expect(returns.size).toBeGreaterThanOrEqual(20);
  });
});

test("a clone goes on the same", () => {
  const state = createRetryBudget(RETRIES, 3);
  const clone = structuredClone(state);
  for (let now = 0; now < 5_000; now += 100)
    expect(retryOf(clone, RETRIES, now, FIRST)).toEqual(retryOf(state, RETRIES, now, FIRST));
});

test("settings that contradict themselves are refused", () => {
  expect(retryConfigSchema.safeParse({ baseMs: 20_000 }).error?.message).toContain("baseMs is at most capMs");
});
