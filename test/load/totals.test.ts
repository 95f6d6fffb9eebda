// Goal: running sums over attempts are what summing all attempts anew gives, whatever came, was replaced, went away or
// came back. Method: seeded histories of attempts against the naive merge, compared after every step; planted faults
// show that the comparison sees them.

import { describe, expect, test } from "bun:test";
import { createPrng, nextBelow, type Prng } from "../../src/base/prng.ts";
import { applySnapshot, growth, type HeldAttempt, heldSeries, sumSeries } from "../../src/load/merge.ts";
import type { Cells, Series } from "../../src/load/series.ts";
import type { Snapshot } from "../../src/load/share.ts";
import { Totals } from "../../src/load/totals.ts";
import { exactPart, nextSample, seriesOf, trendOf } from "./samples.ts";

/** What attempts have measured: values by attempt and trend. */
type Measured = { readonly token: number; seq: number; readonly trends: Map<string, number[]>; count: number };

function snapshotOf(measured: Measured, prng: Prng): Snapshot {
  const { token } = measured;
  for (let more = nextBelow(prng, 6); more > 0; more--) {
    const name = `t${nextBelow(prng, 3)}`;
    measured.trends.set(name, [...(measured.trends.get(name) ?? []), nextSample(prng)]);
  }
  measured.count += nextBelow(prng, 4);
  measured.seq++;
  const series: Series[] = [...measured.trends].map(([name, values]) => seriesOf(name, {}, trendOf(values)));
  const scalars: readonly (readonly [string, Cells])[] = [
    ["c", { type: "counter", count: measured.count, sum: measured.count }],
    ["r", { type: "rate", passes: measured.count >> 1, total: measured.count }],
    ["g", { type: "gauge", value: measured.count, min: 0, max: measured.count, atMs: measured.seq }],
  ];
  for (const [name, cells] of scalars) series.push(seriesOf(name, {}, cells));
  return {
    attempt: { job: "j", workflow: "w", share: token, token },
    seq: measured.seq,
    elapsedMs: measured.seq * 1_000,
    content: "changed",
    isFinal: false,
    resume: { kind: "elapsed", elapsedMs: 0, feeds: {} },
    accounting: { scheduled: 0, started: 0, completed: 0, interrupted: 0, dropped: 0, unsent: 0 },
    generator: { seconds: 0, saturatedSeconds: 0, cpuSeconds: 0, loopLagMsMax: 0, loopLagMsP99: 0, stillMs: 0 },
    vus: 1,
    vusMax: 1,
    series,
  };
}

/** What is given to the sums after a step: a cut of the attempt, or (null) all that is held of it from now on. */
type Hold = (totals: Totals, token: number, held: HeldAttempt | null, cut: Snapshot | null) => void;
const exact: Hold = (totals, token, held, cut) => {
  if (cut === null) totals.hold(token, held);
  else totals.take(token, cut);
};

/** Seeds in which the running sums differ from the naive ones after some step. */
function faults(hold: Hold): number[] {
  const wrong: number[] = [];
  for (let seed = 1; seed <= 15; seed++) {
    const prng = createPrng(seed, "totals");
    const totals = new Totals();
    const held = new Map<number, HeldAttempt>();
    const attempts = [1, 2, 3, 4, 5].map((token): Measured => ({ token, seq: 0, trends: new Map(), count: 0 }));
    let isRight = true;
    for (let step = 0; step < 60 && isRight; step++) {
      const measured = attempts[nextBelow(prng, attempts.length)];
      if (measured === undefined) continue;
      const { token } = measured;
      const kind = nextBelow(prng, 12);
      // It is gone; or another cut of it is held from now on, as a seal of an earlier owner asks for.
      let cut: Snapshot | null = null;
      if (kind === 0) held.delete(token);
      else if (kind === 1) held.set(token, applySnapshot(null, snapshotOf({ ...measured, trends: new Map() }, prng)));
      else {
        cut = partOf(snapshotOf(measured, prng), held.get(token) ?? null, prng);
        held.set(token, applySnapshot(held.get(token) ?? null, cut));
      }
      hold(totals, token, held.get(token) ?? null, cut);
      if (nextBelow(prng, 3) > 0) isRight = same(totals.series(), naive(held));
    }
    if (!isRight || !same(totals.series(), naive(held))) wrong.push(seed);
  }
  return wrong;
}

/** The same cut, with only those cells of its trends (half of the time) that are more than what is held. */
function partOf(cut: Snapshot, held: HeldAttempt | null, prng: Prng): Snapshot {
  if (nextBelow(prng, 2) === 0) return cut;
  const series = cut.series.map(({ id, cells }): Series => {
    const before = held?.series.get(id.key)?.series.cells;
    if (cells.type !== "trend" || before?.type !== "trend") return { id, cells };
    const known = new Map(Array.from(before.index, (cell, at) => [cell, before.counts[at] ?? 0]));
    const more = Array.from(cells.index, (cell, at) => [cell, cells.counts[at] ?? 0] as const).filter(
      ([cell, count]) => count > (known.get(cell) ?? 0),
    );
    const index = Int32Array.from(more, ([cell]) => cell);
    return { id, cells: { ...cells, index, counts: Float64Array.from(more, ([, count]) => count) } };
  });
  return { ...cut, series };
}

function naive(held: ReadonlyMap<number, HeldAttempt>): Series[] {
  const ordered = [...held].sort(([a], [b]) => a - b);
  return sumSeries(ordered.map(([, one]) => heldSeries(one)));
}

/** Counts, cells and extremes are the same to the last bit; sums of floating point numbers to their rounding. */
function same(a: readonly Series[], b: readonly Series[]): boolean {
  const byKey = new Map(b.map((series) => [series.id.key, series]));
  if (a.length !== b.length) return false;
  return a.every(({ id, cells }) => {
    const other = byKey.get(id.key)?.cells;
    if (other === undefined || !Bun.deepEquals(exactPart(cells), exactPart(other))) return false;
    const [sum = 0, otherSum = 0] = [sumOf(cells), sumOf(other)];
    return Math.abs(sum - otherSum) <= 1e-9 * (Math.abs(sum) + 1);
  });
}

function sumOf(cells: Cells): number {
  return "sum" in cells ? cells.sum : 0;
}

describe("running sums over attempts", () => {
  test("are what summing all attempts anew gives, after every cut, replacement and loss", () => {
    expect(faults(exact)).toEqual([]);
    expect(faults((totals, token, held) => totals.hold(token, held))).toEqual([]);
  });

  test("the comparison catches a sum that forgets to take away, and one that misses a cut", () => {
    const keeping: Hold = (totals, token, held, cut) => {
      if (held !== null) exact(totals, token, held, cut);
    };
    const missing: Hold = (totals, token, held, cut) => {
      if (held === null || held.cut.seq % 5 !== 0) exact(totals, token, held, cut);
    };
    expect(faults(keeping).length).toBeGreaterThan(7);
    expect(faults(missing).length).toBeGreaterThan(7);
  });

  test("what a cut holds is what the attempt holds then, and its trends tell what they grew by", () => {
    for (let seed = 1; seed <= 10; seed++) {
      const prng = createPrng(seed, "taken");
      const totals = new Totals();
      const measured: Measured = { token: 1, seq: 0, trends: new Map(), count: 0 };
      let held: HeldAttempt | null = null;
      for (let step = 0; step < 20; step++) {
        const cut = partOf(snapshotOf(measured, prng), held, prng);
        const before: HeldAttempt | null = held;
        held = applySnapshot(before, cut);
        const taken = totals.take(1, cut);
        expect(same(heldSeries(taken.held), heldSeries(held))).toBe(true);
        const grown = heldSeries(held).flatMap(({ id, cells }): Series[] => {
          const more = growth(cells, before?.series.get(id.key)?.series.cells ?? null);
          return more?.type === "trend" ? [{ id, cells: more }] : [];
        });
        expect(same(taken.growth, grown)).toBe(true);
      }
    }
  });

  test("reading again what did not change is the same list", () => {
    const totals = new Totals();
    const prng = createPrng(1, "same");
    const held = applySnapshot(null, snapshotOf({ token: 1, seq: 0, trends: new Map(), count: 3 }, prng));
    totals.hold(1, held);
    const read = totals.series();
    totals.hold(1, held);
    expect(totals.series()).toBe(read);
    totals.hold(1, null);
    expect(totals.series()).toEqual([]);
  });
});
