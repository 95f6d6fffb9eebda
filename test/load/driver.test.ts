// Goal: the driver of a share hands out what its executor's schedule says, to whom and when it says, and no more.
// Method: each executor driven instant by instant; properties over any number of shares. Cuts are in resume.test.ts.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  claim,
  createDriver,
  finish,
  hasEnded,
  nextArrivalMs,
  nextChangeMs,
  resume,
  scale,
  scheduled,
  skipLost,
  takeArrival,
  vuNumber,
  vusWanted,
} from "../../src/load/driver.ts";
import { targetAt } from "../../src/load/schedule.ts";
import { vuBases, vusBeyond } from "../../src/load/dealing.ts";
import {
  constantRate,
  constantVus,
  rampingRate,
  rampingVus,
  sharedIterations,
  someStages,
  specOf,
  workflowOf,
} from "./shares.ts";
import type { Driver } from "../../src/load/driver.ts";
import type { Executor } from "../../src/load/plan.ts";

function drivers(executor: Executor, shares: number): readonly Driver[] {
  return Array.from({ length: shares }, (_, share) => createDriver(specOf(executor, share, shares)));
}

function perVu(vus: number, iterations: number, maxDurationMs = 1_000): Executor {
  return { kind: "per-vu-iterations", vus, iterations, maxDurationMs };
}

describe("a new driver", () => {
  test("holds its dealt part of the VUs, made before the start", () => {
    expect(drivers(constantVus(5, 100), 2).map(({ vus, preAllocated, isOpen }) => [vus, preAllocated, isOpen])).toEqual(
      [
        [3, 3, false],
        [2, 2, false],
      ],
    );
    expect(drivers(rampingVus(1, [{ durationMs: 10, target: 4 }]), 3).map(({ vus }) => vus)).toEqual([2, 1, 1]);
  });

  test("of an arrival rate makes only the preallocated ones", () => {
    const executor: Executor = {
      kind: "constant-arrival-rate",
      rate: 1,
      timeUnitMs: 1_000,
      durationMs: 1_000,
      preAllocatedVus: 3,
      maxVus: 10,
      onLate: "drop",
    };
    expect(drivers(executor, 2).map(({ vus, preAllocated, isOpen }) => [vus, preAllocated, isOpen])).toEqual([
      [5, 2, true],
      [5, 1, true],
    ]);
  });

  test("numbers its VUs from the workflow's base", () => {
    const driver = createDriver({ ...specOf(constantVus(5, 100), 1, 2), vuBase: 100 });
    expect([vuNumber(driver, 0), vuNumber(driver, 1)]).toEqual([102, 104]);
  });

  test("numbers VUs beyond its plan apart from all others, whatever is scaled", () => {
    const workflows = [
      workflowOf("a", constantVus(2, 100)),
      workflowOf("b", rampingVus(3, [{ durationMs: 1, target: 1 }])),
      workflowOf("c", constantVus(1, 100)),
    ];
    const bases = vuBases(workflows);
    const ids = workflows.flatMap(({ name, executor }, at) =>
      [0, 1].flatMap((share) => {
        const vuBase = bases[at] ?? 0;
        const driver = createDriver({
          ...specOf(executor, share, 2),
          vuBase,
          vusBeyond: vusBeyond(workflows, name),
        });
        if (executor.kind === "constant-vus") scale(driver, 9);
        return Array.from({ length: driver.vus }, (_, local) => vuNumber(driver, local));
      }),
    );
    expect(ids).toHaveLength(9 + 3 + 9);
    expect(new Set(ids).size).toBe(ids.length);
    // Those of setup and teardown, which run between the planned ones and those beyond.
    expect(ids).not.toContain(7);
    expect(ids).not.toContain(8);
    expect(ids.filter((id) => id <= 6).sort()).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test("scaled, its VUs are dealt exactly over the shares, more than planned or fewer, and keep their iterations", () => {
    for (const vus of [1, 2, 5, 12, 3]) {
      const shares = drivers(constantVus(5, 1_000), 3);
      for (const driver of shares) {
        claim(driver, 0, 10);
        scale(driver, vus);
      }
      expect(shares.reduce((sum, driver) => sum + vusWanted(driver, 20), 0)).toBe(vus);
      const [first] = shares;
      if (first !== undefined) expect(claim(first, 0, 30)).toBe(1);
    }
    const [ramp] = drivers(rampingVus(1, [{ durationMs: 10, target: 4 }]), 1);
    if (ramp !== undefined) expect(() => scale(ramp, 2)).toThrow("can be scaled");
    const [shared] = drivers(sharedIterations(2, 9), 1);
    if (shared !== undefined) expect(() => scale(shared, 2)).toThrow("can be scaled");
  });

  test("refuses a resume of another kind, or of another number of VUs", () => {
    expect(() => createDriver(specOf(constantVus(1, 1), 0, 1, { kind: "arrivals", next: 0, feeds: {} }))).toThrow(
      "resumes by elapsed",
    );
    expect(() =>
      createDriver(specOf(perVu(2, 1), 0, 1, { kind: "iterations", done: [0], elapsedMs: 0, feeds: {} })),
    ).toThrow("one count for each local VU");
    expect(() =>
      createDriver(specOf(perVu(1, 2), 0, 1, { kind: "iterations", done: [3], elapsedMs: 0, feeds: {} })),
    ).toThrow("more than its iterations");
    const empty = { kind: "ranges", left: [[4, 4]], elapsedMs: 0, feeds: {} } as const;
    expect(() => createDriver(specOf(sharedIterations(1, 9), 0, 1, empty))).toThrow("not empty");
  });
});

describe("constant-vus", () => {
  test("[LD-34.2.3] gives every VU iterations, counted for each, until the duration is over", () => {
    const driver = createDriver(specOf(constantVus(2, 100)));
    expect([claim(driver, 0, 0), claim(driver, 0, 50), claim(driver, 1, 50), claim(driver, 0, 99.9)]).toEqual([
      0, 1, 0, 2,
    ]);
    expect([claim(driver, 0, 100), claim(driver, 1, 5_000), claim(driver, 2, 50)]).toEqual([-1, -1, -1]);
    expect(scheduled(driver)).toBe(4);
    expect([hasEnded(driver, 99.9), hasEnded(driver, 100)]).toEqual([false, true]);
  });

  test("wants all its VUs until the end, which is the next change", () => {
    const driver = createDriver(specOf(constantVus(3, 100)));
    expect([vusWanted(driver, 0), vusWanted(driver, 99), vusWanted(driver, 100)]).toEqual([3, 3, 0]);
    expect([nextChangeMs(driver, 0), nextChangeMs(driver, 99), nextChangeMs(driver, 100)]).toEqual([
      100,
      100,
      Infinity,
    ]);
  });
});

describe("externally-controlled", () => {
  test("may have all its VUs and runs those it starts with", () => {
    const [first, second] = drivers({ kind: "externally-controlled", vus: 3, maxVus: 9, durationMs: 100 }, 2);
    expect([first?.vus, second?.vus]).toEqual([5, 4]);
    if (first === undefined || second === undefined) throw new Error("two drivers");
    expect([
      vusWanted(first, 0),
      vusWanted(second, 0),
      claim(first, 2, 0),
      claim(second, 0, 0),
      claim(first, 0, 100),
    ]).toEqual([2, 1, -1, 0, -1]);
  });
});

describe("ramping-vus", () => {
  test("[LD-36.1.1] [LD-36.1.4] over all shares follows its stages within one VU at every millisecond", () => {
    fc.assert(
      fc.property(someStages(60, 120), fc.nat(60), fc.integer({ min: 1, max: 7 }), (stages, startVus, shares) => {
        const all = drivers(rampingVus(startVus, stages), shares);
        const endMs = stages.reduce((sum, { durationMs }) => sum + durationMs, 0);
        for (let elapsedMs = 0; elapsedMs < endMs; elapsedMs++) {
          const vus = all.reduce((sum, driver) => sum + vusWanted(driver, elapsedMs), 0);
          expect(Math.abs(vus - targetAt(stages, startVus, elapsedMs))).toBeLessThan(1);
        }
        for (const driver of all) expect([vusWanted(driver, endMs), claim(driver, 0, endMs)]).toEqual([0, -1]);
      }),
      { numRuns: 60 },
    );
  });

  test("names every change: between two of them the wanted VUs are the same", () => {
    fc.assert(
      fc.property(someStages(40, 200), fc.nat(40), fc.integer({ min: 1, max: 5 }), (stages, startVus, shares) => {
        for (const driver of drivers(rampingVus(startVus, stages), shares)) {
          const fresh = drivers(rampingVus(startVus, stages), shares)[driver.share];
          if (fresh === undefined) throw new Error("a driver a share");
          let wanted = vusWanted(driver, 0);
          let changeMs = nextChangeMs(driver, 0);
          for (let elapsedMs = 0; elapsedMs <= driver.endMs; elapsedMs += 0.5) {
            while (changeMs <= elapsedMs) {
              wanted = vusWanted(driver, changeMs);
              const next = nextChangeMs(driver, changeMs);
              expect(next).toBeGreaterThan(changeMs);
              changeMs = next;
            }
            expect(vusWanted(fresh, elapsedMs)).toBe(wanted);
          }
          expect(changeMs).toBe(Infinity);
        }
      }),
      { numRuns: 60 },
    );
  });

  test("gives an iteration only to VUs that should run now, also when asked about an earlier instant", () => {
    const driver = createDriver(
      specOf(
        rampingVus(0, [
          { durationMs: 100, target: 2 },
          { durationMs: 100, target: 0 },
        ]),
      ),
    );
    expect([
      claim(driver, 0, 49),
      claim(driver, 0, 50),
      claim(driver, 1, 99),
      claim(driver, 1, 100),
      claim(driver, 1, 150),
    ]).toEqual([-1, 0, -1, 0, -1]);
    expect([claim(driver, 0, 199), claim(driver, 0, 200), claim(driver, 1, 100)]).toEqual([1, -1, 1]);
  });
});

describe("shared-iterations", () => {
  test("over all shares runs exactly its iterations, each index once", () => {
    const some = fc.record({
      shares: fc.integer({ min: 1, max: 8 }),
      moreVus: fc.nat(12),
      moreIterations: fc.nat(200),
      seed: fc.infiniteStream(fc.nat(11)),
    });
    fc.assert(
      fc.property(some, ({ shares, moreVus, moreIterations, seed }) => {
        const vus = shares + moreVus;
        const iterations = vus + moreIterations;
        const seen: number[] = [];
        for (const driver of drivers(sharedIterations(vus, iterations), shares)) {
          while (!hasEnded(driver, 5)) {
            const local = (seed.next().value ?? 0) % driver.vus;
            const index = claim(driver, local, 5);
            seen.push(index);
            finish(driver, local, index);
          }
          expect(claim(driver, 0, 5)).toBe(-1);
        }
        expect(seen.sort((one, other) => one - other)).toEqual(Array.from({ length: iterations }, (_, index) => index));
      }),
    );
  });

  test("ends at maxDuration with iterations left", () => {
    const driver = createDriver(specOf({ kind: "shared-iterations", vus: 1, iterations: 10, maxDurationMs: 100 }));
    expect(claim(driver, 0, 99)).toBe(0);
    expect([claim(driver, 0, 100), hasEnded(driver, 100), hasEnded(driver, 99)]).toEqual([-1, true, false]);
    expect(resume(driver, 100, { 3: 7 })).toEqual({ kind: "ranges", left: [[0, 10]], elapsedMs: 100, feeds: { 3: 7 } });
  });

  test("says what is left as few ranges: never begun, and begun and not ended", () => {
    const driver = createDriver(specOf(sharedIterations(3, 10)));
    for (let local = 0; local < 3; local++) claim(driver, local, 0);
    finish(driver, 1, 1);
    expect(claim(driver, 1, 0)).toBe(3);
    finish(driver, 1, 3);
    expect(resume(driver, 1, {})).toEqual({
      kind: "ranges",
      left: [
        [0, 1],
        [2, 3],
        [4, 10],
      ],
      elapsedMs: 1,
      feeds: {},
    });
  });

  test("hands a VU its begun iteration again, and takes no other back", () => {
    const driver = createDriver(specOf(sharedIterations(2, 4)));
    expect([claim(driver, 0, 0), claim(driver, 0, 1), claim(driver, 1, 1)]).toEqual([0, 0, 1]);
    expect(() => finish(driver, 0, 1)).toThrow("finishes the iteration it claimed");
  });
});

describe("per-vu-iterations", () => {
  test("gives each VU its own iterations and is over when the last is begun", () => {
    const driver = createDriver(specOf(perVu(2, 2)));
    const indexes: number[] = [];
    for (const local of [0, 0, 0, 1, 1, 1]) {
      const index = claim(driver, local, 0);
      indexes.push(index);
      if (index >= 0) finish(driver, local, index);
      if (indexes.length === 4) expect(hasEnded(driver, 0)).toBe(false);
    }
    expect(indexes).toEqual([0, 1, -1, 0, 1, -1]);
    expect([hasEnded(driver, 0), scheduled(driver)]).toEqual([true, 4]);
  });

  test("gives none at maxDuration", () => {
    const driver = createDriver(specOf(perVu(1, 5, 100)));
    expect([claim(driver, 0, 99), claim(driver, 0, 100), hasEnded(driver, 100)]).toEqual([0, -1, true]);
  });
});

describe("arrival rates", () => {
  test("hand out a share's stripe in order and then nothing", () => {
    const driver = createDriver(specOf(constantRate(10, 450), 1, 2));
    expect(nextArrivalMs(driver)).toBe(100);
    expect([takeArrival(driver), takeArrival(driver), nextArrivalMs(driver)]).toEqual([100, 300, Infinity]);
    // The interval of the last arrival still runs.
    expect([hasEnded(driver, driver.endMs - 1), hasEnded(driver, driver.endMs)]).toEqual([false, true]);
    expect(() => takeArrival(driver)).toThrow("an arrival is left");
    expect(scheduled(driver)).toBe(2);
  });

  test("count those that wait for a VU as not yet scheduled, and leave them to the rest", () => {
    const driver = createDriver(specOf(constantRate(10, 1_000)));
    for (let taken = 0; taken < 5; taken++) takeArrival(driver);
    driver.waiting = 2;
    expect(scheduled(driver)).toBe(3);
    expect(resume(driver, 450, { 1: 4 })).toEqual({ kind: "arrivals", next: 3, feeds: { 1: 4 } });
  });

  test("lost ones are exactly those due before the instant", () => {
    const some = fc.record({
      executor: fc.oneof(
        fc
          .tuple(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 1, max: 3_000 }))
          .map(([rate, durationMs]) => constantRate(rate, durationMs)),
        fc.tuple(fc.nat(300), someStages(300, 2_000)).map(([startRate, stages]) => rampingRate(startRate, stages)),
      ),
      shares: fc.integer({ min: 1, max: 5 }),
      taken: fc.nat(20),
      joinMs: fc.oneof(
        fc.nat(4_000),
        fc.nat(4_000).map((ms) => ms / 3),
      ),
    });
    fc.assert(
      fc.property(some, ({ executor, shares, taken, joinMs }) => {
        for (const driver of drivers(executor, shares)) {
          const naive = createDriver(specOf(executor, driver.share, shares));
          for (let k = 0; k < taken && nextArrivalMs(driver) < Infinity; k++)
            expect(takeArrival(driver)).toBe(takeArrival(naive));
          let lost = 0;
          for (; nextArrivalMs(naive) < joinMs; lost++) takeArrival(naive);
          expect(skipLost(driver, joinMs)).toBe(lost);
          expect(nextArrivalMs(driver)).toBe(nextArrivalMs(naive));
          expect(scheduled(driver)).toBe(scheduled(naive));
        }
      }),
    );
  });

  test("at the very instant of an arrival exactly those before it are lost", () => {
    const some = fc.tuple(
      fc.integer({ min: 1, max: 900 }).map((rate) => rate / 7),
      fc.oneof(fc.constant([]), someStages(97, 3_000)),
      fc.integer({ min: 1, max: 3 }),
    );
    fc.assert(
      fc.property(some, ([rate, stages, shares]) => {
        const executor = stages.length === 0 ? constantRate(rate, 5_000) : rampingRate(rate, stages);
        const instants: number[] = [];
        for (const reading = createDriver(specOf(executor, 0, shares)); nextArrivalMs(reading) < Infinity;) {
          instants.push(takeArrival(reading));
        }
        instants.forEach((atMs, n) => {
          expect(skipLost(createDriver(specOf(executor, 0, shares)), atMs)).toBe(n);
          const nextMs = atMs * (1 + Number.EPSILON) + Number.MIN_VALUE;
          expect(skipLost(createDriver(specOf(executor, 0, shares)), nextMs)).toBe(n + 1);
        });
      }),
    );
  });

  test("at the instant of an arrival it is not lost", () => {
    const driver = createDriver(specOf(constantRate(3, 10_000)));
    expect(skipLost(driver, 1_000)).toBe(3);
    expect(nextArrivalMs(driver)).toBe(1_000);
  });
});
