// Goal: buckets let through what a naive count of time says, tell honestly when to come back, and a flood of names
// neither grows the table nor frees anybody of a debt. Method: tables, random runs against a naive bucket without
// eviction, floods.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  createRateLimits,
  type Operation,
  OPERATIONS,
  type RateConfig,
  rateConfigSchema,
  type RateLimits,
  RATES,
  rateView,
  refund,
  take,
} from "../../src/health/rate-limit.ts";
import type { OverloadLevel } from "../../src/health/overload.ts";

/** One request of `client`; ms to wait, 0 when it was let through. */
function ask(
  state: RateLimits,
  now: number,
  client: string,
  operation: Operation = "submit",
  { config = RATES, level = "healthy" }: { config?: RateConfig; level?: OverloadLevel } = {},
): number {
  const decision = take(state, config, now, { client, operation, level });
  return decision.kind === "allowed" ? 0 : decision.retryAfterMs;
}

/** How many of so many requests at once are let through. */
function burst(state: RateLimits, now: number, client: string, level: OverloadLevel = "healthy", number = 500): number {
  let allowed = 0;
  for (let at = 0; at < number; at++) if (ask(state, now, client, "submit", { level }) === 0) allowed++;
  return allowed;
}

describe("one client", () => {
  test("[LD-41.18.2] its burst and then its rate: 100 submits at once, 50 a second", () => {
    const state = createRateLimits();
    expect(burst(state, 0, "a")).toBe(100);
    expect(burst(state, 1_000, "a")).toBe(50);
    expect(burst(state, 1_010, "a")).toBe(0);
    expect(burst(state, 1_020, "a")).toBe(1);
    expect(burst(state, 3_600_000, "a")).toBe(100);
  });

  test("[GM-4.3.2] [LD-41.18.1] what is refused succeeds after the time it is told, and not before", () => {
    const config = rateConfigSchema.parse({ submit: { perSecond: 3, burst: 2 } });
    const state = createRateLimits();
    let now = 1_000;
    for (let number = 0; number < 50; number++) {
      while (ask(state, now, "a", "submit", { config }) === 0);
      const waitMs = ask(state, now, "a", "submit", { config });
      expect(ask(structuredClone(state), now + waitMs - 1, "a", "submit", { config })).toBeGreaterThan(0);
      expect(ask(structuredClone(state), now + waitMs, "a", "submit", { config })).toBe(0);
      now += waitMs;
    }
  });

  test("failed handshakes: five, then a minute of nothing that trying does not lengthen", () => {
    const state = createRateLimits();
    for (let number = 0; number < 5; number++) expect(ask(state, 0, "10.0.0.9", "auth")).toBe(0);
    expect(ask(state, 0, "10.0.0.9", "auth")).toBe(60_000);
    for (let now = 1; now < 60_000; now += 500) expect(ask(state, now, "10.0.0.9", "auth")).toBe(60_000 - now);
    expect(ask(state, 60_000, "10.0.0.9", "auth")).toBe(0);
    expect(ask(state, 0, "10.0.0.8", "auth")).toBe(0);
  });

  test("handshakes that succeed cost nothing", () => {
    const state = createRateLimits();
    for (let number = 0; number < 1_000; number++) {
      expect(ask(state, number, "10.0.0.9", "auth")).toBe(0);
      refund(state, { client: "10.0.0.9", operation: "auth" });
    }
    refund(state, { client: "10.0.0.9", operation: "auth" });
    for (let number = 0; number < 5; number++) expect(ask(state, 1_000, "10.0.0.9", "auth")).toBe(0);
    expect(ask(state, 1_000, "10.0.0.9", "auth")).toBeGreaterThan(0);
  });

  test("a limit that is off lets everything through and remembers nobody", () => {
    const config = rateConfigSchema.parse({ submit: null });
    const state = createRateLimits();
    for (let number = 0; number < 5_000; number++) expect(ask(state, 0, "a", "submit", { config })).toBe(0);
    expect(rateView(state).submit).toEqual({ clients: 0, allowed: 5_000, refused: 0 });
  });

  test("a clock that seems to go back gives no tokens", () => {
    const state = createRateLimits();
    expect(burst(state, 10_000, "a")).toBe(100);
    expect(burst(state, 1, "a")).toBe(0);
    expect(burst(state, 10_000, "a")).toBe(0);
    expect(ask(state, 10_000, "b")).toBe(0);
    expect(burst(state, 1, "b")).toBe(99);
  });

  test("[GM-4.3.4] a node in trouble takes less of everybody: all, half, a tenth", () => {
    for (const [level, atOnce, aSecond] of [
      ["healthy", 100, 50],
      ["busy", 100, 50],
      ["stressed", 50, 25],
      ["overloaded", 10, 5],
    ] as const) {
      const state = createRateLimits();
      expect(burst(state, 0, "a", level)).toBe(atOnce);
      expect(burst(state, 1_000, "a", level)).toBe(aSecond);
    }
  });
});

describe("several", () => {
  test("[GM-4.3.1] each client has its own bucket for each operation", () => {
    const state = createRateLimits();
    expect(burst(state, 0, "a")).toBe(100);
    expect(burst(state, 0, "b")).toBe(100);
    for (const operation of OPERATIONS.filter((name) => name !== "submit"))
      expect(ask(state, 0, "a", operation)).toBe(0);
    expect(rateView(state).submit).toEqual({ clients: 2, allowed: 200, refused: 800 });
  });

  test("[GM-4.3.3] who is silent long enough to be full again is forgotten, who is not is kept", () => {
    const state = createRateLimits();
    // The one who stays came first: it does not shield those behind it.
    ask(state, 0, "b");
    for (let number = 0; number < 1_000; number++) ask(state, 0, `client-${number}`);
    expect(rateView(state).submit.clients).toBe(1_001);
    for (let number = 0; number < 1_000; number++) ask(state, 1_999, "b");
    expect(rateView(state).submit.clients).toBe(1_001);
    for (let number = 0; number < 500; number++) ask(state, 2_000, "b");
    expect(rateView(state).submit.clients).toBe(1);
  });

  test("a penalty longer than the time to fill is not forgotten before its end", () => {
    const config = rateConfigSchema.parse({ auth: { perSecond: 1, burst: 1, penaltyMs: 60_000 } });
    const state = createRateLimits();
    while (ask(state, 0, "a", "auth", { config }) === 0);
    for (let now = 1_000; now < 60_000; now += 1_000) ask(state, now, "b", "auth", { config });
    expect(ask(state, 59_999, "a", "auth", { config })).toBe(1);
  });

  test("a flood of names grows no table, and those who owe stay in debt", () => {
    const config = rateConfigSchema.parse({ clientsMax: 100 });
    const state = createRateLimits();
    while (ask(state, 0, "debtor", "auth", { config }) === 0);
    let strangers = 0;
    for (let number = 0; number < 20_000; number++)
      if (ask(state, number, `name-${number}`, "auth", { config }) === 0) strangers++;
    expect(rateView(state).auth.clients).toBeLessThanOrEqual(100);
    expect(ask(state, 20_000, "debtor", "auth", { config })).toBeGreaterThan(0);
    // 99 found a place, the others share one bucket: 5 and a refusal that blocks it.
    expect(strangers).toBe(99 + 5);
  });

  test("the table has its bound under any traffic", () => {
    const config = rateConfigSchema.parse({ clientsMax: 20 });
    const state = createRateLimits();
    const step = fc.record({ afterMs: fc.integer({ min: 0, max: 900 }), client: fc.integer({ min: 0, max: 200 }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
        let now = 0;
        for (const { afterMs, client } of steps) {
          now += afterMs;
          ask(state, now, `${client}`, "submit", { config });
          expect(state.submit.buckets.size).toBeLessThanOrEqual(20);
        }
      }),
      { numRuns: 30 },
    );
  });
});

test("it decides as buckets that are never forgotten would", () => {
  const step = fc.record({
    afterMs: fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 5_000 })),
    client: fc.integer({ min: 0, max: 4 }),
    operation: fc.constantFrom<Operation>("submit", "join", "admin"),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
      const config = rateConfigSchema.parse({
        submit: { perSecond: 8, burst: 4 },
        join: { perSecond: 1, burst: 3 },
        admin: { perSecond: 500, burst: 2 },
      });
      const state = createRateLimits();
      const naive = new Map<string, { tokens: number; at: number }>();
      let now = 0;
      for (const { afterMs, client, operation } of steps) {
        now += afterMs;
        const rule = config[operation];
        if (rule === null) throw new Error("it is limited");
        const bucket = naive.get(`${operation} ${client}`) ?? { tokens: rule.burst, at: now };
        naive.set(`${operation} ${client}`, bucket);
        bucket.tokens = Math.min(rule.burst, bucket.tokens + ((now - bucket.at) * rule.perSecond) / 1_000);
        bucket.at = now;
        const isAllowed = bucket.tokens >= 1 - 1e-9;
        if (isAllowed) bucket.tokens = Math.max(0, bucket.tokens - 1);
        expect(ask(state, now, `${client}`, operation, { config }) === 0).toBe(isAllowed);
      }
    }),
  );
});

test("settings that make no sense are refused", () => {
  for (const submit of [{ perSecond: 0, burst: 1 }, { perSecond: 1, burst: 0 }, { perSecond: 1 }])
    expect(rateConfigSchema.safeParse({ submit }).success).toBe(false);
});
