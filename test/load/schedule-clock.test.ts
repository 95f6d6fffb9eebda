// Goal: a schedule stands still in a pause and goes on where it stood, however late each word of it is heard, and a
// share that moves in between still has every arrival once. Method: random pauses told late, twice or not at all, to a
// clock that drives the shipped driver; planted clocks show that the checker bites.

import { describe, expect, test } from "bun:test";
import { createPrng, nextBelow, type Prng } from "../../src/base/prng.ts";
import { createDriver, nextArrivalMs, resume, skipLost, takeArrival } from "../../src/load/driver.ts";
import { createScheduleClock, scheduleAt, type ScheduleClock, steer } from "../../src/load/schedule-clock.ts";
import { type Resume, type Steering, UNSTEERED } from "../../src/load/share.ts";
import { constantRate, specOf } from "./shares.ts";

const paused = (pausedMs = 0): Steering => ({ isPaused: true, pausedMs, vus: null });
const running = (pausedMs: number): Steering => ({ isPaused: false, pausedMs, vus: null });

describe("a schedule's clock", () => {
  test("runs from the agreed start, below 0 before it", () => {
    const clock = createScheduleClock(1_000, UNSTEERED, 0);
    expect([400, 1_000, 1_250].map((atMs) => scheduleAt(clock, atMs))).toEqual([-600, 0, 250]);
  });

  test("stands still in a pause and goes on where it stood; what is said again changes nothing", () => {
    const clock = createScheduleClock(0, UNSTEERED, 0);
    steer(clock, paused(), 300);
    steer(clock, paused(), 700);
    expect(scheduleAt(clock, 900)).toBe(300);
    steer(clock, running(600), 900);
    steer(clock, running(600), 950);
    expect(scheduleAt(clock, 1_000)).toBe(400);
  });

  test("that heard of a pause late waits for the others; one that hears late of its end does not leap ahead", () => {
    const late = createScheduleClock(0, UNSTEERED, 0);
    // The pause was from 300 to 900.
    steer(late, paused(), 500);
    steer(late, running(600), 900);
    expect(scheduleAt(late, 900)).toBe(300);
    const slow = createScheduleClock(0, UNSTEERED, 0);
    steer(slow, paused(), 300);
    steer(slow, running(600), 1_100);
    expect(scheduleAt(slow, 1_100)).toBe(300);
  });

  test("that heard nothing of a pause makes up for it; one that joins in a pause goes on where all do", () => {
    const deaf = createScheduleClock(0, UNSTEERED, 0);
    steer(deaf, running(600), 1_000);
    expect(scheduleAt(deaf, 1_000)).toBe(400);
    const joined = createScheduleClock(0, paused(), 700);
    steer(joined, running(600), 900);
    expect(scheduleAt(joined, 900)).toBe(300);
    const after = createScheduleClock(0, running(600), 2_000);
    expect(scheduleAt(after, 2_000)).toBe(1_400);
  });
});

/** A change is heard of within so long. */
const TOLD_MS_MAX = 100;

/** What of the clock a fault may replace. */
type Subject = { readonly steer: typeof steer };

/**
 * A share of 200 arrivals over 10 s, paused at random and moved to new attempts at random. Throws when an arrival is
 * fired twice, while all stand still, or late for another reason than that its share was moved.
 */
function play(prng: Prng, subject: Subject): { readonly fired: number; readonly lost: number } {
  const executor = constantRate(20, 10_000);
  const fired = new Set<number>();
  let lost = 0;
  // The truth, as the ledger has it.
  let truth: Steering = UNSTEERED;
  let pausedAtMs = 0;
  let nowMs = 0;
  let cut: Resume | null = null;
  let driver = createDriver(specOf(executor));
  let clock = createScheduleClock(0, truth, 0);
  let heardAtMs = Infinity;
  const hear = (): void => {
    subject.steer(clock, truth, nowMs);
    heardAtMs = Infinity;
  };
  for (; nextArrivalMs(driver) < Infinity; nowMs += 5) {
    if (nextBelow(prng, 100) === 0) {
      if (truth.isPaused) truth = running(truth.pausedMs + nowMs - pausedAtMs);
      else truth = paused(truth.pausedMs);
      if (truth.isPaused) pausedAtMs = nowMs;
      heardAtMs = nowMs + 5 * nextBelow(prng, TOLD_MS_MAX / 5);
    }
    if (nowMs >= heardAtMs || nextBelow(prng, 50) === 0) hear();
    if (!truth.isPaused && nextBelow(prng, 300) === 0) {
      cut = resume(driver, Math.max(0, scheduleAt(clock, nowMs)), {});
      nowMs += 5 * nextBelow(prng, 100);
      driver = createDriver(specOf(executor, 0, 1, cut));
      clock = createScheduleClock(0, truth, nowMs);
      lost += skipLost(driver, scheduleAt(clock, nowMs));
    }
    while (!clock.isPaused && nextArrivalMs(driver) <= scheduleAt(clock, nowMs)) {
      const number = driver.arrival;
      if (fired.has(number)) throw new Error(`arrival ${number} is fired twice`);
      fired.add(number);
      if (truth.isPaused && nowMs - pausedAtMs > TOLD_MS_MAX) throw new Error(`arrival ${number} is fired in a pause`);
      const lateMs = scheduleAt(clock, nowMs) - takeArrival(driver);
      if (lateMs > 10) throw new Error(`arrival ${number} is fired ${lateMs} ms late`);
    }
  }
  return { fired: fired.size, lost };
}

function playMany(subject: Subject): void {
  let moved = 0;
  for (let seed = 0; seed < 150; seed++) {
    const { fired, lost } = play(createPrng(seed), subject);
    if (fired + lost !== 200) throw new Error(`seed ${seed}: ${fired} fired and ${lost} lost of 200`);
    moved += lost;
  }
  expect(moved).toBeGreaterThan(100);
}

describe("cut and resumed over pauses", () => {
  test("every arrival is fired once or lost to a move, and none is late because of a pause", () => {
    playMany({ steer });
  });

  const faults: Readonly<Record<string, (clock: ScheduleClock, steering: Steering, nowMs: number) => void>> = {
    "runs on in pauses": () => {},
    "leaps to where all are": (clock, steering, nowMs) => {
      steer(clock, steering, nowMs);
      if (!steering.isPaused) clock.zeroMs = clock.startMs + steering.pausedMs;
    },
  };
  for (const [name, fault] of Object.entries(faults))
    test(`a clock that ${name} is caught`, () => {
      expect(() => playMany({ steer: fault })).toThrow(/late|fired/);
    });
});
