// Goal: values read back from a histogram are within 0.1 % of the raw samples, alone and merged. Method: the mapping
// and the quantiles against sorted raw samples (property tests, with a checker that is shown to catch wrong
// variants), and against hdr-histogram-js.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import * as hdr from "hdr-histogram-js";
import { createPrng, nextBelow, nextFloat } from "../../src/base/prng.ts";
import {
  addTrends,
  CELLS_PER_SIGN,
  cellIndex,
  cellValue,
  emptyTrend,
  isClamped,
  laterTrend,
  nearestRank,
  quantile,
  trendGrowth,
  TrendSum,
  VALUE_MAX,
  VALUE_MIN,
} from "../../src/load/histogram.ts";
import type { TrendCells } from "../../src/load/series.ts";
import { exactPart, nextSample, plain, trendOf } from "./samples.ts";

const QUANTILES = [0, 0.01, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999, 1];

/** Any value with a cell of its own, spread evenly over the decades. */
const inRange = fc
  .tuple(fc.double({ min: Math.log(VALUE_MIN) + 1e-9, max: Math.log(VALUE_MAX) - 1e-9, noNaN: true }), fc.boolean())
  .map(([log, isNegative]) => (isNegative ? -1 : 1) * Math.exp(log));

const sample = fc.oneof(
  inRange,
  fc.constant(0),
  fc.double({ min: -1e-9, max: 1e-9, noNaN: true }),
  fc.double({ min: 0.1, max: 60_000, noNaN: true }),
);

/** Nearest rank on the raw samples, in whole numbers: q is given in ten thousandths. */
function rawQuantile(sorted: readonly number[], q: number): number {
  const tenThousandths = Math.round(q * 10_000);
  const rank = Math.max(1, Math.ceil((tenThousandths * sorted.length) / 10_000));
  return sorted[rank - 1] ?? Number.NaN;
}

/** The first quantile further off than 0.1 % (or 1e-9 about zero); null if all are right. */
function wrongQuantile(values: readonly number[], read: (q: number) => number): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  for (const q of QUANTILES) {
    const raw = rawQuantile(sorted, q);
    if (Math.abs(read(q) - raw) > Math.max(Math.abs(raw) * 0.001, 1e-9)) return q;
  }
  return null;
}

/** The values dealt to so many shares, at random but the same each time. */
function dealt(values: readonly number[], shares: number): number[][] {
  const prng = createPrng(shares, "dealt");
  const parts: number[][] = Array.from({ length: shares }, () => []);
  for (const value of values) parts[nextBelow(prng, shares)]?.push(value);
  return parts;
}

describe("cells", () => {
  test("a cell's value is within 0.1 % of every value in it", () => {
    fc.assert(
      fc.property(inRange, (value) => {
        const read = cellValue(cellIndex(value));
        expect(Math.abs(read - value)).toBeLessThanOrEqual(Math.abs(value) * 0.001);
      }),
      { numRuns: 20_000 },
    );
  });

  test("a larger value is never in a lower cell, and the negative value is in the mirrored one", () => {
    fc.assert(
      fc.property(sample, sample, (a, b) => {
        expect(cellIndex(Math.min(a, b))).toBeLessThanOrEqual(cellIndex(Math.max(a, b)));
        expect(cellIndex(-a) + cellIndex(a)).toBe(0);
      }),
      { numRuns: 5_000 },
    );
  });

  test("every cell's own value is in that cell", () => {
    for (let index = -CELLS_PER_SIGN; index <= CELLS_PER_SIGN; index++) {
      if (cellIndex(cellValue(index)) !== index) throw new Error(`cell ${index} reads ${cellValue(index)}`);
    }
  });

  test("the range ends where it says: 1e-9 has a cell, less is zero, beyond 1e12 is clamped into the last one", () => {
    expect([0, -0, 1e-10, -9.99e-10, 5e-324].map((value) => Math.abs(cellIndex(value)))).toEqual([0, 0, 0, 0, 0]);
    expect([cellIndex(1e-9), cellIndex(-1e-9)]).toEqual([1, -1]);
    expect([cellIndex(1e13), cellIndex(-Infinity), cellIndex(1e12)]).toEqual([
      CELLS_PER_SIGN,
      -CELLS_PER_SIGN,
      CELLS_PER_SIGN,
    ]);
    expect([1e12, -1e12, 1e12 + 1, -Infinity, 0].map(isClamped)).toEqual([false, false, true, true, false]);
    expect(cellIndex(Number.NaN)).toBe(0);
  });
});

describe("quantiles", () => {
  test("[LD-34.4.4] quantiles of any samples are within 0.1 % of the sorted raw samples, and the extremes are exact", () => {
    fc.assert(
      fc.property(fc.array(sample, { minLength: 1, maxLength: 300 }), (values) => {
        const trend = trendOf(values);
        expect(wrongQuantile(values, (q) => quantile(trend, q))).toBeNull();
        expect([quantile(trend, 0), quantile(trend, 1)]).toEqual([Math.min(...values), Math.max(...values)]);
      }),
      { numRuns: 1_000 },
    );
  });

  test("[MW-16.4.3] [LD-41.14.2] quantiles merged from any number of shares are within 0.1 % of all raw samples, p50 to p99.99", () => {
    for (let seed = 1; seed <= 12; seed++) {
      const prng = createPrng(seed, "merged");
      const values = Array.from({ length: 500 + nextBelow(prng, 30_000) }, () => nextSample(prng));
      const parts = dealt(values, 1 + nextBelow(prng, 9)).map(trendOf);
      const sum = new TrendSum();
      for (const part of parts) sum.add(part);
      const merged = sum.take();
      expect(wrongQuantile(values, (q) => quantile(merged, q))).toBeNull();
      expect(exactPart(merged)).toEqual(exactPart(trendOf(values)));
      expect(plain(parts.reduce(addTrends, emptyTrend()))).toEqual(plain(merged));
    }
  });

  test("the checker of quantiles catches averaged shares, a rank one too low, and cells read at their edge", () => {
    const prng = createPrng(3, "planted");
    const values = Array.from({ length: 20_000 }, () => Math.exp(nextFloat(prng) * 8));
    const trend = trendOf(values);
    const parts = dealt(values, 4).map((part, share) => trendOf(part.map((value) => value * (1 + share))));
    const spread = dealt(values, 4).flatMap((part, share) => part.map((value) => value * (1 + share)));
    const averaged = (q: number) => parts.reduce((total, part) => total + quantile(part, q), 0) / parts.length;
    expect(wrongQuantile(spread, averaged)).not.toBeNull();
    expect(wrongQuantile(values, (q) => quantile(trend, q) / Math.sqrt(1.002))).not.toBeNull();
    const few = [1, 2, 3, 4];
    expect(wrongQuantile(few, (q) => few[Math.floor(q * 4 - 1)] ?? 1)).not.toBeNull();
  });

  test("quantiles agree with hdr-histogram-js within the error of both", () => {
    for (const seed of [1, 2, 3]) {
      const prng = createPrng(seed, "hdr");
      const reference = hdr.build({
        lowestDiscernibleValue: 1,
        highestTrackableValue: 1e9,
        numberOfSignificantValueDigits: 4,
      });
      // Whole microseconds, as hdr keeps integers; 100,000 of them make every rank below a whole number.
      const values = Array.from(
        { length: 100_000 },
        () => 1 + Math.floor(Math.exp(nextFloat(prng) * nextFloat(prng) * 20)),
      );
      for (const value of values) reference.recordValue(value);
      const trend = trendOf(values);
      for (const percent of [50, 75, 90, 95, 99, 99.9, 99.99]) {
        const expected = reference.getValueAtPercentile(percent);
        expect(Math.abs(quantile(trend, percent / 100) - expected) / expected).toBeLessThanOrEqual(0.0011);
      }
    }
  });

  test("the nearest rank is not thrown off by binary fractions", () => {
    for (let count = 1; count <= 2_000; count++) {
      for (const percent of [7, 29, 50, 57, 90, 95, 99]) {
        expect(nearestRank(percent / 100, count)).toBe(Math.max(1, Math.ceil((percent * count) / 100)));
      }
    }
    expect([nearestRank(0.999, 1_000), nearestRank(0.9999, 100_000), nearestRank(0, 5), nearestRank(1, 5)]).toEqual([
      999, 99_990, 1, 5,
    ]);
  });

  test("a clamped value is counted and its quantile stays within what was seen", () => {
    const trend = trendOf([1, 5e12, 7e12]);
    expect(trend.clamped).toBe(2);
    expect([quantile(trend, 0), quantile(trend, 0.5), quantile(trend, 1)]).toEqual([
      1,
      cellValue(CELLS_PER_SIGN),
      7e12,
    ]);
    expect(quantile(trendOf([5e12, 6e12, 7e12]), 0.5)).toBe(5e12);
  });

  test("no samples give 0, and a quantile outside of 0 to 1 is a bug", () => {
    expect(quantile(emptyTrend(), 0.5)).toBe(0);
    expect(() => quantile(trendOf([1]), 1.5)).toThrow("between 0 and 1");
    expect(() => quantile(trendOf([1]), Number.NaN)).toThrow("between 0 and 1");
  });
});

describe("merging trends", () => {
  test("[LD-41.29.5] adding is commutative and associative, nothing added changes nothing, and its parts stay as they were", () => {
    const arbitrary = fc.array(sample, { maxLength: 40 }).map(trendOf);
    fc.assert(
      fc.property(arbitrary, arbitrary, arbitrary, (a, b, c) => {
        const before = plain(a);
        expect(exactPart(addTrends(a, b))).toEqual(exactPart(addTrends(b, a)));
        expect(exactPart(addTrends(addTrends(a, b), c))).toEqual(exactPart(addTrends(a, addTrends(b, c))));
        expect(plain(addTrends(a, emptyTrend()))).toEqual(before);
        expect(plain(a)).toEqual(before);
      }),
    );
  });

  test("a sum is empty again after it was taken", () => {
    const sum = new TrendSum();
    sum.add(trendOf([1, -2, 0, 3e13]));
    expect(exactPart(sum.take())).toEqual(exactPart(trendOf([1, -2, 0, 3e13])));
    expect(plain(sum.take())).toEqual(plain(emptyTrend()));
    sum.add(trendOf([5]));
    sum.add(emptyTrend());
    expect(plain(sum.take())).toEqual(plain(trendOf([5])));
  });

  test("of two cuts of one trend each cell keeps its larger count, whichever is called the later", () => {
    const values = fc.array(sample, { maxLength: 40 });
    fc.assert(
      fc.property(values, values, (first, more) => {
        const earlier = trendOf(first);
        const later = trendOf([...first, ...more]);
        expect(laterTrend(earlier, later)).toBe(later);
        expect(plain(laterTrend(later, earlier))).toEqual(plain(later));
      }),
    );
    const low: TrendCells = { ...trendOf([1, 1, 2]), count: 5 };
    expect(plain(laterTrend(low, trendOf([1, 3])))).toEqual({
      type: "trend",
      count: 5,
      sum: 4,
      min: 1,
      max: 3,
      clamped: 0,
      index: [cellIndex(1), cellIndex(2), cellIndex(3)],
      counts: [2, 1, 1],
    });
  });

  test("growth between two cuts has exactly the new values, and new extremes exactly", () => {
    const values = fc.array(sample, { maxLength: 40 });
    fc.assert(
      fc.property(values, fc.array(sample, { minLength: 1, maxLength: 40 }), (first, more) => {
        const growth = trendGrowth(trendOf([...first, ...more]), trendOf(first));
        const expected = trendOf(more);
        expect([growth?.count, [...(growth?.index ?? [])], [...(growth?.counts ?? [])]]).toEqual([
          expected.count,
          [...expected.index],
          [...expected.counts],
        ]);
        const isNear = (a: number, b: number) => Math.abs(a - b) <= Math.max(1e-9, Math.abs(b) * 0.001);
        expect(isNear(growth?.min ?? Number.NaN, expected.min) && isNear(growth?.max ?? Number.NaN, expected.max)).toBe(
          true,
        );
        if (expected.max > Math.max(...first)) expect(growth?.max).toBe(expected.max);
      }),
    );
    expect(trendGrowth(trendOf([1, 2]), trendOf([1, 2]))).toBeNull();
    expect(trendGrowth(trendOf([1]), trendOf([1, 2]))).toBeNull();
  });
});
