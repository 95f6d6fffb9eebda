// Goal: the sliding window counts what happened within it and nothing else, at a fixed size. Method: random events
// against a list of all of them.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { clear, count, createCounts, total } from "../../src/health/sliding-counts.ts";

const events = fc.array(
  fc.record({ afterMs: fc.integer({ min: 0, max: 400 }), kind: fc.integer({ min: 0, max: 1 }) }),
  {
    maxLength: 300,
  },
);

test("totals are those of a list of all events, a slice at a time", () => {
  fc.assert(
    fc.property(
      events,
      fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: 0, max: 3_000 }),
      (list, slices, laterMs) => {
        const counts = createCounts(1_200, slices, 2);
        const sliceMs = 1_200 / slices;
        const seen: { at: number; kind: number }[] = [];
        let now = 0;
        const naive = (at: number, kind: number): number =>
          seen.filter((one) => one.kind === kind && Math.floor(one.at / sliceMs) > Math.floor(at / sliceMs) - slices)
            .length;
        for (const { afterMs, kind } of list) {
          now += afterMs;
          count(counts, now, kind);
          seen.push({ at: now, kind });
          for (const which of [0, 1]) expect(total(counts, now, which)).toBe(naive(now, which));
        }
        for (const which of [0, 1]) expect(total(counts, now + laterMs, which)).toBe(naive(now + laterMs, which));
        expect(counts.slices.flat()).toHaveLength(slices * 2);
      },
    ),
  );
});

test("a clock that seems to go back counts in the newest slice, and a clone goes on the same", () => {
  const counts = createCounts(1_000, 10, 1);
  count(counts, 5_000, 0);
  count(counts, 4_000, 0);
  expect(total(counts, 5_000, 0)).toBe(2);
  expect(total(structuredClone(counts), 6_000, 0)).toBe(0);
  expect(total(structuredClone(counts), 5_999, 0)).toBe(2);
  clear(counts);
  expect(total(counts, 5_000, 0)).toBe(0);
});

test("a window without length, slices or kinds is a bug of the caller", () => {
  expect(() => createCounts(0, 10, 1)).toThrow("a window has a length");
  expect(() => count(createCounts(10, 1, 1), 0, 1)).toThrow("a kind that is counted");
});
