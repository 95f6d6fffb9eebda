// Goal: what is dealt over shares is the request, exactly: nothing twice, nothing left out.
// Method: properties over any number of shares; plans cut for several numbers of cores.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { dealt, dealtIndex, feedRow, iterationBlock, shareCount, vuBases } from "../../src/load/dealing.ts";
import { createDriver, nextArrivalMs, takeArrival, vuNumber } from "../../src/load/driver.ts";
import { constantRate, constantVus, rampingVus, sharedIterations, specOf, workflowOf } from "./shares.ts";
import type { Executor } from "../../src/load/plan.ts";

const shareNumber = fc.integer({ min: 1, max: 64 });

describe("striped dealing", () => {
  test("sums to the total over any number of shares, shares differing by one at most", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 50 }), shareNumber, (total, shares) => {
        const parts = Array.from({ length: shares }, (_, share) => dealt(total, share, shares));
        expect(parts.reduce((sum, part) => sum + part, 0)).toBe(total);
        expect(Math.max(...parts) - Math.min(...parts)).toBeLessThanOrEqual(1);
      }),
    );
  });

  test("gives each number to exactly one share", () => {
    fc.assert(
      fc.property(fc.nat(300), shareNumber, (total, shares) => {
        const numbers = Array.from({ length: shares }, (_, share) =>
          Array.from({ length: dealt(total, share, shares) }, (_, k) => dealtIndex(k, share, shares)),
        ).flat();
        expect(numbers.sort((one, other) => one - other)).toEqual(Array.from({ length: total }, (_, n) => n));
      }),
    );
  });

  test("makes every arrival of a rate exactly once over the shares, at its own instant", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 200 }),
        fc.integer({ min: 1, max: 2_000 }),
        fc.integer({ min: 1, max: 9 }),
        (rate, durationMs, shares) => {
          const arrivals: number[] = [];
          for (let share = 0; share < shares; share++) {
            const driver = createDriver(specOf(constantRate(rate, durationMs), share, shares));
            while (nextArrivalMs(driver) < Infinity) arrivals.push(takeArrival(driver));
          }
          arrivals.sort((one, other) => one - other);
          expect(arrivals).toEqual(
            Array.from({ length: Math.ceil((rate * durationMs) / 1_000) }, (_, n) => (n * 1_000) / rate),
          );
        },
      ),
    );
  });
});

describe("blocks of shared iterations", () => {
  test("join without gap or overlap and leave none empty", () => {
    const some = fc
      .tuple(shareNumber, fc.nat(10_000), fc.nat(1_000_000_000))
      .map(([shares, vus, more]) => ({ shares, vus: shares + vus, iterations: shares + vus + more }));
    fc.assert(
      fc.property(some, ({ shares, vus, iterations }) => {
        let next = 0;
        for (let share = 0; share < shares; share++) {
          const [from, to] = iterationBlock(iterations, vus, share, shares);
          expect(from).toBe(next);
          expect(to).toBeGreaterThan(from);
          next = to;
        }
        expect(next).toBe(iterations);
      }),
    );
  });

  test("are in proportion to the VUs of their shares", () => {
    expect([0, 1].map((share) => iterationBlock(300, 3, share, 2))).toEqual([
      [0, 200],
      [200, 300],
    ]);
    expect(iterationBlock(10, 1, 0, 1)).toEqual([0, 10]);
  });
});

describe("the number of shares", () => {
  const cases: readonly (readonly [title: string, executor: Executor, cores: number, shares: number])[] = [
    ["is one for one VU", constantVus(1, 1_000), 8, 1],
    ["is never more than the VUs", constantVus(3, 1_000), 8, 3],
    ["is the cores where there are VUs enough", constantVus(100, 1_000), 8, 8],
    ["counts the VUs of the highest stage", rampingVus(0, [{ durationMs: 1_000, target: 5 }]), 8, 5],
    ["counts the most VUs of an arrival rate", constantRate(100, 1_000, 4), 8, 4],
    ["is never more than the shared iterations", sharedIterations(2, 2), 8, 2],
  ];
  for (const [title, executor, cores, shares] of cases)
    test(title, () => expect(shareCount(executor, cores)).toBe(shares));
});

describe("the VUs of a job", () => {
  const executors = [constantVus(5, 1_000), sharedIterations(1, 10), constantRate(10, 1_000, 7)];
  const bases = vuBases(executors.map((executor, at) => workflowOf(`w${at}`, executor)));

  test("are numbered from where those of the workflows before end", () => expect(bases).toEqual([0, 5, 6]));

  test("have unique numbers without a gap, over all workflows and any number of shares", () => {
    for (const cores of [1, 2, 3, 16]) {
      const ids = executors.flatMap((executor, at) => {
        const shares = shareCount(executor, cores);
        return Array.from({ length: shares }, (_, share) => {
          const driver = createDriver({ ...specOf(executor, share, shares), vuBase: bases[at] ?? 0 });
          expect(driver.vus).toBeGreaterThan(0);
          return Array.from({ length: driver.vus }, (_, local) => vuNumber(driver, local));
        }).flat();
      });
      expect(ids.sort((one, other) => one - other)).toEqual(Array.from({ length: 13 }, (_, at) => at + 1));
    }
  });
});

describe("feed rows", () => {
  test("of a unique feed go out once each over any number of workers, then end", () => {
    fc.assert(
      fc.property(fc.nat(200), fc.integer({ min: 1, max: 9 }), (rows, workers) => {
        const seen: number[] = [];
        for (let index = 0; index < workers; index++) {
          for (let k = 0, row = 0; (row = feedRow({ pick: "unique", rows }, { index, of: workers }, k)) >= 0; k++)
            seen.push(row);
        }
        expect(seen.sort((one, other) => one - other)).toEqual(Array.from({ length: rows }, (_, row) => row));
      }),
    );
  });

  test("of a circular feed go around, each row as often as the others", () => {
    const counts = new Map<number, number>();
    for (let index = 0; index < 3; index++) {
      for (let k = 0; k < 20; k++) {
        const row = feedRow({ pick: "circular", rows: 5 }, { index, of: 3 }, k);
        counts.set(row, (counts.get(row) ?? 0) + 1);
      }
    }
    expect([...counts.entries()].sort()).toEqual([0, 1, 2, 3, 4].map((row) => [row, 12]));
  });

  test("of an empty feed are none", () => {
    expect(feedRow({ pick: "circular", rows: 0 }, { index: 0, of: 1 }, 0)).toBe(-1);
    expect(feedRow({ pick: "unique", rows: 0 }, { index: 0, of: 1 }, 0)).toBe(-1);
  });
});
