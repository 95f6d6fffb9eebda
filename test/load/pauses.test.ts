// How much of a time was paused: overlaps at both ends, within, and none.

import { expect, test } from "bun:test";
import { isPausedWithin, pausedWithin } from "../../src/load/pauses.ts";

const pauses = [
  { from: 1_000, to: 2_000 },
  { from: 5_000, to: 5_500 },
];

test("the paused part of a time is what its pauses have in common with it", () => {
  expect(pausedWithin(pauses, 0, 10_000)).toBe(1_500);
  expect(pausedWithin(pauses, 1_500, 5_250)).toBe(750);
  expect(pausedWithin(pauses, 2_000, 5_000)).toBe(0);
  expect(pausedWithin([], 0, 10_000)).toBe(0);
});

test("a second is paused when a pause touches it, not when one only borders on it", () => {
  expect([0, 1, 2, 4, 5, 6].map((second) => isPausedWithin(pauses, second * 1_000, (second + 1) * 1_000))).toEqual([
    false,
    true,
    false,
    false,
    true,
    false,
  ]);
});
