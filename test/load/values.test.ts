// Goal: metrics read as k6 prints them. Method: one small example of each type, and the empty ones.

import { expect, test } from "bun:test";
import { emptyCells } from "../../src/load/merge.ts";
import type { Cells } from "../../src/load/series.ts";
import { percentOf, statOf } from "../../src/load/values.ts";
import { trendOf } from "./samples.ts";

/** Each value by its name. */
function read(cells: Cells, seconds: number, names: readonly string[]): Record<string, number | null> {
  return Object.fromEntries(names.map((name) => [name, statOf(cells, name, seconds)]));
}

const NAMES = {
  counter: ["count", "rate"],
  rate: ["rate", "passes", "fails"],
  gauge: ["value", "min", "max"],
  trend: ["avg", "min", "med", "max", "p(90)", "p(95)", "p(99)", "p(99.9)", "count"],
} as const;

test("a counter gives what was added, and that per second", () => {
  expect(read({ type: "counter", count: 3, sum: 50 }, 4, NAMES.counter)).toEqual({ count: 50, rate: 12.5 });
  expect(read({ type: "counter", count: 3, sum: 50 }, 0, NAMES.counter)).toEqual({ count: 50, rate: 0 });
});

test("a rate gives the share that passed, and both counts", () => {
  const values = read({ type: "rate", passes: 3, total: 4 }, 1, NAMES.rate);
  expect(values).toEqual({ rate: 0.75, passes: 3, fails: 1 });
});

test("a gauge gives its newest value and its extremes", () => {
  const values = read({ type: "gauge", value: 2, min: -1, max: 9, atMs: 0 }, 1, NAMES.gauge);
  expect(values).toEqual({ value: 2, min: -1, max: 9 });
});

test("a trend gives average, extremes and percentiles, and any other percentile by name", () => {
  const trend = trendOf(Array.from({ length: 1_000 }, (_, at) => at + 1));
  const value = (stat: string) => statOf(trend, stat, 1) ?? Number.NaN;
  expect(["avg", "min", "max", "count"].map(value)).toEqual([500.5, 1, 1_000, 1_000]);
  for (const [stat, raw] of [
    ["med", 500],
    ["p(90)", 900],
    ["p(99.5)", 995],
    ["p( 10 )", 100],
    ["p(99.9)", 999],
  ] as const) {
    expect(Math.abs(value(stat) - raw)).toBeLessThanOrEqual(raw * 0.001);
  }
  expect(["p(0)", "p(100)", "sum"].map(value)).toEqual([1, 1_000, 500_500]);
});

test("nothing measured reads as 0 in every value", () => {
  for (const type of ["counter", "rate", "gauge", "trend"] as const) {
    const values = read(emptyCells(type), 10, NAMES[type]);
    expect(new Set(Object.values(values).map((value) => value ?? 0))).toEqual(new Set([0]));
  }
});

test("a type of metric has no other values than its own", () => {
  expect(statOf(emptyCells("counter"), "p(95)", 1)).toBeNull();
  expect(statOf(emptyCells("rate"), "count", 1)).toBeNull();
  expect(statOf(emptyCells("gauge"), "atMs", 1)).toBeNull();
  expect(statOf(emptyCells("trend"), "rate", 1)).toBeNull();
  expect(["p(100.1)", "p()", "p95", "p(-1)", "p(95)x", "p(9.)"].map(percentOf)).toEqual([
    null,
    null,
    null,
    null,
    null,
    null,
  ]);
});
