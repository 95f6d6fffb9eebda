// Goal: every unit measured lands in exactly one whole second, whenever its report comes, and seconds are complete
// and consecutive. Method: table tests of the rules, and simulated attempts whose reports are late, lost and
// reordered, with a checker that is shown to catch wrong variants.

import { describe, expect, test } from "bun:test";
import { createPrng, nextBelow, nextFloat, type Prng } from "../../src/base/prng.ts";
import { mergeCells, select } from "../../src/load/merge.ts";
import type { SecondWindow } from "../../src/load/result.ts";
import type { Series } from "../../src/load/series.ts";
import {
  close,
  createWindows,
  flush,
  observe,
  ready,
  register,
  type Cut,
  type Windows,
} from "../../src/load/windows.ts";
import { seriesOf, trendOf } from "./samples.ts";

const EPOCH_MS = 1_700_000_000_000;

/** A cut with one counter that stands at `count`. */
function cutAt(jobElapsedMs: number, count: number, vus = 1): Cut {
  const series = count === 0 ? [] : [seriesOf("http_reqs", {}, { type: "counter", count, sum: count })];
  return { jobElapsedMs, vus, vusMax: vus, series };
}

/** Growth of the counter in each window, by second. */
function counts(windows: readonly SecondWindow[]): (readonly [number, number])[] {
  return windows.map((window) => [window.second, countOf(window.series)]);
}

function countOf(series: readonly Series[]): number {
  const cells = select(series, "http_reqs", {});
  return cells?.type === "counter" ? cells.sum : 0;
}

describe("seconds of one attempt", () => {
  test("[LD-21.3.3] a cut just after a whole second closes it, and what came after it is in the next", () => {
    const windows = createWindows(EPOCH_MS);
    register(windows, "a", 0);
    observe(windows, "a", cutAt(500, 5));
    expect(ready(windows, 1_000)).toEqual([]);
    observe(windows, "a", cutAt(1_000.4, 9));
    expect(counts(ready(windows, 1_001))).toEqual([[0, 9]]);
    observe(windows, "a", cutAt(1_100, 10));
    observe(windows, "a", cutAt(2_040, 30));
    observe(windows, "a", cutAt(2_140, 31));
    const [window] = ready(windows, 2_141);
    expect([window?.second, window?.epochMs, countOf(window?.series ?? [])]).toEqual([1, EPOCH_MS + 1_000, 21]);
    expect(ready(windows, 2_999)).toEqual([]);
  });

  test("the last partial second comes with the flush, after the whole ones of ready", () => {
    const windows = createWindows(EPOCH_MS);
    register(windows, "a", 0);
    observe(windows, "a", cutAt(1_000.2, 10));
    observe(windows, "a", cutAt(1_700, 17));
    close(windows, "a");
    expect(counts(ready(windows, 1_800))).toEqual([[0, 10]]);
    expect(counts(flush(windows, 1_800))).toEqual([[1, 7]]);
    expect(flush(windows, 1_900)).toEqual([]);
  });

  test("a last partial second in which nothing was measured is no window", () => {
    const windows = createWindows(EPOCH_MS);
    register(windows, "a", 0);
    observe(windows, "a", cutAt(2_000.3, 10));
    observe(windows, "a", cutAt(2_400, 10));
    expect(counts(flush(windows, 2_405))).toEqual([
      [0, 0],
      [1, 10],
    ]);
  });

  test("seconds in which nothing ran are windows too", () => {
    const windows = createWindows(EPOCH_MS);
    register(windows, "a", 3_200);
    expect(ready(windows, 3_100).map(({ second, vus, series }) => [second, vus, series.length])).toEqual([
      [0, 0, 0],
      [1, 0, 0],
      [2, 0, 0],
    ]);
    observe(windows, "a", cutAt(4_000.1, 4));
    observe(windows, "a", cutAt(5_000.1, 4));
    expect(counts(ready(windows, 5_001))).toEqual([
      [3, 4],
      [4, 0],
    ]);
  });

  test("an attempt that only starts later is not waited for", () => {
    const windows = createWindows(EPOCH_MS);
    register(windows, "early", 0);
    register(windows, "late", 5_000);
    observe(windows, "early", cutAt(1_000.1, 3));
    expect(counts(ready(windows, 1_000.2))).toEqual([[0, 3]]);
  });

  test("a stalled attempt's growth is in one second, and the seconds it held up are complete afterwards", () => {
    const windows = createWindows(EPOCH_MS);
    register(windows, "a", 0);
    observe(windows, "a", cutAt(900, 9));
    observe(windows, "a", cutAt(3_200, 20));
    expect(counts(ready(windows, 3_200))).toEqual([
      [0, 9],
      [1, 0],
      [2, 11],
    ]);
  });
});

describe("seconds of several attempts", () => {
  test("[LD-21.3.2] a second waits for the cuts of all live attempts, but not longer than 2 s", () => {
    const windows = createWindows(EPOCH_MS);
    register(windows, "a", 0);
    register(windows, "b", 0);
    observe(windows, "a", cutAt(1_000.1, 10));
    observe(windows, "b", cutAt(900, 3));
    expect(ready(windows, 2_999)).toEqual([]);
    expect(counts(ready(windows, 3_000))).toEqual([[0, 13]]);
    observe(windows, "a", cutAt(2_000.1, 20));
    observe(windows, "b", cutAt(1_000.1, 5));
    observe(windows, "b", cutAt(2_000.1, 8));
    // b's 900 to 1,000 ms came when second 0 was out: it is in second 1.
    expect(counts(ready(windows, 3_001))).toEqual([[1, 15]]);
  });

  test("[LD-23.3.2] a late report of an emitted second is in the next one: nothing is lost, nothing is negative", () => {
    const windows = createWindows(EPOCH_MS);
    register(windows, "a", 0);
    expect(counts(ready(windows, 5_000))).toEqual([
      [0, 0],
      [1, 0],
      [2, 0],
    ]);
    observe(windows, "a", cutAt(1_000.1, 7));
    observe(windows, "a", cutAt(2_000.1, 9));
    close(windows, "a");
    expect(counts(flush(windows, 5_100))).toEqual([
      [3, 9],
      [4, 0],
    ]);
  });

  test("an attempt that is known of only after its start counts into the next second", () => {
    const windows = createWindows(EPOCH_MS);
    expect(ready(windows, 2_500).length).toBe(2);
    register(windows, "a", 1_200);
    observe(windows, "a", cutAt(1_900, 4));
    expect(counts(flush(windows, 3_000))).toEqual([[2, 4]]);
    expect([windows.pending.size, windows.live.size]).toEqual([0, 0]);
  });

  test("[LD-23.1.3] a report that is older than one seen before takes nothing back", () => {
    const windows = createWindows(EPOCH_MS);
    register(windows, "a", 0);
    observe(windows, "a", cutAt(1_000.1, 10));
    observe(windows, "a", cutAt(1_400, 14));
    observe(windows, "a", cutAt(2_100, 22));
    expect(counts(ready(windows, 2_101))).toEqual([
      [0, 10],
      [1, 12],
    ]);
    observe(windows, "a", cutAt(2_050, 20));
    observe(windows, "a", cutAt(3_000.1, 20));
    expect(counts(ready(windows, 3_001))).toEqual([[2, 0]]);
    observe(windows, "a", cutAt(4_000.1, 25));
    expect(counts(flush(windows, 4_001))).toEqual([[3, 3]]);
  });

  test("the same series of several attempts is one series of the window, gauges with their newest value", () => {
    const windows = createWindows(EPOCH_MS);
    for (const key of ["a", "b", "c"]) register(windows, key, 0);
    const cutOf = (values: readonly number[], gauge: number, atMs: number): Cut => ({
      jobElapsedMs: 1_000.1,
      vus: 1,
      vusMax: 1,
      series: [
        seriesOf("d", {}, trendOf(values)),
        seriesOf("g", {}, { type: "gauge", value: gauge, min: 1, max: gauge, atMs }),
      ],
    });
    observe(windows, "a", cutOf([1, 2], 5, 100));
    observe(windows, "b", cutOf([2, 3], 6, 900));
    observe(windows, "c", cutOf([4], 7, 500));
    const [window] = ready(windows, 1_001);
    expect(window?.series.map((one) => one.id.key)).toEqual(["d", "g"]);
    expect(select(window?.series ?? [], "d", {})).toEqual(trendOf([1, 2, 2, 3, 4]));
    expect(select(window?.series ?? [], "g", {})).toEqual({ type: "gauge", value: 6, min: 1, max: 7, atMs: 900 });
    for (const key of ["a", "b", "c"])
      observe(windows, key, { ...cutOf([1, 2], 5, 100), jobElapsedMs: 2_000.1, series: [] });
    expect(ready(windows, 2_001)[0]?.series).toEqual([]);
  });

  test("an attempt is registered once, and a closed one reports nothing more", () => {
    const windows = createWindows(EPOCH_MS);
    register(windows, "a", 0);
    expect(() => register(windows, "a", 0)).toThrow("registered once");
    close(windows, "a");
    expect(() => observe(windows, "a", cutAt(1, 1))).toThrow("not live");
    expect(() => close(windows, "a")).toThrow("not live");
  });
});

describe("VUs of a second", () => {
  test("VUs are the sum of the live attempts' most, and an ended attempt is not counted beside its successor", () => {
    const windows = createWindows(EPOCH_MS);
    register(windows, "a", 0);
    register(windows, "b", 0);
    observe(windows, "a", cutAt(1_000.1, 1, 10));
    observe(windows, "b", cutAt(1_000.1, 1, 5));
    observe(windows, "b", cutAt(1_300, 2, 0));
    close(windows, "b");
    register(windows, "b2", 1_400);
    observe(windows, "a", cutAt(2_000.1, 2, 8));
    observe(windows, "b2", cutAt(2_000.1, 2, 4));
    const [first, second] = ready(windows, 2_001);
    expect([first?.vus, first?.vusMax, second?.vus]).toEqual([15, 15, 15]);
    observe(windows, "a", cutAt(2_500, 3, 0));
    close(windows, "a");
    expect(flush(windows, 2_600).map((window) => window.vus)).toEqual([12]);
    expect([windows.vus, windows.vusMax]).toEqual([
      { type: "gauge", value: 12, min: 12, max: 15, atMs: 3_000 },
      { type: "gauge", value: 14, min: 14, max: 15, atMs: 3_000 },
    ]);
  });

  test("workflows that ran one after the other within a second do not add up", () => {
    const windows = createWindows(EPOCH_MS);
    for (const [key, startMs] of [
      ["a", 0],
      ["b", 300],
      ["c", 600],
    ] as const) {
      register(windows, key, startMs);
      observe(windows, key, cutAt(startMs + 200, 1, 3));
      close(windows, key);
    }
    expect(flush(windows, 900).map((window) => [window.vus, window.vusMax, countOf(window.series)])).toEqual([
      [3, 3, 3],
    ]);
  });

  test("an attempt that does not report keeps its VUs, and a second without attempts is not in vus' minimum", () => {
    const windows = createWindows(EPOCH_MS);
    register(windows, "a", 1_000);
    observe(windows, "a", cutAt(2_000.1, 1, 7));
    expect(ready(windows, 6_000).map((window) => window.vus)).toEqual([0, 7, 7, 7]);
    expect(windows.vus?.min).toBe(7);
  });
});

/** A report on its way: an attempt's cut, and when it arrives. */
type Report = { readonly key: string; readonly arrivesMs: number; readonly cut: Cut; readonly isFinal: boolean };

/** Attempts that start, measure, cut at 10 Hz and after each whole second, stall at times, and end. */
function attemptsOf(
  prng: Prng,
  isPrompt: boolean,
): { reports: Report[]; starts: Map<string, number>; measuredMs: number[]; endMs: number } {
  const reports: Report[] = [];
  const starts = new Map<string, number>();
  const measuredMs: number[] = [];
  for (let number = 0; number < 1 + nextBelow(prng, 4); number++) {
    const key = `attempt ${number}`;
    const startMs = nextBelow(prng, 3_000);
    const endMs = startMs + 300 + nextBelow(prng, 6_000);
    starts.set(key, startMs);
    let count = 0;
    let atMs = startMs;
    let arrivesMs = startMs;
    while (atMs < endMs) {
      const stepMs = !isPrompt && nextBelow(prng, 15) === 0 ? nextBelow(prng, 3_000) : 100;
      const boundaryMs = (Math.floor(atMs / 1_000) + 1) * 1_000 + 0.3;
      const nextMs = Math.min(endMs, stepMs === 100 ? Math.min(atMs + 100, boundaryMs) : atMs + stepMs);
      for (let more = nextBelow(prng, 5); more > 0; more--) {
        // Before the boundary within the step, so that a prompt attempt's seconds are known exactly.
        measuredMs.push(atMs + (Math.min(nextMs, boundaryMs - 0.3) - atMs) * nextFloat(prng));
        count++;
      }
      atMs = nextMs;
      const delayMs = isPrompt ? 5 : nextBelow(prng, nextBelow(prng, 10) === 0 ? 4_000 : 50);
      arrivesMs = Math.max(arrivesMs, atMs + delayMs);
      reports.push({ key, arrivesMs, cut: cutAt(atMs, count), isFinal: atMs >= endMs });
    }
  }
  reports.sort((a, b) => a.arrivesMs - b.arrivesMs);
  return { reports, starts, measuredMs, endMs: (reports.at(-1)?.arrivesMs ?? 0) + nextBelow(prng, 3_000) };
}

type Feed = { readonly observe: typeof observe; readonly ready: typeof ready };

/** What is wrong with the windows of a seeded run; null when nothing is. */
function fault(seed: number, isPrompt: boolean, feed: Feed): string | null {
  const prng = createPrng(seed, "windows");
  const { reports, starts, measuredMs, endMs } = attemptsOf(prng, isPrompt);
  const windows: Windows = createWindows(EPOCH_MS);
  for (const [key, startMs] of starts) register(windows, key, startMs);
  const emitted: SecondWindow[] = [];
  for (const { key, arrivesMs, cut, isFinal } of reports) {
    emitted.push(...feed.ready(windows, arrivesMs));
    feed.observe(windows, key, cut);
    if (isFinal) close(windows, key);
  }
  emitted.push(...feed.ready(windows, endMs), ...flush(windows, endMs));
  if (emitted.some((window, at) => window.second !== at)) return "seconds are not consecutive";
  if (emitted.length < Math.floor(endMs / 1_000)) return "seconds are missing at the end";
  if (emitted.some((window) => countOf(window.series) < 0)) return "growth is negative";
  const total = emitted.reduce((sum, window) => sum + countOf(window.series), 0);
  if (total !== measuredMs.length) return `sum over windows is ${total}, measured were ${measuredMs.length}`;
  if (!isPrompt) return null;
  for (const window of emitted) {
    const expected = measuredMs.filter((atMs) => Math.floor(atMs / 1_000) === window.second).length;
    if (countOf(window.series) !== expected)
      return `second ${window.second} has ${countOf(window.series)}, not ${expected}`;
  }
  return null;
}

function faults(isPrompt: boolean, feed: Feed): string[] {
  const found: string[] = [];
  for (let seed = 1; seed <= 150; seed++) {
    const text = fault(seed, isPrompt, feed);
    if (text !== null) found.push(`seed ${seed}: ${text}`);
  }
  return found;
}

describe("simulated attempts", () => {
  test("[LD-45.1] sum over windows = total, consecutive and never negative, whatever is late or stalls", () => {
    expect(faults(false, { observe, ready })).toEqual([]);
  });

  test("[LD-34.4.3] attempts that report in time have every count in its very second", () => {
    expect(faults(true, { observe, ready })).toEqual([]);
  });

  test("the checker catches windows that drop late reports, count twice, skip empty seconds or shift by one", () => {
    const dropping: Feed = {
      observe: (windows, key, cut) => {
        if (Math.floor(cut.jobElapsedMs / 1_000) >= windows.next) observe(windows, key, cut);
      },
      ready,
    };
    const doubling: Feed = {
      observe: (windows, key, cut) => {
        if (nextBelow(createPrng(cut.jobElapsedMs), 8) === 0) windows.live.get(key)?.settled.clear();
        observe(windows, key, cut);
      },
      ready,
    };
    const skipping: Feed = {
      observe,
      ready: (windows, nowMs) => ready(windows, nowMs).filter((window) => window.series.length > 0),
    };
    const shifting: Feed = {
      observe: (windows, key, cut) => observe(windows, key, { ...cut, jobElapsedMs: cut.jobElapsedMs + 120 }),
      ready,
    };
    expect(faults(false, dropping).length).toBeGreaterThan(5);
    expect(faults(false, doubling).length).toBeGreaterThan(50);
    expect(faults(false, skipping).length).toBeGreaterThan(5);
    expect(faults(true, shifting).length).toBeGreaterThan(50);
  });

  test("[MW-16.4.1] cells of one attempt's windows sum to its last cut, gauges and trends too", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const prng = createPrng(seed, "cells");
      const windows = createWindows(EPOCH_MS);
      register(windows, "a", 0);
      const values: number[] = [];
      const emitted: SecondWindow[] = [];
      for (let atMs = 250; atMs <= 6_000; atMs += 250) {
        for (let more = nextBelow(prng, 3); more > 0; more--) values.push(1 + nextBelow(prng, 1_000));
        const series = values.length === 0 ? [] : [seriesOf("d", {}, trendOf(values))];
        observe(windows, "a", { jobElapsedMs: atMs + 0.1, vus: 1, vusMax: 1, series });
        emitted.push(...ready(windows, atMs + 1));
      }
      emitted.push(...flush(windows, 6_001));
      const cells = emitted.flatMap((window) => window.series.map((one) => one.cells)).reduce(mergeCells);
      const total = trendOf(values);
      expect(cells.type === "trend" && [cells.count, cells.sum, ...cells.counts]).toEqual([
        total.count,
        total.sum,
        ...total.counts,
      ]);
    }
  });

  test("trends that tell what they grew by make the same seconds as trends told whole", () => {
    for (let seed = 1; seed <= 10; seed++) {
      const prng = createPrng(seed, "growth");
      const [whole, grown] = [createWindows(EPOCH_MS), createWindows(EPOCH_MS)];
      const attempts = ["a", "b", "c"].map((key) => ({ key, told: new Array<number>() }));
      const seconds: SecondWindow[][] = [[], []];
      for (const { key } of attempts) for (const windows of [whole, grown]) register(windows, key, 0);
      for (let atMs = 400; atMs <= 6_000; atMs += 200) {
        for (const { key, told } of attempts) {
          const more = Array.from({ length: nextBelow(prng, 4) }, () => 1 + nextBelow(prng, 1_000));
          told.push(...more);
          const cut = { jobElapsedMs: atMs + nextBelow(prng, 300), vus: 1, vusMax: 1 };
          observe(whole, key, { ...cut, series: told.length === 0 ? [] : [seriesOf("d", {}, trendOf(told))] });
          observe(grown, key, {
            ...cut,
            series: [],
            growth: more.length === 0 ? [] : [seriesOf("d", {}, trendOf(more))],
          });
        }
        for (const [at, windows] of [whole, grown].entries()) seconds[at]?.push(...ready(windows, atMs));
      }
      for (const [at, windows] of [whole, grown].entries()) seconds[at]?.push(...flush(windows, 6_001));
      const cellsOf = (list: readonly SecondWindow[] | undefined): unknown =>
        list?.map(({ second, series }) => [
          second,
          series.map(({ cells }) => "counts" in cells && [cells.count, cells.sum, [...cells.index], [...cells.counts]]),
        ]);
      expect(cellsOf(seconds[1])).toEqual(cellsOf(seconds[0]));
    }
  });
});
