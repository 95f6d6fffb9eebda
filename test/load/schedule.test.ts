// Goal: the curve of a schedule is exact: VUs follow the line, arrivals come when and as often as the rate says.
// Method: tables worked out by hand, and properties against the integral summed by plain arithmetic.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  arrivalMs,
  arrivalsBefore,
  arrivalsTotal,
  crossingMs,
  curveOf,
  flatCurve,
  targetAt,
  valueAt,
  vusAt,
} from "../../src/load/schedule.ts";
import { someStages } from "./shares.ts";
import type { Stage } from "../../src/load/plan.ts";

/** Integral of the line from 0 to an instant, in value x seconds, stage by stage. */
function integralAt(stages: readonly Stage[], start: number, elapsedMs: number): number {
  let sum = 0;
  let atMs = 0;
  let from = start;
  for (const { durationMs, target } of stages) {
    const x = Math.min(durationMs, elapsedMs - atMs);
    if (x > 0) sum += (from * x + ((target - from) * x * x) / (2 * durationMs)) / 1_000;
    atMs += durationMs;
    from = target;
  }
  return sum;
}

function allArrivals(stages: readonly Stage[], start: number): readonly number[] {
  const curve = curveOf(stages, start);
  return Array.from({ length: arrivalsTotal(curve, 1_000) }, (_, n) => arrivalMs(curve, 1_000, n));
}

describe("the line", () => {
  const stages = [
    { durationMs: 1_000, target: 10 },
    { durationMs: 0, target: 40 },
    { durationMs: 1_000, target: 40 },
    { durationMs: 2_000, target: 0 },
  ];
  const cases: readonly (readonly [elapsedMs: number, height: number])[] = [
    [-5, 0],
    [0, 0],
    [500, 5],
    [999, 9.99],
    [1_000, 40],
    [1_999, 40],
    [2_000, 40],
    [3_000, 20],
    [3_999, 0.02],
    [4_000, 0],
    [9_000, 0],
  ];
  for (const [elapsedMs, height] of cases) {
    test(`at ${elapsedMs} ms it is at ${height}`, () => {
      expect(targetAt(stages, 0, elapsedMs)).toBeCloseTo(height, 9);
      expect(valueAt(curveOf(stages, 0), elapsedMs)).toBeCloseTo(height, 9);
    });
  }

  test("without stages it stays at its start", () => expect(targetAt([], 7, 1_000)).toBe(7));
});

describe("VUs at an instant", () => {
  test("a rising line is rounded down and a falling one up, as in k6", () => {
    const curve = curveOf(
      [
        { durationMs: 2_000, target: 6 },
        { durationMs: 5_000, target: 1 },
      ],
      4,
    );
    const steps = [
      [0, 4],
      [999, 4],
      [1_000, 5],
      [1_999, 5],
      [2_000, 6],
      [2_001, 6],
      [3_000, 5],
      [3_001, 5],
      [4_000, 4],
      [6_999, 2],
    ] as const;
    for (const [elapsedMs, vus] of steps) expect([elapsedMs, vusAt(curve, elapsedMs)]).toEqual([elapsedMs, vus]);
  });

  test("are none once the schedule is over", () => {
    expect(vusAt(flatCurve(5, 100), 99.999)).toBe(5);
    expect(vusAt(flatCurve(5, 100), 100)).toBe(0);
  });

  test("stay within one of the line at every instant", () => {
    const some = fc.tuple(
      someStages(2_000, 5_000),
      fc.integer({ min: 0, max: 2_000 }),
      fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
    );
    fc.assert(
      fc.property(some, ([stages, start, part]) => {
        const curve = curveOf(stages, start);
        const elapsedMs = part * curve.endMs;
        expect(Math.abs(vusAt(curve, elapsedMs) - valueAt(curve, elapsedMs))).toBeLessThan(1);
      }),
    );
  });
});

describe("the next crossing", () => {
  const curve = curveOf(
    [
      { durationMs: 1_000, target: 10 },
      { durationMs: 0, target: 50 },
      { durationMs: 1_000, target: 0 },
    ],
    0,
  );
  const cases: readonly (readonly [elapsedMs: number, below: number, above: number, expected: number])[] = [
    [0, -1, 1, 100],
    [100, 0, 2, 200],
    [950, 8, 10, 1_000],
    [1_000, 49, 51, 1_020],
    [1_020, 48, 50, 1_040],
    [1_990, -1, 1, Infinity],
  ];
  for (const [elapsedMs, below, above, expected] of cases) {
    test(`of ${below} or ${above} after ${elapsedMs} ms is at ${expected} ms`, () =>
      expect(crossingMs(curve, elapsedMs, below, above)).toBe(expected));
  }

  test("is always later than now, however steep the line", () => {
    const steep = curveOf([{ durationMs: 1, target: 1_000_000 }], 0);
    for (let elapsedMs = 0; elapsedMs < 1; elapsedMs += 0.01) {
      const vus = vusAt(steep, elapsedMs);
      expect(crossingMs(steep, elapsedMs, vus - 1, vus + 1)).toBeGreaterThan(elapsedMs);
    }
    const late = curveOf(
      [
        { durationMs: 2_500_000_000, target: 0 },
        { durationMs: 1, target: 1_000_000 },
      ],
      0,
    );
    for (let step = 0; step < 1_000; step++) {
      const elapsedMs = 2_500_000_000 + step * 2 ** -21;
      const vus = vusAt(late, elapsedMs);
      expect(crossingMs(late, elapsedMs, vus - 1, vus + 1)).toBeGreaterThan(elapsedMs);
    }
  });
});

describe("arrivals of a constant rate", () => {
  test("number exactly rate times duration where that is whole", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000_000 }), fc.integer({ min: 1, max: 100_000 }), (rate, seconds) => {
        expect(arrivalsTotal(flatCurve(rate, seconds * 1_000), 1_000)).toBe(rate * seconds);
      }),
    );
    const fractional = [
      [0.1, 30_000, 3],
      [0.3, 10_000, 3],
      [1.1, 10_000, 11],
      [0.7, 1_000_000, 700],
      [1.1, 100_000, 110],
      [33.3, 3_600_000, 119_880],
    ] as const;
    for (const [rate, durationMs, total] of fractional)
      expect(arrivalsTotal(flatCurve(rate, durationMs), 1_000)).toBe(total);
  });

  test("begin at 0 and come one interval apart, the last before the end", () => {
    expect(allArrivals([{ durationMs: 1_000, target: 4 }], 4)).toEqual([0, 250, 500, 750]);
    expect(allArrivals([{ durationMs: 500, target: 3 }], 3)).toEqual([0, 1_000 / 3]);
    expect(allArrivals([{ durationMs: 1, target: 0.001 }], 0.001)).toEqual([0]);
  });

  test("do not drift over a thousand million", () => {
    const curve = flatCurve(7_000, 30 * 86_400_000);
    for (const n of [1, 6_999, 1_000_000_007, 18_143_999_999])
      expect(arrivalMs(curve, 1_000, n)).toBe((n * 1_000) / 7_000);
    expect(arrivalsTotal(curve, 1_000)).toBe(18_144_000_000);
  });
});

describe("arrivals of a ramping rate", () => {
  test("of a ramp from 0 come at the roots of its integral", () => {
    const arrivals = allArrivals([{ durationMs: 1_000, target: 10 }], 0);
    expect(arrivals).toHaveLength(5);
    arrivals.forEach((atMs, n) => expect(atMs).toBeCloseTo(1_000 * Math.sqrt(n / 5), 9));
  });

  test("of a ramp to 0 mirror those of a ramp from 0", () => {
    const down = allArrivals([{ durationMs: 1_000, target: 0 }], 10);
    down.forEach((atMs, n) => expect(atMs).toBeCloseTo(1_000 * (1 - Math.sqrt((5 - n) / 5)), 9));
  });

  test("wait for the rate to rise above 0 and pause where it is 0", () => {
    const stages = [
      { durationMs: 5_000, target: 0 },
      { durationMs: 0, target: 2 },
      { durationMs: 1_000, target: 2 },
      { durationMs: 0, target: 0 },
      { durationMs: 3_000, target: 0 },
      { durationMs: 0, target: 1 },
      { durationMs: 1_500, target: 1 },
    ];
    expect(allArrivals(stages, 0)).toEqual([5_000, 5_500, 9_000, 10_000]);
  });

  test("are where the integral passes their number, in order, their count the integral rounded up", () => {
    fc.assert(
      fc.property(someStages(500, 20_000), fc.integer({ min: 0, max: 500 }), (stages, start) => {
        const curve = curveOf(stages, start);
        const integral = integralAt(stages, start, curve.endMs);
        const arrivals = allArrivals(stages, start);
        expect(Math.abs(arrivals.length - integral)).toBeLessThan(1 + 1e-6);
        expect(arrivals.length).toBeGreaterThanOrEqual(integral - 1e-6);
        let lastMs = -1;
        arrivals.forEach((atMs, n) => {
          expect(Math.abs(integralAt(stages, start, atMs) - n)).toBeLessThan(1e-6);
          expect(atMs).toBeGreaterThan(lastMs);
          expect(atMs).toBeLessThanOrEqual(curve.endMs);
          lastMs = atMs;
        });
      }),
      { numRuns: 60 },
    );
  });

  test("of whole trapezoids number exactly their area", () => {
    const stages = [
      { durationMs: 333, target: 3_000 },
      { durationMs: 334, target: 3_000 },
      { durationMs: 333, target: 0 },
    ];
    expect(arrivalsTotal(curveOf(stages, 0), 1_000)).toBe(2_001);
    const thirds = Array.from({ length: 3 }, () => ({ durationMs: 1_000, target: 1 / 3 }));
    expect(arrivalsTotal(curveOf(thirds, 1 / 3), 1_000)).toBe(1);
  });

  test("are exact at the flat end of a long ramp, where the quadratic formula cancels", () => {
    const curve = curveOf([{ durationMs: 86_400_000, target: 0 }], 100_000);
    const total = arrivalsTotal(curve, 1_000);
    for (const left of [1, 2, 3, 1_000]) {
      const expectedMs = 86_400_000 * (1 - Math.sqrt(left / total));
      expect(Math.abs(arrivalMs(curve, 1_000, total - left) - expectedMs)).toBeLessThan(1e-6);
    }
  });

  test("stay in order at the flat end of a long ramp of a high rate", () => {
    const curve = curveOf([{ durationMs: 86_400_000, target: 0 }], 100_000);
    const total = arrivalsTotal(curve, 1_000);
    let lastMs = -1;
    for (let n = total - 10_000; n < total; n++) {
      const atMs = arrivalMs(curve, 1_000, n);
      expect(atMs).toBeGreaterThan(lastMs);
      lastMs = atMs;
    }
  });
});

describe("arrivals before an instant", () => {
  test("are those whose instant is earlier, up to rounding at that very instant", () => {
    fc.assert(
      fc.property(
        someStages(100, 5_000),
        fc.integer({ min: 0, max: 100 }),
        fc.nat(30_000),
        (stages, start, elapsedMs) => {
          const arrivals = allArrivals(stages, start);
          const counted = arrivalsBefore(curveOf(stages, start), 1_000, elapsedMs);
          expect(counted).toBeGreaterThanOrEqual(arrivals.filter((atMs) => atMs < elapsedMs - 1e-3).length);
          expect(counted).toBeLessThanOrEqual(arrivals.filter((atMs) => atMs < elapsedMs + 1e-3).length);
        },
      ),
    );
    expect(arrivalsBefore(flatCurve(10, 1_000), 1_000, 0)).toBe(0);
    expect(arrivalsBefore(flatCurve(10, 1_000), 1_000, 100)).toBe(1);
    expect(arrivalsBefore(flatCurve(10, 1_000), 1_000, 101)).toBe(2);
  });
});
