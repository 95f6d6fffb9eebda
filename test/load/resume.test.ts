// Goal: cutting a share anywhere and running its `resume` elsewhere, again and again, covers the schedule exactly once.
// Method: a simulated loop with random progress drives shares through random cuts; a checker counts what was completed,
// fired and lost. The same simulation over planted faults proves that the checker bites.

import { describe, expect, test } from "bun:test";
import {
  claim,
  createDriver,
  finish,
  hasEnded,
  nextArrivalMs,
  resume,
  scheduled,
  skipLost,
  takeArrival,
  vuNumber,
  vusWanted,
} from "../../src/load/driver.ts";
import { createPrng, nextBelow, nextFloat } from "../../src/base/prng.ts";
import { arrivalMs, curveOf, flatCurve, arrivalsTotal, vusAt } from "../../src/load/schedule.ts";
import { constantRate, rampingRate, rampingVus, sharedIterations, specOf } from "./shares.ts";
import type { Driver } from "../../src/load/driver.ts";
import type { Prng } from "../../src/base/prng.ts";
import type { Executor } from "../../src/load/plan.ts";
import type { Resume, ShareSpec } from "../../src/load/share.ts";

const RUNS = 150;

/** What of the driver a fault may replace. */
type Subject = {
  readonly create: (spec: ShareSpec, joinMs: number) => Driver;
  readonly resume: (driver: Driver, elapsedMs: number) => Resume;
  readonly skipLost: (driver: Driver, elapsedMs: number) => number;
  readonly wanted: (driver: Driver, elapsedMs: number, joinMs: number) => number;
};
const REAL: Subject = {
  create: createDriver,
  resume: (driver, elapsedMs) => resume(driver, elapsedMs, {}),
  skipLost,
  wanted: vusWanted,
};

/** A cut as it travels: through JSON. */
function travelled(cut: Resume): Resume {
  const parsed: Resume = JSON.parse(JSON.stringify(cut));
  return parsed;
}

/** Iterations completed before their attempt's cut, as "vu:index" or "index". Throws what a checker would report. */
function runIterations(executor: Executor, subject: Subject, prng: Prng): readonly string[] {
  const completed: string[] = [];
  const shares = 1 + nextBelow(prng, 3);
  for (let share = 0; share < shares; share++) {
    let cut: Resume | null = null;
    for (let cutsLeft = nextBelow(prng, 5); cutsLeft >= 0; cutsLeft--) {
      const driver = subject.create(specOf(executor, share, shares, cut), 0);
      const open = new Map<number, number>();
      const steps = cutsLeft === 0 ? Infinity : nextBelow(prng, 60);
      for (let step = 0; step < steps; step++) {
        if (hasEnded(driver, step) && open.size === 0) break;
        const local = nextBelow(prng, driver.vus);
        const index = open.get(local);
        if (index !== undefined) {
          finish(driver, local, index);
          open.delete(local);
          completed.push(executor.kind === "shared-iterations" ? `${index}` : `${vuNumber(driver, local)}:${index}`);
        } else {
          const begun = claim(driver, local, 1);
          if (begun >= 0) open.set(local, begun);
        }
      }
      cut = travelled(subject.resume(driver, 1));
    }
  }
  return completed;
}

function expectedIterations(executor: Executor): readonly string[] {
  if (executor.kind === "shared-iterations")
    return Array.from({ length: executor.iterations }, (_, index) => `${index}`);
  if (executor.kind !== "per-vu-iterations") throw new Error("no iterations");
  const { vus, iterations } = executor;
  return Array.from({ length: vus * iterations }, (_, at) => `${1 + Math.floor(at / iterations)}:${at % iterations}`);
}

type Arrivals = { readonly fired: readonly number[]; readonly lost: number; readonly faults: readonly string[] };

/** Arrivals fired, by intended instant, and those counted lost, over all shares and cuts. */
function runArrivals(executor: Executor, subject: Subject, prng: Prng): Arrivals {
  const fired: number[] = [];
  const faults: string[] = [];
  let lost = 0;
  const shares = 1 + nextBelow(prng, 4);
  for (let share = 0; share < shares; share++) {
    let cut: Resume | null = null;
    let nowMs = 0;
    for (let cutsLeft = nextBelow(prng, 4); cutsLeft >= 0; cutsLeft--) {
      const joinMs = nowMs;
      const driver = subject.create(specOf(executor, share, shares, cut), joinMs);
      const lostNow = cut === null ? 0 : subject.skipLost(driver, joinMs);
      lost += lostNow;
      let started = 0;
      const queue: number[] = [];
      const steps = cutsLeft === 0 ? Infinity : nextBelow(prng, 12);
      for (let step = 0; step < steps && (!hasEnded(driver, nowMs) || queue.length > 0); step++) {
        nowMs += nextFloat(prng) * 120;
        while (nextArrivalMs(driver) <= nowMs) queue.push(takeArrival(driver));
        const free = cutsLeft === 0 ? queue.length : nextBelow(prng, queue.length + 1);
        for (const intendedMs of queue.splice(0, free)) {
          if (intendedMs < joinMs)
            faults.push(`an arrival of ${intendedMs} ms was fired by an attempt that joined at ${joinMs} ms`);
          fired.push(intendedMs);
          started++;
        }
        driver.waiting = queue.length;
      }
      if (scheduled(driver) !== started + lostNow)
        faults.push(`scheduled ${scheduled(driver)}, started ${started}, lost ${lostNow}`);
      cut = travelled(subject.resume(driver, nowMs));
      // Time between the cut and the attempt that goes on elsewhere.
      nowMs += nextFloat(prng) * 300;
    }
  }
  return { fired: fired.sort((one, other) => one - other), lost, faults };
}

/** What is wrong with the coverage of an arrival schedule; empty if it is covered exactly once. */
function arrivalFaults(executor: Executor, { fired, lost, faults }: Arrivals): readonly string[] {
  if (executor.kind !== "constant-arrival-rate" && executor.kind !== "ramping-arrival-rate")
    throw new Error("no arrivals");
  const curve =
    executor.kind === "constant-arrival-rate"
      ? flatCurve(executor.rate, executor.durationMs)
      : curveOf(executor.stages, executor.startRate);
  const total = arrivalsTotal(curve, executor.timeUnitMs);
  const due = new Set(Array.from({ length: total }, (_, n) => arrivalMs(curve, executor.timeUnitMs, n)));
  const found = [...faults];
  if (new Set(fired).size !== fired.length) found.push("an arrival was fired twice");
  if (fired.some((atMs) => !due.has(atMs))) found.push("an arrival was fired that is not in the schedule");
  if (fired.length + lost !== total) found.push(`fired ${fired.length} and lost ${lost} of ${total}`);
  return found;
}

/** Attempts of one share of a ramp, cut and joined at random: where the VUs are not those of the schedule then. */
function rampFaults(subject: Subject, prng: Prng): readonly string[] {
  const stages = [
    { durationMs: 100, target: nextBelow(prng, 30) },
    { durationMs: 0, target: nextBelow(prng, 30) },
    { durationMs: 100, target: nextBelow(prng, 30) },
  ];
  const startVus = 1 + nextBelow(prng, 30);
  const executor = rampingVus(startVus, stages);
  const curve = curveOf(stages, startVus);
  const others = createDriver(specOf(executor, 1, 2));
  const found: string[] = [];
  let cut: Resume | null = null;
  let joinMs = 0;
  let driver = subject.create(specOf(executor, 0, 2, cut), joinMs);
  for (let elapsedMs = 0; elapsedMs < 220; elapsedMs++) {
    if (nextBelow(prng, 25) === 0) {
      cut = travelled(subject.resume(driver, elapsedMs));
      elapsedMs += nextBelow(prng, 10);
      joinMs = elapsedMs;
      driver = subject.create(specOf(executor, 0, 2, cut), joinMs);
    }
    const vus = subject.wanted(driver, elapsedMs, joinMs) + vusWanted(others, elapsedMs);
    if (vus !== vusAt(curve, elapsedMs)) found.push(`${vus} VUs at ${elapsedMs} ms, not ${vusAt(curve, elapsedMs)}`);
  }
  return found;
}

function someIterations(prng: Prng): Executor {
  const vus = 3 + nextBelow(prng, 8);
  if (nextBelow(prng, 2) === 0) return sharedIterations(vus, vus + nextBelow(prng, 60));
  return { kind: "per-vu-iterations", vus, iterations: 1 + nextBelow(prng, 6), maxDurationMs: 1_000_000 };
}

function someArrivals(prng: Prng): Executor {
  if (nextBelow(prng, 2) === 0) return constantRate(1 + nextBelow(prng, 90), 200 + nextBelow(prng, 1_500));
  return rampingRate(nextBelow(prng, 40), [
    { durationMs: 500, target: nextBelow(prng, 60) },
    { durationMs: 0, target: nextBelow(prng, 60) },
    { durationMs: 500, target: 20 },
  ]);
}

/** How many of RUNS seeded runs show a fault. */
function faultyRuns(run: (prng: Prng) => boolean): number {
  let faulty = 0;
  for (let seed = 1; seed <= RUNS; seed++) if (run(createPrng(seed))) faulty++;
  return faulty;
}

function iterationsAreWrong(subject: Subject): (prng: Prng) => boolean {
  return (prng) => {
    const executor = someIterations(prng);
    return (
      [...runIterations(executor, subject, prng)].sort().join() !== [...expectedIterations(executor)].sort().join()
    );
  };
}

function arrivalsAreWrong(subject: Subject): (prng: Prng) => boolean {
  return (prng) => {
    const executor = someArrivals(prng);
    return arrivalFaults(executor, runArrivals(executor, subject, prng)).length > 0;
  };
}

describe("a share cut anywhere and resumed elsewhere", () => {
  test("completes every shared iteration, and every iteration of every VU, exactly once", () => {
    for (let seed = 1; seed <= RUNS; seed++) {
      const prng = createPrng(seed);
      const executor = someIterations(prng);
      expect([...runIterations(executor, REAL, prng)].sort()).toEqual([...expectedIterations(executor)].sort());
    }
  });

  test("fires or counts as lost every arrival exactly once, none late", () => {
    for (let seed = 1; seed <= RUNS; seed++) {
      const prng = createPrng(seed);
      const executor = someArrivals(prng);
      const arrivals = runArrivals(executor, REAL, prng);
      expect({ seed, faults: arrivalFaults(executor, arrivals) }).toEqual({ seed, faults: [] });
    }
  });

  test("loses arrivals and fires arrivals in these runs, so that both are tried", () => {
    let fired = 0;
    let lost = 0;
    for (let seed = 1; seed <= RUNS; seed++) {
      const prng = createPrng(seed);
      const arrivals = runArrivals(someArrivals(prng), REAL, prng);
      fired += arrivals.fired.length;
      lost += arrivals.lost;
    }
    expect(fired).toBeGreaterThan(1_000);
    expect(lost).toBeGreaterThan(100);
  });

  test("joins a ramp at its present height", () => {
    for (let seed = 1; seed <= RUNS; seed++)
      expect({ seed, faults: rampFaults(REAL, createPrng(seed)) }).toEqual({ seed, faults: [] });
  });

  test("gives VU numbers and iteration numbers on where they were", () => {
    const driver = createDriver(specOf({ kind: "per-vu-iterations", vus: 3, iterations: 4, maxDurationMs: 100 }, 0, 2));
    finish(driver, 1, claim(driver, 1, 0));
    claim(driver, 1, 0);
    const next = createDriver(
      specOf(
        { kind: "per-vu-iterations", vus: 3, iterations: 4, maxDurationMs: 100 },
        0,
        2,
        travelled(resume(driver, 5, {})),
      ),
    );
    expect([vuNumber(next, 1), claim(next, 1, 5), claim(next, 0, 5)]).toEqual([3, 1, 0]);
  });
});

describe("the checker finds", () => {
  const iterationFaults: readonly (readonly [fault: string, subject: Subject])[] = [
    ["a share that starts anew", { ...REAL, create: (spec) => createDriver({ ...spec, resume: null }) }],
    [
      "a resume that forgets iterations begun and not ended",
      {
        ...REAL,
        resume: (driver, elapsedMs) => {
          const cut = resume(driver, elapsedMs, {});
          if (cut.kind === "iterations") return { ...cut, done: Array.from(driver.next) };
          if (cut.kind !== "ranges") return cut;
          const isOpen = (index: number): boolean => driver.open.includes(index);
          return {
            ...cut,
            left: cut.left
              .flatMap(([from, to]) => Array.from({ length: to - from }, (_, at) => from + at))
              .filter((index) => !isOpen(index))
              .map((index) => [index, index + 1] as const),
          };
        },
      },
    ],
    [
      "an index off by one",
      {
        ...REAL,
        resume: (driver, elapsedMs) => {
          const cut = resume(driver, elapsedMs, {});
          if (cut.kind === "iterations") return { ...cut, done: cut.done.map((done) => Math.max(0, done - 1)) };
          return cut.kind === "ranges"
            ? {
                ...cut,
                left: cut.left.map(([from, to], at) =>
                  at === 0 && from > 0 ? ([from - 1, to] as const) : ([from, to] as const),
                ),
              }
            : cut;
        },
      },
    ],
    [
      "a range left out",
      {
        ...REAL,
        resume: (driver, elapsedMs) => {
          const cut = resume(driver, elapsedMs, {});
          if (cut.kind === "iterations")
            return { ...cut, done: cut.done.map((done) => Math.min(done + 1, driver.iterationsPerVu)) };
          return cut.kind === "ranges" ? { ...cut, left: cut.left.slice(1) } : cut;
        },
      },
    ],
  ];
  for (const [fault, subject] of iterationFaults) {
    test(`${fault} (iterations)`, () => expect(faultyRuns(iterationsAreWrong(subject))).toBeGreaterThan(RUNS / 4));
  }

  const moved =
    (by: number) =>
    (driver: Driver, elapsedMs: number): Resume => {
      const cut = resume(driver, elapsedMs, {});
      return cut.kind === "arrivals" ? { ...cut, next: Math.max(0, cut.next + by) } : cut;
    };
  const arrivalFaultsPlanted: readonly (readonly [fault: string, subject: Subject])[] = [
    ["a schedule that starts anew", { ...REAL, create: (spec) => createDriver({ ...spec, resume: null }) }],
    ["lost arrivals that are fired late", { ...REAL, skipLost: () => 0 }],
    [
      "lost arrivals that are not counted",
      { ...REAL, skipLost: (driver, elapsedMs) => Math.min(0, skipLost(driver, elapsedMs)) },
    ],
    ["an index one too far", { ...REAL, resume: moved(1) }],
    ["an index one too early", { ...REAL, resume: moved(-1) }],
    [
      "arrivals that waited and are forgotten",
      { ...REAL, resume: (driver, elapsedMs) => moved(driver.waiting)(driver, elapsedMs) },
    ],
  ];
  for (const [fault, subject] of arrivalFaultsPlanted) {
    test(`${fault} (arrivals)`, () => expect(faultyRuns(arrivalsAreWrong(subject))).toBeGreaterThan(RUNS / 4));
  }

  test("a ramp that is restarted", () => {
    const restarted: Subject = {
      ...REAL,
      wanted: (driver, elapsedMs, joinMs) => vusWanted(driver, elapsedMs - joinMs),
    };
    expect(faultyRuns((prng) => rampFaults(restarted, prng).length > 0)).toBeGreaterThan(RUNS / 4);
  });
});
