// Goal: a gate sends work where it is well and near, by the published formula, learns from what dispatches took, and
// does not change its mind for little. Method: tables by hand, random clusters against the rules stated one by one,
// an hour of noisy scores.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { createPrng, nextFloat } from "../../src/base/prng.ts";
import {
  type Choice,
  choose,
  classOf,
  confidenceOf,
  DATACENTER_CLASSES,
  type DatacenterClass,
  type DatacenterFacts,
  type Experiences,
  learnFailure,
  learnLatency,
  loadOf,
  rankDatacenters,
  ROUTING,
  rttBoundMs,
  scoreOf,
} from "../../src/health/routing-score.ts";

const WELL: DatacenterFacts = {
  name: "east",
  managers: { live: 3, total: 3 },
  workers: { healthy: 4, total: 4 },
  cores: { free: 32, total: 32 },
  queued: 0,
  circuits: { open: 0, total: 3 },
  rtt: { meanMs: 10, deviationMs: 0, samples: 50 },
  pressure: "none",
  isPreferred: false,
  heardAt: 0,
};

function score(facts: Partial<DatacenterFacts>, state: Experiences = new Map(), now = 0): number {
  return scoreOf(state, ROUTING, now, { ...WELL, ...facts });
}

function namesOf(candidates: readonly DatacenterFacts[], state: Experiences = new Map(), now = 0): string[] {
  return rankDatacenters(state, ROUTING, now, candidates).map(({ name }) => name);
}

const near: DatacenterFacts = { ...WELL, name: "near", rtt: { meanMs: 5, deviationMs: 1, samples: 50 } };
const far: DatacenterFacts = { ...WELL, name: "far", rtt: { meanMs: 150, deviationMs: 10, samples: 50 } };

describe("classes", () => {
  const table: readonly (readonly [name: string, facts: Partial<DatacenterFacts>, expected: DatacenterClass])[] = [
    ["all is well", {}, "healthy"],
    ["no core is free", { cores: { free: 0, total: 32 } }, "busy"],
    ["half of the workers", { workers: { healthy: 2, total: 4 } }, "degraded"],
    ["three of four workers", { workers: { healthy: 3, total: 4 } }, "healthy"],
    ["one of three managers", { managers: { live: 1, total: 3 } }, "degraded"],
    ["two of three managers", { managers: { live: 2, total: 3 } }, "healthy"],
    ["no manager", { managers: { live: 0, total: 3 } }, "unhealthy"],
    ["no worker", { workers: { healthy: 0, total: 4 } }, "unhealthy"],
    ["no worker was ever there", { workers: { healthy: 0, total: 0 } }, "unhealthy"],
    ["degraded outweighs busy", { workers: { healthy: 2, total: 4 }, cores: { free: 0, total: 32 } }, "degraded"],
  ];
  for (const [name, facts, expected] of table) {
    test(`${name}: ${expected}, and one class down when that was said too long ago`, () => {
      expect(classOf(ROUTING, 59_999, { ...WELL, ...facts })).toBe(expected);
      const down = DATACENTER_CLASSES[DATACENTER_CLASSES.indexOf(expected) + 1] ?? "unhealthy";
      expect(classOf(ROUTING, 60_000, { ...WELL, ...facts })).toBe(down);
    });
  }
});

describe("the formula", () => {
  test("the round trip counts with two deviations, within its bounds; unknown, 200 ms", () => {
    const bounds = [
      { meanMs: 10, deviationMs: 5, samples: 3 },
      { meanMs: 0.1, deviationMs: 0, samples: 3 },
      { meanMs: 60_000, deviationMs: 0, samples: 3 },
      null,
    ].map((rtt) => rttBoundMs(ROUTING, rtt));
    expect(bounds).toEqual([20, 1, 10_000, 200]);
  });

  test("load: half by cores, 0.3 by the queue, 0.2 by circuits", () => {
    expect(loadOf(ROUTING, WELL)).toBe(1);
    expect(loadOf(ROUTING, { ...WELL, cores: { free: 8, total: 32 } })).toBeCloseTo(1.375, 9);
    expect(loadOf(ROUTING, { ...WELL, queued: 10 })).toBeCloseTo(1.15, 9);
    expect(loadOf(ROUTING, { ...WELL, circuits: { open: 3, total: 3 } })).toBeCloseTo(1.2, 9);
    expect(loadOf(ROUTING, { ...WELL, cores: { free: 0, total: 0 }, circuits: { open: 0, total: 0 } })).toBe(1.5);
  });

  const table: readonly (readonly [name: string, facts: Partial<DatacenterFacts>, expected: number])[] = [
    ["nothing but distance", {}, 10],
    ["preferred", { isPreferred: true }, 9],
    ["throttled", { pressure: "throttle" }, 12.5],
    ["batched", { pressure: "batch" }, 17.5],
    ["rejecting", { pressure: "reject" }, 25],
    ["measured five times only", { rtt: { meanMs: 10, deviationMs: 0, samples: 5 } }, 12.5],
    ["never measured", { rtt: null }, 300],
    ["half of the cores used", { cores: { free: 16, total: 32 } }, 12.5],
    ["all of it", { isPreferred: true, pressure: "throttle", cores: { free: 16, total: 32 } }, 10 * 1.25 * 0.9 * 1.25],
  ];
  for (const [name, facts, expected] of table)
    test(`${name}: ${expected}`, () => expect(score(facts)).toBeCloseTo(expected, 9));

  test("a failed dispatch doubles it for a minute", () => {
    const state: Experiences = new Map();
    learnFailure(state, ROUTING, 1_000, "east");
    expect([score({}, state, 60_999), score({}, state, 61_000)]).toEqual([20, 10]);
    expect(score({ name: "west" }, state, 1_000)).toBe(10);
  });
});

describe("what dispatches teach", () => {
  const taught = (number: number, latencyMs = 40, at = 0): Experiences => {
    const state: Experiences = new Map();
    for (let sample = 0; sample < number; sample++) learnLatency(state, ROUTING, { name: "east", latencyMs, at });
    return state;
  };

  test("[LD-41.7.1] [GM-1.2.6] with no samples the round trip counts alone, with few it counts most", () => {
    expect(score({}, new Map())).toBe(10);
    expect(score({}, taught(1))).toBeCloseTo(0.1 * 40 + 0.9 * 10, 9);
  });

  test("[LD-41.7.2] [GM-1.2.2] trust grows with samples, and the score moves to what was observed", () => {
    const scores = [0, 2, 4, 6, 8, 10, 20].map((number) => score({}, taught(number)));
    expect(scores.map((value) => Math.round(value))).toEqual([10, 16, 22, 28, 34, 40, 40]);
  });

  test("what was observed often enough is no doubtful number, and never below a millisecond", () => {
    expect(score({ rtt: null }, taught(10))).toBeCloseTo(40, 9);
    expect(score({}, taught(10, 0))).toBe(1);
  });

  test("[LD-41.7.3] [GM-1.2.5] trust fades with silence, evenly, to nothing at five minutes", () => {
    const state = taught(10);
    const at = [0, 75_000, 150_000, 299_999, 300_000, 9e9];
    const trust = at.map((now) => confidenceOf(ROUTING, now, state.get("east")));
    expect(trust.map((value) => Math.round(value * 100))).toEqual([100, 75, 50, 0, 0, 0]);
    expect(score({}, state, 300_000)).toBe(10);
  });

  test("[LD-41.7.4] a sample that ended before the newest one changes nothing", () => {
    const state = taught(5, 40, 10_000);
    const before = structuredClone(state);
    learnLatency(state, ROUTING, { name: "east", latencyMs: 9_000, at: 9_999 });
    expect(state).toEqual(before);
    learnLatency(state, ROUTING, { name: "east", latencyMs: 90, at: 10_000 });
    expect(state.get("east")?.latencyMs).toBeCloseTo(50, 9);
  });

  test("one stuck dispatch counts as a minute at most, and memory has its bound", () => {
    const state = taught(1, 1e9);
    expect(state.get("east")?.latencyMs).toBe(60_000);
    for (let number = 0; number < 1_000; number++) learnFailure(state, ROUTING, number, `dc-${number}`);
    expect(state.size).toBe(256);
    expect(state.has("dc-999")).toBe(true);
  });
});

describe("ranks", () => {
  test("[LD-27.1.1] the nearer of two that are well comes first", () => {
    expect(namesOf([far, near])).toEqual(["near", "far"]);
    const twin = { ...near, name: "twin" };
    expect([namesOf([twin, near]), namesOf([near, twin])]).toEqual([
      ["near", "twin"],
      ["near", "twin"],
    ]);
  });

  test("[LD-27.1.2] [LD-42.5.1] a far one with free cores comes before a near one that is full", () => {
    const full = { ...near, cores: { free: 0, total: 32 } };
    expect(namesOf([full, far])).toEqual(["far", "near"]);
    const lame = { ...near, name: "lame", workers: { healthy: 1, total: 4 } };
    const gone = { ...near, name: "gone", managers: { live: 0, total: 3 } };
    expect(namesOf([gone, lame, full, far])).toEqual(["far", "near", "lame"]);
    expect(namesOf([gone])).toEqual([]);
  });

  test("[GM-5.2.2] one under backpressure comes after its equal", () => {
    const equal = { ...near, name: "a-pressed", pressure: "throttle" as const };
    expect(namesOf([equal, near])).toEqual(["near", "a-pressed"]);
  });

  test("[LD-42.4.4] a near one whose dispatches turn out slow falls behind", () => {
    const state: Experiences = new Map();
    for (let at = 0; at < 10; at++) learnLatency(state, ROUTING, { name: "near", latencyMs: 900, at });
    expect(namesOf([near, far], state, 10)).toEqual(["far", "near"]);
  });

  const facts = fc.record({
    name: fc.constantFrom("a", "b", "c", "d", "e", "f"),
    managers: fc.record({ live: fc.integer({ min: 0, max: 3 }), total: fc.constant(3) }),
    workers: fc.record({ healthy: fc.integer({ min: 0, max: 6 }), total: fc.constant(6) }),
    cores: fc.record({ free: fc.integer({ min: 0, max: 8 }), total: fc.constant(8) }),
    queued: fc.integer({ min: 0, max: 100 }),
    circuits: fc.record({ open: fc.integer({ min: 0, max: 3 }), total: fc.constant(3) }),
    rtt: fc.option(fc.record({ meanMs: fc.nat(500), deviationMs: fc.nat(100), samples: fc.nat(30) })),
    pressure: fc.constantFrom("none" as const, "throttle" as const, "batch" as const, "reject" as const),
    isPreferred: fc.boolean(),
    heardAt: fc.integer({ min: 0, max: 120_000 }),
  });
  const cluster = fc.uniqueArray(facts, { selector: ({ name }) => name, maxLength: 6 });

  test("in any cluster: the unhealthy never, classes in order, scores in order within, input order without effect", () => {
    fc.assert(
      fc.property(cluster, (candidates) => {
        const ranked = rankDatacenters(new Map(), ROUTING, 120_000, candidates);
        const classes = candidates.map((one) => classOf(ROUTING, 120_000, one));
        expect(ranked.length).toBe(classes.filter((one) => one !== "unhealthy").length);
        for (const [at, { class: own, score: value }] of ranked.entries()) {
          const before = ranked[at - 1];
          expect(Number.isFinite(value) && value > 0).toBe(true);
          if (before === undefined) continue;
          const step = DATACENTER_CLASSES.indexOf(own) - DATACENTER_CLASSES.indexOf(before.class);
          expect(step > 0 || (step === 0 && value >= before.score)).toBe(true);
        }
        expect(rankDatacenters(new Map(), ROUTING, 120_000, [...candidates].reverse())).toEqual(ranked);
      }),
    );
  });
});

describe("choices", () => {
  const ranked = (...scores: readonly (readonly [name: string, score: number, own?: DatacenterClass])[]) =>
    scores.map(([name, value, own]) => ({ name, score: value, class: own ?? ("healthy" as const) }));
  const east: Choice = { name: "east", since: 0 };

  const table: readonly (readonly [name: string, now: number, list: ReturnType<typeof ranked>, next: string | null])[] =
    [
      ["a clearly better one too early", 29_999, ranked(["west", 1], ["east", 100]), "east"],
      ["a clearly better one", 30_000, ranked(["west", 80], ["east", 100]), "west"],
      ["a little better one", 90_000, ranked(["west", 81], ["east", 100]), "east"],
      ["a better class, at once", 1, ranked(["west", 500], ["east", 1, "busy"]), "west"],
      ["it is no candidate any more", 1, ranked(["west", 500]), "west"],
      ["it is the best itself", 90_000, ranked(["east", 1], ["west", 5]), "east"],
      ["there is none", 90_000, [], null],
    ];
  for (const [name, now, list, next] of table) {
    test(`${name}: ${next ?? "nobody"}`, () => {
      const choice = choose(ROUTING, now, east, list);
      expect(choice?.name ?? null).toBe(next);
      expect(choice?.since ?? now).toBe(next === "east" ? 0 : now);
    });
  }

  test("the first choice is the best", () => {
    expect(choose(ROUTING, 7, null, ranked(["west", 1], ["east", 2]))).toEqual({ name: "west", since: 7 });
  });

  test("[LD-41.7.5] [LD-27.3.4] an hour of scores that cross all the time changes the choice rarely", () => {
    const switches = (config: typeof ROUTING): number => {
      const prng = createPrng(2);
      let choice: Choice | null = null;
      let changed = 0;
      for (let now = 0; now < 3_600_000; now += 1_000) {
        // +- 20 % around 50 ms each.
        const noisy = (): number => 40 + 20 * nextFloat(prng);
        const candidates = ["a", "b", "c"].map((name) => ({
          ...WELL,
          name,
          heardAt: now,
          rtt: { meanMs: noisy(), deviationMs: 0, samples: 50 },
        }));
        const next = choose(config, now, choice, rankDatacenters(new Map(), config, now, candidates));
        if (choice !== null && next?.name !== choice.name) changed++;
        choice = next;
      }
      return changed;
    };
    // Once in 30 s at most, and then only for a clear gain.
    expect(switches(ROUTING)).toBeLessThan(120);
    expect(switches({ ...ROUTING, holdMs: 1, switchRatio: 1 })).toBeGreaterThan(1_000);
  });

  test("[LD-27.3.1] the choice that dies is replaced at once by the next in rank, and not taken back for nothing", () => {
    const first = choose(ROUTING, 0, null, rankDatacenters(new Map(), ROUTING, 0, [near, far]));
    expect(first?.name).toBe("near");
    const dead = { ...near, managers: { live: 0, total: 3 } };
    const second = choose(ROUTING, 1_000, first, rankDatacenters(new Map(), ROUTING, 1_000, [dead, far]));
    expect(second).toEqual({ name: "far", since: 1_000 });
    const back = rankDatacenters(new Map(), ROUTING, 2_000, [near, far]);
    expect(choose(ROUTING, 2_000, second, back)?.name).toBe("far");
    expect(choose(ROUTING, 31_000, second, back)?.name).toBe("near");
  });
});
