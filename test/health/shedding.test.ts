// Goal: who is refused at which level, in which share, and that critical requests are never refused by anything.
// Method: the table of the settings drawn many times; random runs with a model of what is under way.

import { describe, expect, test } from "bun:test";
import { createPrng, nextBelow, nextFloat } from "../../src/base/prng.ts";
import { OVERLOAD_LEVELS, type OverloadLevel } from "../../src/health/overload.ts";
import {
  admit,
  createShedding,
  finish,
  REQUEST_CLASSES,
  type RequestClass,
  SHEDDING,
  sheddingConfigSchema,
} from "../../src/health/shedding.ts";

const DRAWS = 4_000;

/** Part of so many requests that is refused. */
function refusedPart(requestClass: RequestClass, level: OverloadLevel, seed = 1): number {
  const state = createShedding(seed);
  let refused = 0;
  for (let draw = 0; draw < DRAWS; draw++) {
    if (admit(state, SHEDDING, requestClass, level).kind === "taken") finish(state, requestClass);
    else refused++;
  }
  return refused / DRAWS;
}

describe("by level", () => {
  const table: readonly (readonly [requestClass: RequestClass, parts: readonly number[]])[] = [
    ["critical", [0, 0, 0, 0]],
    ["control", [0, 0, 0, 0.5]],
    ["submit", [0, 0, 0.5, 1]],
    ["stats", [0, 0.5, 0.9, 1]],
  ];
  for (const [requestClass, parts] of table) {
    test(`${requestClass}: ${parts.join(", ")} refused`, () => {
      for (const [at, level] of OVERLOAD_LEVELS.entries()) {
        const expected = parts[at] ?? Number.NaN;
        const isCertain = expected === 0 || expected === 1;
        const part = refusedPart(requestClass, level);
        if (isCertain) expect(part).toBe(expected);
        else expect(Math.abs(part - expected)).toBeLessThan(0.03);
      }
    });
  }

  test("[GM-4.2.2] busy refuses less than stressed, stressed less than overloaded", () => {
    const sums = OVERLOAD_LEVELS.map((level) =>
      REQUEST_CLASSES.reduce((sum, requestClass) => sum + refusedPart(requestClass, level), 0),
    );
    for (const [at, sum] of sums.entries()) if (at > 0) expect(sum).toBeGreaterThan(sums[at - 1] ?? 9);
  });

  test("[GM-4.2.3] [GM-4.2.1] at any level the more important class is refused no more often", () => {
    for (const level of OVERLOAD_LEVELS) {
      const parts = REQUEST_CLASSES.map((requestClass) => refusedPart(requestClass, level));
      expect(parts).toEqual([...parts].sort((a, b) => a - b));
    }
    expect(refusedPart("submit", "overloaded")).toBe(1);
  });

  test("[GM-4.2.4] the refused are told when to come back, later in worse times, and not all at once", () => {
    const config = sheddingConfigSchema.parse({ submit: { healthy: 0, busy: 1, stressed: 1, overloaded: 1 } });
    for (const [level, aroundMs] of [
      ["busy", 500],
      ["stressed", 1_000],
      ["overloaded", 2_000],
    ] as const) {
      const state = createShedding(3);
      const waits = Array.from({ length: 500 }, () => {
        const answer = admit(state, config, "submit", level);
        if (answer.kind === "taken") throw new Error("it was to be refused");
        expect(answer.why).toBe("overload");
        return answer.retryAfterMs;
      });
      expect(Math.min(...waits)).toBeGreaterThanOrEqual(aroundMs / 2);
      expect(Math.max(...waits)).toBeLessThanOrEqual(aroundMs * 1.5);
      expect(new Set(waits).size).toBeGreaterThan(200);
    }
  });
});

describe("by what is under way", () => {
  test("[LD-41.30.1] at the total limit submit and stats are refused, control and critical are taken", () => {
    const state = createShedding(1);
    for (let number = 0; number < SHEDDING.inFlightTotalMax; number++) admit(state, SHEDDING, "critical", "healthy");
    expect(admit(state, SHEDDING, "stats", "healthy")).toMatchObject({ kind: "shed", why: "full" });
    expect(admit(state, SHEDDING, "submit", "healthy")).toMatchObject({ kind: "shed", why: "full" });
    expect(admit(state, SHEDDING, "control", "healthy")).toEqual({ kind: "taken" });
    expect(admit(state, SHEDDING, "critical", "healthy")).toEqual({ kind: "taken" });
  });

  test("[LD-41.30.2] [LD-41.9.4] every class has its own limit, critical none, and a place is free when one ends", () => {
    for (const [requestClass, most] of [
      ["control", 500],
      ["submit", 300],
      ["stats", 200],
    ] as const) {
      const state = createShedding(1);
      for (let number = 0; number < most; number++)
        expect(admit(state, SHEDDING, requestClass, "healthy").kind).toBe("taken");
      expect(admit(state, SHEDDING, requestClass, "healthy").kind).toBe("shed");
      expect(admit(state, SHEDDING, "critical", "overloaded").kind).toBe("taken");
      finish(state, requestClass);
      expect(admit(state, SHEDDING, requestClass, "healthy").kind).toBe("taken");
    }
  });

  test("random traffic at random levels: critical always passes, limits hold, the counts add up", () => {
    const prng = createPrng(11);
    const state = createShedding(5);
    const open: RequestClass[] = [];
    const asked = { critical: 0, control: 0, submit: 0, stats: 0 };
    for (let step = 0; step < 50_000; step++) {
      const ended = nextFloat(prng) < 0.48 ? open.splice(nextBelow(prng, open.length), 1)[0] : undefined;
      if (ended !== undefined) {
        finish(state, ended);
        continue;
      }
      const requestClass = REQUEST_CLASSES[nextBelow(prng, 4)] ?? "stats";
      const level = OVERLOAD_LEVELS[nextBelow(prng, 4)] ?? "healthy";
      asked[requestClass]++;
      if (admit(state, SHEDDING, requestClass, level).kind === "taken") open.push(requestClass);
      else expect(requestClass).not.toBe("critical");
      expect(state.inFlight[requestClass]).toBe(open.filter((one) => one === requestClass).length);
    }
    expect(state.taken.critical).toBe(asked.critical);
    for (const requestClass of ["control", "submit", "stats"] as const)
      expect(state.taken[requestClass] + state.shed[requestClass]).toBe(asked[requestClass]);
  });

  test("what ends was taken", () => {
    expect(() => finish(createShedding(1), "submit")).toThrow("a submit request that ends was taken");
  });
});

test("no setting can shed critical requests, nor a healthy node anything", () => {
  const all = { healthy: 0, busy: 1, stressed: 1, overloaded: 1 };
  expect(sheddingConfigSchema.safeParse({ critical: all }).success).toBe(false);
  expect(sheddingConfigSchema.safeParse({ submit: { ...all, healthy: 1 } }).success).toBe(false);
  const config = sheddingConfigSchema.parse({ control: all, submit: all, stats: all });
  const state = createShedding(1);
  for (let number = 0; number < 5_000; number++)
    expect(admit(state, config, "critical", "overloaded")).toEqual({ kind: "taken" });
});

test("a clone goes on the same", () => {
  const state = createShedding(9);
  const clone = structuredClone(state);
  for (let number = 0; number < 100; number++)
    expect(admit(clone, SHEDDING, "submit", "stressed")).toEqual(admit(state, SHEDDING, "submit", "stressed"));
});
