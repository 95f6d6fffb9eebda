// Goal: metrics read as k6 prints them. Method: one small example of each type, and the empty ones.

import { expect, test } from "bun:test";
import { emptyCells } from "../../src/load/merge.ts";
import { metricValues, percentOf, statOf, VALUE_NAMES } from "../../src/load/values.ts";
import { trendOf } from "./samples.ts";

test("a counter gives what was added, and that per second", () => {
  expect(metricValues({ type: "counter", count: 3, sum: 50 }, 4)).toEqual({ count: 50, rate: 12.5 });
  expect(metricValues({ type: "counter", count: 3, sum: 50 }, 0)).toEqual({ count: 50, rate: 0 });
});

test("a rate gives the share that passed, and both counts", () => {
  expect(metricValues({ type: "rate", passes: 3, total: 4 }, 1)).toEqual({ rate: 0.75, passes: 3, fails: 1 });
});

test("a gauge gives its newest value and its extremes", () => {
  expect(metricValues({ type: "gauge", value: 2, min: -1, max: 9, atMs: 0 }, 1)).toEqual({ value: 2, min: -1, max: 9 });
});

test("a trend gives average, extremes and percentiles, and any other percentile by name", () => {
  const trend = trendOf(Array.from({ length: 1_000 }, (_, at) => at + 1));
  const values = metricValues(trend, 1);
  expect(Object.keys(values)).toEqual(["avg", "min", "med", "max", "p(90)", "p(95)", "p(99)", "p(99.9)", "count"]);
  expect([values["avg"], values["min"], values["max"], values["count"]]).toEqual([500.5, 1, 1_000, 1_000]);
  const read = (stat: string) => statOf(trend, stat, 1) ?? Number.NaN;
  for (const [stat, raw] of [
    ["med", 500],
    ["p(90)", 900],
    ["p(99.5)", 995],
    ["p( 10 )", 100],
    ["p(99.9)", 999],
  ] as const) {
    expect(Math.abs(read(stat) - raw)).toBeLessThanOrEqual(raw * 0.001);
  }
  expect([read("p(0)"), read("p(100)"), read("sum")]).toEqual([1, 1_000, 500_500]);
});

test("nothing measured reads as 0 in every value", () => {
  for (const type of ["counter", "rate", "gauge", "trend"] as const) {
    const values = metricValues(emptyCells(type), 10);
    expect(Object.keys(values)).toEqual([...VALUE_NAMES[type]]);
    expect(Object.values(values).every((value) => value === 0)).toBe(true);
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
