// Goal: a delta holds what somebody who knows everything up to a certain cut lacks, no less and not more, and taking
// deltas in late, twice or in any order does no harm. Method: seeded growth of trends and counters; a receiver that
// takes every delta whose base it holds, in any order, against what was measured; planted faults in making and merging.

import { describe, expect, test } from "bun:test";
import { createPrng, nextBelow, nextFloat, type Prng } from "../../src/base/prng.ts";
import { changedSince, type Changes, noteChanges } from "../../src/load/changes.ts";
import { applySnapshot, type HeldAttempt, heldSeries, mergeCells } from "../../src/load/merge.ts";
import type { Series } from "../../src/load/series.ts";
import type { Snapshot } from "../../src/load/share.ts";
import { nextSample, plain, seriesOf, trendOf } from "./samples.ts";

function snapshotOf(seq: number, series: readonly Series[]): Snapshot {
  return {
    attempt: { job: "j", workflow: "w", share: 0, token: 7 },
    seq,
    elapsedMs: seq * 1_000,
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

/** Cuts of one attempt: some of its series grow between two of them. */
function cuts(prng: Prng, count: number): Snapshot[] {
  const values = new Map<string, number[]>();
  return Array.from({ length: count }, (_, at) => {
    const grown = new Set<string>();
    for (let more = nextBelow(prng, 12); more > 0; more--) {
      const name = `t${nextBelow(prng, 4)}`;
      values.set(name, [...(values.get(name) ?? []), nextSample(prng)]);
      grown.add(name);
    }
    const all = nextBelow(prng, 4) === 0;
    const series = [...values].flatMap(([name, measured]) =>
      all || grown.has(name)
        ? [
            seriesOf(name, {}, trendOf(measured)),
            seriesOf(`${name}_count`, {}, { type: "counter", count: measured.length, sum: measured.length }),
          ]
        : [],
    );
    return snapshotOf(at + 1, series);
  });
}

type Make = typeof changedSince;
type Delta = { readonly base: number; readonly snapshot: Snapshot };

/** Seeds in which the receiver ends with something else than the sender holds. */
function faults(make: Make, take: (held: HeldAttempt | null, snapshot: Snapshot) => HeldAttempt): number[] {
  const wrong: number[] = [];
  for (let seed = 1; seed <= 40; seed++) {
    const prng = createPrng(seed, "changes");
    const changes: Changes = new Map();
    let sent: HeldAttempt | null = null;
    let received: HeldAttempt | null = null;
    let acked = 0;
    const onTheWay: Delta[] = [];
    const arrive = ({ base, snapshot }: Delta): void => {
      if (base > (received?.cut.seq ?? 0)) return;
      received = take(received, snapshot);
      if (nextFloat(prng) < 0.6) acked = Math.max(acked, received.cut.seq);
    };
    for (const cut of cuts(prng, 25)) {
      sent = applySnapshot(sent, cut);
      noteChanges(changes, sent, cut.seq);
      const series = make(changes, sent, acked).map((one) => one.series);
      const delta = { base: acked, snapshot: snapshotOf(cut.seq, series) };
      for (let copies = nextBelow(prng, 3); copies > 0; copies--)
        onTheWay.splice(nextBelow(prng, onTheWay.length + 1), 0, delta);
      while (onTheWay.length > 0 && nextFloat(prng) < 0.6) {
        const [next] = onTheWay.splice(nextBelow(prng, onTheWay.length), 1);
        if (next !== undefined) arrive(next);
      }
    }
    if (sent === null) continue;
    const series = make(changes, sent, acked).map((one) => one.series);
    arrive({ base: acked, snapshot: snapshotOf(sent.cut.seq, series) });
    for (const left of onTheWay) arrive(left);
    if (!Bun.deepEquals(stateOf(received), stateOf(sent))) wrong.push(seed);
  }
  return wrong;
}

function stateOf(held: HeldAttempt | null): unknown {
  if (held === null) return null;
  return heldSeries(held)
    .map((one) => [one.id.key, plain(one.cells)] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

describe("deltas of cells", () => {
  test("[LD-28.3.2] lost, repeated and reordered in any way, a receiver ends with what was measured", () => {
    expect(faults(changedSince, applySnapshot)).toEqual([]);
  });

  test("the property fails for deltas since the newest cut, not the acknowledged one, and for adding up", () => {
    const newest: Make = (changes, held) => changedSince(changes, held, held.cut.seq - 1);
    expect(faults(newest, applySnapshot).length).toBeGreaterThan(20);
    const adding = (held: HeldAttempt | null, snapshot: Snapshot): HeldAttempt => {
      const series = snapshot.series.map((one) => {
        const known = held?.series.get(one.id.key);
        return known === undefined ? one : { id: one.id, cells: mergeCells(known.series.cells, one.cells) };
      });
      return applySnapshot(held, { ...snapshot, series });
    };
    expect(faults(changedSince, adding).length).toBeGreaterThan(20);
  });

  test("hold the changed cells alone, with their cumulative counts, and of what did not change nothing", () => {
    const changes: Changes = new Map();
    const first = applySnapshot(
      null,
      snapshotOf(1, [seriesOf("a", {}, trendOf([1, 5, 9])), seriesOf("b", {}, trendOf([3]))]),
    );
    noteChanges(changes, first, 1);
    const second = applySnapshot(first, snapshotOf(2, [seriesOf("a", {}, trendOf([1, 5, 5, 7, 9]))]));
    noteChanges(changes, second, 2);
    const [delta, ...more] = changedSince(changes, second, 1);
    expect(more).toEqual([]);
    if (delta?.series.cells.type !== "trend") throw new Error("a trend");
    expect([delta.number, delta.isNew]).toEqual([0, false]);
    expect([...delta.series.cells.counts]).toEqual([2, 1]);
    expect([...delta.series.cells.index]).toEqual([...trendOf([5, 7]).index]);
    expect([delta.series.cells.count, delta.series.cells.min, delta.series.cells.max]).toEqual([5, 1, 9]);
    expect(changedSince(changes, second, 2)).toEqual([]);
    expect(changedSince(changes, second, 0).map(({ number, isNew }) => [number, isNew])).toEqual([
      [0, true],
      [1, true],
    ]);
  });
});
