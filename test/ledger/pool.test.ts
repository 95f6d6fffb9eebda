// Ranges of a pool: every number is done exactly once, whatever is granted, lost on its way, reported late or given
// back. By hand, and against a naive model that keeps one entry for each number.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  createPool,
  grant,
  GRANTS_MAX,
  isDry,
  joined,
  lengthOf,
  type Pool,
  release,
  report,
} from "../../src/ledger/pool.ts";
import type { Range } from "../../src/load/share.ts";
import { CLOSED, FAILED, Harness, started, workflow } from "./harness.ts";

describe("a pool", () => {
  test("grants rising ranges until it is dry, then empty ones", () => {
    const pool = createPool(10);
    expect([grant(pool, 1, 4), grant(pool, 2, 4), grant(pool, 1, 4)]).toEqual([
      [0, 4],
      [4, 8],
      [8, 10],
    ]);
    expect(isDry(pool)).toBe(true);
    expect(grant(pool, 2, 4)).toEqual([10, 10]);
    expect(isDry(createPool(0))).toBe(true);
  });

  test("what is left at the end goes back and is granted first; what was done never again", () => {
    const pool = createPool(100);
    grant(pool, 1, 10);
    grant(pool, 2, 10);
    release(pool, 1, {
      taken: 10,
      left: [
        [3, 5],
        [9, 10],
      ],
    });
    expect(pool.closed).toBe(7);
    expect([grant(pool, 3, 10), grant(pool, 3, 10), grant(pool, 3, 10)]).toEqual([
      [3, 5],
      [9, 10],
      [20, 30],
    ]);
  });

  test("a range the attempt had not heard of is not taken for done", () => {
    const pool = createPool(100);
    for (let at = 0; at < 3; at++) grant(pool, 1, 10);
    // It heard of the first and of half of the second, and has done all it knew of.
    release(pool, 1, { taken: 15, left: [] });
    expect(pool.closed).toBe(15);
    expect(pool.returned).toEqual([[15, 30]]);
  });

  test("an attempt that says nothing of its ranges has done none of those it knew of", () => {
    const pool = createPool(10);
    grant(pool, 1, 10);
    release(pool, 1, { taken: 10, left: null });
    expect([pool.closed, pool.returned]).toEqual([0, [[0, 10]]]);
  });

  test("older news than what is known change nothing, and ranges it was never granted are not counted", () => {
    const pool = createPool(100);
    grant(pool, 1, 10);
    grant(pool, 1, 10);
    report(pool, 1, { taken: 20, left: [[5, 12]] });
    expect(pool.closed).toBe(13);
    report(pool, 1, { taken: 10, left: [] });
    report(pool, 1, { taken: 20, left: [[0, 100]] });
    expect(pool.closed).toBe(13);
    release(pool, 1, {
      taken: 99,
      left: [
        [0, 6],
        [50, 60],
      ],
    });
    expect([pool.closed, pool.returned]).toEqual([19, [[5, 6]]]);
    expect(pool.leases.size).toBe(0);
  });

  test("a holder that never reports is granted a limited number of ranges, and more once it has reported", () => {
    const pool = createPool(10_000);
    for (let at = 0; at < GRANTS_MAX; at++) expect(grant(pool, 1, 1)).not.toBeNull();
    expect(grant(pool, 1, 1)).toBeNull();
    expect(grant(pool, 2, 1)).toEqual([GRANTS_MAX, GRANTS_MAX + 1]);
    report(pool, 1, { taken: 1, left: [] });
    expect(grant(pool, 1, 1)).toEqual([GRANTS_MAX + 1, GRANTS_MAX + 2]);
  });

  test("joined ranges are rising and apart", () => {
    expect(
      joined([
        [5, 7],
        [1, 2],
        [2, 3],
        [6, 9],
        [4, 4],
      ]),
    ).toEqual([
      [1, 3],
      [5, 9],
    ]);
  });
});

/** What one holder really knows and has done. */
type Holder = {
  readonly inbox: Range[];
  readonly open: Set<number>;
  taken: number;
  cut: { taken: number; left: Range[] };
};

function ranges(numbers: Iterable<number>): Range[] {
  return joined([...numbers].map((one): Range => [one, one + 1]));
}

test("any run of grants, losses, reports and ends does every number exactly once", () => {
  const step = fc.record({
    kind: fc.constantFrom("take", "take", "hear", "work", "work", "cut", "report", "end", "die"),
    holder: fc.nat(3),
    count: fc.integer({ min: 1, max: 9 }),
  });
  fc.assert(
    fc.property(fc.nat(60), fc.array(step, { maxLength: 200, size: "max" }), (size, script) => {
      const pool: Pool = createPool(size);
      const done = new Map<number, number>();
      const holders = new Map<number, Holder>();
      let token = 10;
      const tokens = [0, 1, 2, 3];
      const holderOf = (at: number): Holder => {
        const key = tokens[at] ?? 0;
        const held = holders.get(key) ?? { inbox: [], open: new Set(), taken: 0, cut: { taken: 0, left: [] } };
        holders.set(key, held);
        return held;
      };
      const hear = (held: Holder): void => {
        const range = held.inbox.shift();
        if (range === undefined) return;
        held.taken += range[1] - range[0];
        for (let one = range[0]; one < range[1]; one++) held.open.add(one);
      };
      const cut = (held: Holder): void => void (held.cut = { taken: held.taken, left: ranges(held.open) });
      const end = (at: number, held: Holder, known: ReadonlySet<number>): void => {
        const key = tokens[at] ?? 0;
        const before = lengthOf(pool.returned);
        release(pool, key, held.cut);
        expect(lengthOf(pool.returned)).toBeGreaterThanOrEqual(before);
        for (const one of known) done.set(one, (done.get(one) ?? 0) + 1);
        holders.delete(key);
        tokens[at] = token++;
      };
      /** What the newest cut says is done. */
      const doneAt = new Map<Holder, Set<number>>();
      const all = new Map<Holder, Set<number>>();
      for (const { kind, holder, count } of script) {
        const held = holderOf(holder);
        switch (kind) {
          case "take": {
            const range = grant(pool, tokens[holder] ?? 0, count);
            if (range !== null && range[0] < range[1]) held.inbox.push(range);
            break;
          }
          case "hear":
            hear(held);
            break;
          case "work": {
            const [one] = held.open;
            if (one === undefined) break;
            held.open.delete(one);
            all.set(held, (all.get(held) ?? new Set()).add(one));
            break;
          }
          case "report":
          case "cut":
            cut(held);
            doneAt.set(held, new Set(all.get(held)));
            if (kind === "report") report(pool, tokens[holder] ?? 0, held.cut);
            break;
          case "end":
            cut(held);
            end(holder, held, all.get(held) ?? new Set());
            break;
          case "die":
            end(holder, held, doneAt.get(held) ?? new Set());
            break;
        }
        const leased = [...pool.leases.values()].flatMap(({ open, fresh }) => [...open, ...fresh]);
        expect(pool.closed + lengthOf(pool.returned) + lengthOf(leased) + size - pool.next).toBe(size);
      }
      for (let at = 0; at < 4; at++) end(at, holderOf(at), doneAt.get(holderOf(at)) ?? new Set());
      // One last holder does all that is left.
      for (let range = grant(pool, 999, 50); range !== null && range[0] < range[1]; range = grant(pool, 999, 50))
        for (let one = range[0]; one < range[1]; one++) done.set(one, (done.get(one) ?? 0) + 1);
      release(pool, 999, { taken: size, left: [] });
      expect(pool.closed).toBe(size);
      expect([...done.keys()].length).toBe(size);
      expect([...done.values()].every((times) => times === 1)).toBe(true);
    }),
    { numRuns: 300, seed: 5 },
  );
});

describe("a workflow with a pool", () => {
  const POOLED = workflow("a", { pool: 100, sharesMax: 2 });

  function take(harness: Harness, share: number, count: number) {
    const id = harness.one("a", share);
    harness.commit({ kind: "take", job: "j", workflow: "a", share, attemptToken: id.token, count });
    return harness.of("grant").at(-1);
  }

  test("grants ranges to attempts that run, and says when no more are free", () => {
    const harness = started(2, [POOLED]);
    const early = harness.commit({
      kind: "take",
      job: "j",
      workflow: "a",
      share: 0,
      attemptToken: harness.one("a").token,
      count: 5,
    });
    expect(early).toMatchObject([{ kind: "refused", code: "illegal" }]);
    harness.ready("a");
    expect(take(harness, 0, 60)).toMatchObject({ from: 0, to: 60, isLast: false, worker: "w1" });
    expect(take(harness, 1, 60)).toMatchObject({ from: 60, to: 100, isLast: true, attempt: harness.one("a", 1) });
    expect(take(harness, 0, 60)).toMatchObject({ from: 100, to: 100, isLast: true });
  });

  test("a failed attempt's open ranges go to the next ones, its done ones to nobody", () => {
    const harness = started(2, [POOLED], 1);
    harness.ready("a");
    take(harness, 0, 100);
    const id = harness.one("a");
    harness.seal(id, FAILED, {
      seq: 4,
      taken: 100,
      resume: { kind: "ranges", left: [[90, 100]], elapsedMs: 70, feeds: {} },
    });
    // The next attempt takes from the pool; it is not given the ranges beforehand too.
    expect(harness.of("dispatch").at(-1)?.resume).toEqual({ kind: "ranges", left: [], elapsedMs: 70, feeds: {} });
    expect(take(harness, 1, 200)).toMatchObject({ from: 90, to: 100, isLast: true });
    expect(harness.workflow("a").pool?.closed).toBe(90);
  });

  test("a share is not run again once nothing is left to take", () => {
    const harness = started(2, [POOLED]);
    harness.ready("a");
    const [first, second] = [harness.one("a"), harness.one("a", 1)];
    take(harness, 0, 100);
    harness.seal(second, { kind: "lost", message: "gone" });
    expect(harness.live("a")).toEqual([first]);
    harness.seal(first, CLOSED, { taken: 100, resume: { kind: "ranges", left: [], elapsedMs: 9, feeds: {} } });
    expect(harness.workflow("a").pool?.closed).toBe(100);
    expect(harness.job().outcome?.state).toBe("completed");
  });

  test("work that is dealt cannot be taken", () => {
    const harness = started(1);
    harness.ready("a");
    const id = harness.one("a");
    const refused = harness.commit({
      kind: "take",
      job: "j",
      workflow: "a",
      share: 0,
      attemptToken: id.token,
      count: 1,
    });
    expect(refused).toMatchObject([{ kind: "refused", code: "illegal", message: expect.stringContaining("dealt") }]);
  });
});
