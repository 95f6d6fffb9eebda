// Goal: numbers are counted once. Method: a small attempt that measures and cuts snapshots at random; its snapshots,
// lost, repeated and reordered, have to give what it measured. The checker is shown to catch merges that are wrong.
// Sums over shares and growth between cuts are compared with the raw samples.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { createPrng, nextBelow, nextFloat, type Prng } from "../../src/base/prng.ts";
import {
  applySnapshot,
  emptyCells,
  growth,
  heldSeries,
  isEmpty,
  laterCells,
  mergeCells,
  newer,
  select,
  sumSeries,
  type HeldAttempt,
} from "../../src/load/merge.ts";
import { seriesKey, type Cells, type GaugeCells, type Series } from "../../src/load/series.ts";
import type { AttemptId, Snapshot } from "../../src/load/share.ts";
import { exactPart, nextSample, plain, seriesOf, trendOf } from "./samples.ts";

const ATTEMPT: AttemptId = { job: "j", workflow: "w", share: 0, token: 7 };

function snapshotOf(seq: number, series: readonly Series[], content: Snapshot["content"] = "all"): Snapshot {
  return {
    attempt: ATTEMPT,
    seq,
    elapsedMs: seq * 100,
    content,
    isFinal: false,
    resume: { kind: "arrivals", next: seq, feeds: {} },
    accounting: { scheduled: seq, started: seq, completed: seq, interrupted: 0, dropped: 0, unsent: 0 },
    generator: { seconds: 0, saturatedSeconds: 0, cpuSeconds: 0, loopLagMsMax: 0, loopLagMsP99: 0, stillMs: 0 },
    vus: seq % 3,
    vusMax: 3,
    series,
  };
}

/** What an attempt measured, cut by cut; the last snapshot is full. Amounts are whole, so that sums are exact. */
function measured(prng: Prng, cuts: number): Snapshot[] {
  const trends = new Map<string, number[]>();
  const cells = new Map<string, Cells>();
  const snapshots: Snapshot[] = [];
  for (let seq = 1; seq <= cuts; seq++) {
    const changed = new Set<string>();
    for (let adds = nextBelow(prng, 6); adds > 0; adds--) {
      const type = (["counter", "rate", "gauge", "trend"] as const)[nextBelow(prng, 4)] ?? "counter";
      const key = seriesKey(type, { status: String(nextBelow(prng, 3)) });
      const amount = (Math.round(nextSample(prng)) % 1_000) + 0;
      if (type === "trend") trends.set(key, [...(trends.get(key) ?? []), amount]);
      const one: Cells =
        type === "counter"
          ? { type, count: 1, sum: amount }
          : type === "rate"
            ? { type, passes: amount > 3 ? 1 : 0, total: 1 }
            : type === "gauge"
              ? { type, value: amount, min: amount, max: amount, atMs: seq * 100 }
              : trendOf(trends.get(key) ?? []);
      cells.set(key, type === "trend" ? one : mergeCells(cells.get(key) ?? emptyCells(type), one));
      changed.add(key);
    }
    const isDelta = seq < cuts && nextBelow(prng, 3) > 0;
    const series = [...cells]
      .filter(([key]) => !isDelta || changed.has(key))
      .map(([key, value]): Series => {
        const [metric = "", status = ""] = key.slice(0, -1).split("{status:");
        return seriesOf(metric, { status }, value);
      });
    snapshots.push(snapshotOf(seq, series, isDelta ? "changed" : "all"));
  }
  return snapshots;
}

function shuffled<T>(prng: Prng, list: readonly T[]): T[] {
  const order = [...list];
  for (let at = order.length - 1; at > 0; at--) {
    const other = nextBelow(prng, at + 1);
    const moved = order[at];
    const replaced = order[other];
    if (moved === undefined || replaced === undefined) continue;
    order[at] = replaced;
    order[other] = moved;
  }
  return order;
}

/** Everything held, in a form that does not depend on the order of arrival. */
function stateOf(held: HeldAttempt | null): unknown {
  if (held === null) return null;
  const series = heldSeries(held).map((one) => [one.id.key, plain(one.cells)] as const);
  return { cut: held.cut, series: series.sort((a, b) => (a[0] < b[0] ? -1 : 1)) };
}

type Apply = (held: HeldAttempt | null, snapshot: Snapshot) => HeldAttempt;

/** Seeds whose snapshots give another state, or other numbers than measured, when repeated and reordered. */
function faults(apply: Apply): number[] {
  const wrong: number[] = [];
  for (let seed = 1; seed <= 60; seed++) {
    const prng = createPrng(seed, "faults");
    const snapshots = measured(prng, 2 + nextBelow(prng, 12));
    const repeated = snapshots.flatMap((snapshot) => (nextFloat(prng) < 0.3 ? [snapshot, snapshot] : [snapshot]));
    const inOrder = snapshots.reduce<HeldAttempt | null>(apply, null);
    const inDisorder = shuffled(prng, repeated).reduce<HeldAttempt | null>(apply, null);
    const last = snapshots.slice(-1).reduce<HeldAttempt | null>(applySnapshot, null);
    const truth = JSON.stringify(stateOf(last));
    if (JSON.stringify(stateOf(inOrder)) !== truth || JSON.stringify(stateOf(inDisorder)) !== truth) wrong.push(seed);
  }
  return wrong;
}

describe("snapshots of one attempt", () => {
  test("[LD-28.3.2] [LD-21.2.1] [LD-21.2.2] any repetition and reordering of an attempt's snapshots gives the state of its newest full one", () => {
    expect(faults(applySnapshot)).toEqual([]);
  });

  test("the checker of snapshots catches a merge that adds repeated cuts, believes the last or forgets", () => {
    const adding: Apply = (held, snapshot) => {
      const next = applySnapshot(held, snapshot);
      const series = new Map(next.series);
      for (const one of snapshot.series) {
        const before = held?.series.get(one.id.key);
        if (before === undefined) continue;
        series.set(one.id.key, { seq: 0, series: { id: one.id, cells: mergeCells(before.series.cells, one.cells) } });
      }
      return { cut: next.cut, series };
    };
    const believing: Apply = (held, snapshot) => {
      const next = applySnapshot(held, snapshot);
      const series = new Map(next.series);
      for (const one of snapshot.series) series.set(one.id.key, { seq: 0, series: one });
      return { cut: next.cut, series };
    };
    const forgetting: Apply = (_held, snapshot) => applySnapshot(null, snapshot);
    expect(faults(adding).length).toBeGreaterThan(30);
    expect(faults(believing).length).toBeGreaterThan(30);
    expect(faults(forgetting).length).toBeGreaterThan(30);
  });

  test("[LD-41.10.5] losing any snapshots but a later full one loses nothing", () => {
    for (let seed = 1; seed <= 40; seed++) {
      const prng = createPrng(seed, "lost");
      const snapshots = measured(prng, 10);
      const kept = snapshots.filter((_, at) => at === snapshots.length - 1 || nextFloat(prng) < 0.5);
      const all = snapshots.reduce<HeldAttempt | null>(applySnapshot, null);
      expect(stateOf(shuffled(prng, kept).reduce<HeldAttempt | null>(applySnapshot, null))).toEqual(stateOf(all));
    }
  });

  test("a delta replaces only the series it carries, and what was held before stays as it was", () => {
    const first = applySnapshot(
      null,
      snapshotOf(1, [seriesOf("a", {}, { type: "counter", count: 1, sum: 5 }), seriesOf("b", {}, trendOf([1]))]),
    );
    const before = stateOf(first);
    const second = applySnapshot(first, snapshotOf(2, [seriesOf("b", {}, trendOf([1, 2]))], "changed"));
    expect(heldSeries(second).map((one) => plain(one.cells))).toEqual([
      { type: "counter", count: 1, sum: 5 },
      plain(trendOf([1, 2])),
    ]);
    expect([second.cut.seq, second.cut.vus, second.cut.accounting.started]).toEqual([2, 2, 2]);
    expect("series" in second.cut || "content" in second.cut).toBe(false);
    expect(stateOf(first)).toEqual(before);
  });

  test("[LD-21.2.4] an older cut changes neither the state of the newest nor a sum that fell since", () => {
    const newest = applySnapshot(null, snapshotOf(9, [seriesOf("a", {}, { type: "counter", count: 3, sum: -4 })]));
    const after = applySnapshot(newest, snapshotOf(8, [seriesOf("a", {}, { type: "counter", count: 2, sum: 10 })]));
    expect(stateOf(after)).toEqual(stateOf(newest));
  });

  test("cells that came in parts are put together: the larger count of each", () => {
    const part = (values: readonly number[]) => [seriesOf("t", {}, trendOf(values))];
    const held = applySnapshot(
      applySnapshot(null, snapshotOf(1, part([1, 1, 5]))),
      snapshotOf(2, part([1, 9]), "changed"),
    );
    const cells = heldSeries(held)[0]?.cells;
    expect(cells?.type === "trend" && [...cells.counts]).toEqual([2, 1, 1]);
  });

  test("snapshots of another attempt are refused", () => {
    const held = applySnapshot(null, snapshotOf(1, []));
    expect(() => applySnapshot(held, { ...snapshotOf(2, []), attempt: { ...ATTEMPT, token: 8 } })).toThrow(
      "different attempts",
    );
  });

  test("[LD-43.6] the newer of two cuts is the one of the higher seq", () => {
    const [one, two] = [snapshotOf(1, []), snapshotOf(2, [])];
    expect([newer(one, two).seq, newer(two, one).seq]).toEqual([2, 2]);
    expect(newer(one, { ...one })).toBe(one);
  });
});

describe("sums over attempts", () => {
  const gauge = (value: number, atMs: number): GaugeCells => ({ type: "gauge", value, min: value, max: value, atMs });

  test("counters and rates add; empty cells change nothing", () => {
    expect(mergeCells({ type: "counter", count: 2, sum: 5 }, { type: "counter", count: 1, sum: -1 })).toEqual({
      type: "counter",
      count: 3,
      sum: 4,
    });
    expect(mergeCells({ type: "rate", passes: 2, total: 5 }, { type: "rate", passes: 1, total: 1 })).toEqual({
      type: "rate",
      passes: 3,
      total: 6,
    });
    for (const cells of [
      { type: "counter", count: 2, sum: 5 },
      { type: "rate", passes: 0, total: 1 },
      gauge(-3, 0),
      trendOf([0]),
    ] as const) {
      expect(plain(mergeCells(emptyCells(cells.type), cells))).toEqual(plain(cells));
      expect(plain(mergeCells(cells, emptyCells(cells.type)))).toEqual(plain(cells));
      expect([isEmpty(cells), isEmpty(emptyCells(cells.type))]).toEqual([false, true]);
    }
  });

  test("the newest gauge wins, the later share's at the same instant; extremes are over both", () => {
    expect(mergeCells(gauge(5, 200), gauge(9, 100))).toEqual({ type: "gauge", value: 5, min: 5, max: 9, atMs: 200 });
    expect(mergeCells(gauge(5, 100), gauge(9, 200))).toEqual({ type: "gauge", value: 9, min: 5, max: 9, atMs: 200 });
    expect(mergeCells(gauge(5, 100), gauge(2, 100))).toEqual({ type: "gauge", value: 2, min: 2, max: 5, atMs: 100 });
  });

  test("cells of different types are never merged", () => {
    const counter = emptyCells("counter");
    const trend = emptyCells("trend");
    for (const merge of [mergeCells, laterCells, growth])
      expect(() => merge(counter, trend)).toThrow("cannot merge a counter with a trend");
  });

  test("[MW-16.4.2] [LD-21.3.1] series of any number of shares sum to what was measured in all, by key", () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.integer({ min: -50, max: 5_000 }), { maxLength: 30 }), { maxLength: 7 }),
        (shares) => {
          const all = shares.flat();
          const lists = shares.map((values, share) => [
            seriesOf("t", {}, trendOf(values)),
            seriesOf("c", { share: String(share % 2) }, { type: "counter", count: values.length, sum: 1 }),
          ]);
          const before = JSON.stringify(lists.map((list) => list.map((one) => plain(one.cells))));
          const sums = sumSeries(lists);
          const trend = sums.find((one) => one.id.metric === "t")?.cells ?? trendOf([]);
          expect(exactPart(trend)).toEqual(exactPart(trendOf(all)));
          const counters = sums.filter((one) => one.id.metric === "c").map((one) => one.cells);
          expect(counters.length).toBe(Math.min(2, shares.length));
          expect(counters.reduce((total, cells) => total + (cells.type === "counter" ? cells.count : 0), 0)).toBe(
            all.length,
          );
          expect(JSON.stringify(lists.map((list) => list.map((one) => plain(one.cells))))).toBe(before);
        },
      ),
    );
  });

  test("a selection sums the series that carry every tag asked for, and is null without one", () => {
    const series = [
      seriesOf("d", { method: "GET", status: "200" }, trendOf([1])),
      seriesOf("d", { method: "GET", status: "500" }, trendOf([2])),
      seriesOf("d", { method: "POST" }, trendOf([3])),
      seriesOf("other", { method: "GET" }, trendOf([4])),
    ];
    const values = (tags: Readonly<Record<string, string>>) => {
      const cells = select(series, "d", tags);
      return cells === null ? null : exactPart(cells);
    };
    expect(values({})).toEqual(exactPart(trendOf([1, 2, 3])));
    expect(values({ method: "GET" })).toEqual(exactPart(trendOf([1, 2])));
    expect(values({ method: "GET", status: "500" })).toEqual(exactPart(trendOf([2])));
    expect(values({ status: "" })).toEqual(exactPart(trendOf([3])));
    expect(values({ method: "PUT" })).toBeNull();
    expect(select(series, "none", {})).toBeNull();
  });
});

describe("growth", () => {
  test("growth between the cuts of an attempt sums to its last cut", () => {
    for (let seed = 1; seed <= 40; seed++) {
      const snapshots = measured(createPrng(seed, "growth"), 12);
      const known = new Map<string, Cells>();
      const parts: Series[][] = [];
      for (const snapshot of snapshots) {
        const grown: Series[] = [];
        for (const { id, cells } of snapshot.series) {
          const more = growth(cells, known.get(id.key) ?? null);
          if (more !== null) grown.push({ id, cells: more });
          known.set(id.key, cells);
        }
        parts.push(grown);
      }
      for (const { id, cells } of sumSeries(parts)) {
        const total = known.get(id.key);
        if (total === undefined || total.type !== cells.type) throw new Error(`${id.key} is missing`);
        if (cells.type === "counter" || cells.type === "rate") expect<Cells>(cells).toEqual(total);
        if (cells.type === "gauge" && total.type === "gauge")
          expect([cells.value, cells.min, cells.max]).toEqual([total.value, total.min, total.max]);
        if (cells.type === "trend" && total.type === "trend")
          expect([cells.count, ...cells.counts]).toEqual([total.count, ...total.counts]);
      }
    }
  });

  test("nothing new is no growth, and an older cut gives none either", () => {
    const counter = (count: number): Cells => ({ type: "counter", count, sum: count });
    expect([growth(counter(0), null), growth(counter(3), counter(3)), growth(counter(2), counter(3))]).toEqual([
      null,
      null,
      null,
    ]);
    expect(growth(counter(5), counter(3))).toEqual(counter(2));
    expect(
      growth(
        { type: "gauge", value: 1, min: 0, max: 9, atMs: 5 },
        { type: "gauge", value: 1, min: 0, max: 9, atMs: 5 },
      ),
    ).toBeNull();
    expect(
      growth(
        { type: "gauge", value: 1, min: 0, max: 9, atMs: 6 },
        { type: "gauge", value: 4, min: 2, max: 9, atMs: 5 },
      ),
    ).toEqual({ type: "gauge", value: 1, min: 0, max: 1, atMs: 6 });
  });
});
