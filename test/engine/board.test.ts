// Goal: what is counted on a board reads back exactly, from any thread that sees the memory. Method: seeded values in
// all ranges against plain arrays, and a second Board over the same memory.

import { describe, expect, test } from "bun:test";
import { createPrng, nextBelow, nextFloat } from "../../src/base/prng.ts";
import { Board, HEADER, salvage } from "../../src/engine/board.ts";
import { cellIndex, quantile } from "../../src/load/histogram.ts";
import type { SeriesId } from "../../src/load/series.ts";

const trendId: SeriesId = { key: "t", metric: "t", type: "trend", contains: "time", tags: {} };

function values(seed: number, count: number): number[] {
  const prng = createPrng(seed);
  return Array.from({ length: count }, () => {
    const size = 10 ** (nextFloat(prng) * 24 - 10);
    const kind = nextBelow(prng, 10);
    return kind === 0 ? 0 : kind === 1 ? -size : size;
  });
}

describe("board", () => {
  test("a trend holds every value in its cell, with exact count, sum, min, max and clamped", () => {
    const board = new Board();
    const at = board.allocate("trend");
    const all = values(7, 20_000);
    for (const value of all) board.trend(at, value);
    const cells = board.read(at, "trend");
    if (cells.type !== "trend") throw new Error("not a trend");
    const naive = new Map<number, number>();
    for (const value of all) naive.set(cellIndex(value), (naive.get(cellIndex(value)) ?? 0) + 1);
    expect([...cells.index]).toEqual([...naive.keys()].sort((a, b) => a - b));
    expect([...cells.counts]).toEqual([...cells.index].map((index) => naive.get(index) ?? 0));
    expect(cells.count).toBe(all.length);
    expect(cells.min).toBe(Math.min(...all));
    expect(cells.max).toBe(Math.max(...all));
    expect(cells.clamped).toBe(all.filter((value) => Math.abs(value) > 1e12).length);
    expect(cells.sum).toBeCloseTo(
      all.reduce((sum, value) => sum + value, 0),
      0,
    );
  });

  test("the numbers of a thread are read through the shared memory alone, without the thread", () => {
    const board = new Board();
    const at = board.allocate("trend");
    const counter = board.allocate("counter");
    for (let value = 1; value <= 1_000; value++) board.trend(at, value);
    board.count(counter, 5);
    board.words[HEADER.started] = 12;
    const slots = new Map([
      [at, trendId],
      [counter, { ...trendId, key: "c", metric: "c", type: "counter" } satisfies SeriesId],
    ]);
    const series = salvage(board.shared, slots);
    const trend = series[0]?.cells;
    if (trend?.type !== "trend") throw new Error("not a trend");
    expect(trend.count).toBe(1_000);
    expect(Math.abs(quantile(trend, 0.5) - 500) / 500).toBeLessThan(0.001);
    expect(series[1]?.cells).toEqual({ type: "counter", count: 1, sum: 5 });
    expect(new Board(board.shared).accounting().started).toBe(12);
  });

  test("a gauge keeps newest, smallest and largest", () => {
    const board = new Board();
    const at = board.allocate("gauge");
    for (const [value, atMs] of [
      [5, 10],
      [-2, 20],
      [3, 30],
    ] satisfies [number, number][])
      board.gauge(at, value, atMs);
    expect(board.read(at, "gauge")).toEqual({ type: "gauge", value: 3, min: -2, max: 5, atMs: 30 });
  });

  test("a full board refuses new series before it refuses values", () => {
    const board = new Board();
    const slots: number[] = [];
    for (let at = board.allocate("trend"); at !== 0; at = board.allocate("trend")) {
      for (let decade = -8; decade < 11; decade++) board.trend(at, 1.5 * 10 ** decade);
      slots.push(at);
    }
    expect(slots.length).toBeGreaterThan(1_000);
    for (const at of slots) board.trend(at, 0.123);
    const first = board.read(slots[0] ?? 0, "trend");
    expect(first.type === "trend" && first.count).toBe(20);
  });
});

describe("a board that grows", () => {
  test("moves with all it holds, and tells where to before it counts there", () => {
    const moves: SharedArrayBuffer[] = [];
    const board = new Board(undefined, (shared) => {
      // Told first: at this moment the old memory still holds everything and the new one is not written.
      expect(new Board(board.shared).read(first, "counter")).toEqual({ type: "counter", count: 1, sum: 42 });
      moves.push(shared);
    });
    const first = board.allocate("counter");
    board.count(first, 42);
    const before = board.shared;
    const slots = Array.from({ length: 300 }, () => {
      const at = board.allocate("trend");
      for (let decade = -8; decade < 11; decade++) board.trend(at, 1.5 * 10 ** decade);
      return at;
    });
    expect(moves.length).toBeGreaterThan(0);
    expect(board.shared).toBe(moves.at(-1) ?? before);
    expect(board.shared).not.toBe(before);
    expect(board.read(first, "counter")).toEqual({ type: "counter", count: 1, sum: 42 });
    for (const at of slots) {
      const cells = new Board(board.shared).read(at, "trend");
      expect(cells.type === "trend" && cells.counts.reduce((sum, count) => sum + count, 0)).toBe(19);
    }
  });
});
