// An owner's clock as a worker works it out: the answer with the shortest round trip counts, and its error is bounded
// by half of that.

import { expect, test } from "bun:test";
import { createPrng, nextFloat } from "../../../src/base/prng.ts";
import {
  clockOf,
  createOwnerClock,
  localMs,
  noteAnswer,
  type OwnerClocks,
} from "../../../src/node/worker/owner-clock.ts";

test("nothing is known before the first answer, and an answer from before its question is none", () => {
  const clock = createOwnerClock("1");
  noteAnswer(clock, { sentAtMs: 10, heardAtMs: 9, ownerMs: 5 });
  expect(localMs(clock, 100)).toBeNull();
});

test("whatever the ways take, the instant is right within the error it says, which shrinks with the best answer", () => {
  for (let seed = 1; seed <= 50; seed++) {
    const prng = createPrng(seed, "clock");
    const offset = (nextFloat(prng) - 0.5) * 1e6;
    const clock = createOwnerClock("1");
    let nowMs = 0;
    let bestRoundTrip = Infinity;
    for (let answer = 0; answer < 12; answer++) {
      const sentAtMs = nowMs;
      const there = nextFloat(prng) * 40;
      const back = nextFloat(prng) * 40;
      noteAnswer(clock, { sentAtMs, heardAtMs: sentAtMs + there + back, ownerMs: sentAtMs + there + offset });
      bestRoundTrip = Math.min(bestRoundTrip, there + back);
      nowMs += 1_000;
      const found = localMs(clock, 5_000 + offset);
      expect(found?.errorMs).toBeCloseTo(bestRoundTrip / 2, 6);
      expect(Math.abs((found?.atMs ?? Infinity) - 5_000)).toBeLessThanOrEqual(bestRoundTrip / 2 + 1e-6);
    }
  }
});

test("[MW-16.2.2] [MW-16.2.3] old answers are forgotten: clocks drift apart", () => {
  const clock = createOwnerClock("1");
  noteAnswer(clock, { sentAtMs: 0, heardAtMs: 1, ownerMs: 0.5 });
  for (let at = 1; at <= 16; at++)
    noteAnswer(clock, { sentAtMs: at * 1_000, heardAtMs: at * 1_000 + 10, ownerMs: at * 1_000 + 5 + 7 });
  expect(localMs(clock, 107)).toEqual({ atMs: 100, errorMs: 5 });
});

test("the clock of a later start of its manager is another one", () => {
  const clocks: OwnerClocks = new Map();
  const first = clockOf(clocks, { node: "m1", boot: "1" });
  noteAnswer(first, { sentAtMs: 0, heardAtMs: 1, ownerMs: 3_600_000 });
  expect(clockOf(clocks, { node: "m1", boot: "1" })).toBe(first);
  expect(localMs(clockOf(clocks, { node: "m1", boot: "2" }), 20)).toBeNull();
  expect(localMs(clockOf(clocks, { node: "m2", boot: "1" }), 20)).toBeNull();
});

test("an answer that another makes impossible is forgotten: a machine slept", () => {
  const clock = createOwnerClock("1");
  noteAnswer(clock, { sentAtMs: 0, heardAtMs: 1, ownerMs: 50_000 });
  noteAnswer(clock, { sentAtMs: 1_000, heardAtMs: 1_040, ownerMs: 20 });
  expect(localMs(clock, 20)).toEqual({ atMs: 1_020, errorMs: 20 });
});
