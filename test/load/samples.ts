// Series and trends made from raw samples, the slow and obvious way: what the tests compare against.

import { nextBelow, nextFloat, type Prng } from "../../src/base/prng.ts";
import { cellIndex, emptyTrend, isClamped } from "../../src/load/histogram.ts";
import {
  seriesKey,
  type Cells,
  type Contains,
  type Series,
  type Tags,
  type TrendCells,
} from "../../src/load/series.ts";

/** Trend of raw values. */
export function trendOf(values: readonly number[]): TrendCells {
  if (values.length === 0) return emptyTrend();
  const counts = new Map<number, number>();
  let sum = 0;
  let min = Infinity;
  let max = -Infinity;
  for (const value of values) {
    counts.set(cellIndex(value), (counts.get(cellIndex(value)) ?? 0) + 1);
    sum += value;
    min = Math.min(min, value);
    max = Math.max(max, value);
  }
  const cells = [...counts].sort((a, b) => a[0] - b[0]);
  return {
    type: "trend",
    count: values.length,
    sum,
    min,
    max,
    clamped: values.filter(isClamped).length,
    index: Int32Array.from(cells, (cell) => cell[0]),
    counts: Float64Array.from(cells, (cell) => cell[1]),
  };
}

/** Series of a metric; the tags make its key. */
export function seriesOf(metric: string, tags: Tags, cells: Cells, contains: Contains = "default"): Series {
  return { id: { key: seriesKey(metric, tags), metric, type: cells.type, contains, tags }, cells };
}

/** A value of the kinds a load test sees: times over many decades, zeros, negative, tiny and huge ones. */
export function nextSample(prng: Prng): number {
  const kind = nextBelow(prng, 20);
  if (kind === 0) return 0;
  if (kind === 1) return nextFloat(prng) * 1e-9;
  if (kind === 2) return -Math.exp((nextFloat(prng) - 0.5) * 20);
  if (kind === 3) return Math.exp(nextFloat(prng) * 27);
  if (kind < 8) return Math.exp((nextFloat(prng) - 0.5) * 40);
  return Math.exp(nextFloat(prng) * 6) * 0.1;
}

/** Cells as plain data, to compare with toEqual whatever arrays they came in. */
export function plain(cells: Cells): unknown {
  return cells.type === "trend" ? { ...cells, index: [...cells.index], counts: [...cells.counts] } : cells;
}

/** As `plain`, with the sum of a trend or counter left out: it depends on the order of floating point additions. */
export function exactPart(cells: Cells): unknown {
  const { sum: _sum, ...rest } = { sum: 0, ...cells };
  return cells.type === "trend" ? { ...rest, index: [...cells.index], counts: [...cells.counts] } : rest;
}
