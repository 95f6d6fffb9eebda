// What is measured under a load: very short and very long times, VUs as they ramp, iterations over a whole run, sums of
// many small numbers. Cells by hand; a simulated cluster for what comes of them.

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { quantile, TrendSum } from "../../src/load/histogram.ts";
import { growth, mergeCells, select } from "../../src/load/merge.ts";
import { packedSeriesSchema, packSeries, unpackAll } from "../../src/node/series-codec.ts";
import { decode, encode } from "../../src/wire/codec.ts";
import { seriesOf, trendOf } from "../load/samples.ts";
import { workflowPlan } from "../node/plans.ts";
import { clusterUp, eventsOf, steady } from "./cluster.ts";

setDefaultTimeout(60_000);

describe("times", () => {
  test("[LD-34.1.1] [LD-34.1.2] of a microsecond and of many minutes are in one trend, each within 0.1 %", () => {
    const values = [0.001, 0.0421, 0.7, 31_000, 95_500.5, 1_800_000];
    const trend = trendOf(values.flatMap((value) => Array.from({ length: 10 }, () => value)));
    for (const [at, value] of values.entries()) {
      const read = quantile(trend, (at + 0.5) / values.length);
      expect(Math.abs(read - value)).toBeLessThanOrEqual(value * 0.001);
    }
    expect([trend.count, trend.min, trend.max]).toEqual([60, 0.001, 1_800_000]);
  });

  test("[LD-34.4.1] a million small ones, in any number of shares, sum without a drift that anybody could see", () => {
    const sums = [1, 7, 64].map((shares) => {
      const sum = new TrendSum();
      const each = Math.ceil(1_000_000 / shares);
      for (let share = 0; share < shares; share++) {
        const count = Math.min(each, 1_000_000 - share * each);
        const part = trendOf([0.1]);
        // A share's own sum, added up one by one as a core does it.
        let own = 0;
        for (let at = 0; at < count; at++) own += 0.1;
        sum.add({ ...part, count, sum: own, counts: part.counts.map((one) => (one > 0 ? count : 0)) });
      }
      return sum.take();
    });
    for (const { count, sum } of sums) {
      expect(count).toBe(1_000_000);
      expect(Math.abs(sum - 100_000) / 100_000).toBeLessThan(1e-9);
    }
  });

  test("[LD-34.4.2] counts add, grow and travel exactly up to 2^53 - 1, 285 years at a million a second", () => {
    const most = Number.MAX_SAFE_INTEGER;
    const half = { type: "counter", count: 2 ** 52, sum: 2 ** 52 } as const;
    const rest = { type: "counter", count: 2 ** 52 - 1, sum: 2 ** 52 - 1 } as const;
    const whole = mergeCells(half, rest);
    expect(whole).toEqual({ type: "counter", count: most, sum: most });
    expect(growth(whole, half)).toEqual(rest);
    const decoded = decode(encode(packSeries(seriesOf("http_reqs", {}, whole))));
    if (!decoded.ok) throw new Error(decoded.message);
    expect(unpackAll([packedSeriesSchema.parse(decoded.value)])[0]?.cells).toEqual(whole);
  });

  test("[LD-34.4.4] percentiles of few samples are samples: of one, all are it; of ten, p99 is the largest", () => {
    const one = trendOf([42]);
    for (const q of [0, 0.5, 0.99, 1]) expect(quantile(one, q)).toBe(42);
    const ten = trendOf([1, 2, 3, 4, 5, 6, 7, 8, 9, 1_000]);
    expect(Math.abs(quantile(ten, 0.99) - 1_000)).toBeLessThanOrEqual(1);
    expect(Math.abs(quantile(ten, 0.9) - 9)).toBeLessThanOrEqual(0.009);
  });
});

describe("a run on a cluster", () => {
  test("[LD-34.2.1] [LD-34.2.2] the VUs of each second follow the ramp up and down, over all cores", () => {
    const cluster = clusterUp();
    const stages = [
      { durationMs: 4_000, target: 8 },
      { durationMs: 4_000, target: 0 },
    ];
    const submitted = cluster.submit("c0", "job1", {
      workflows: [
        workflowPlan("default", { executor: { kind: "ramping-vus", startVus: 0, stages, gracefulRampDownMs: 1_000 } }),
      ],
    });
    cluster.finish(submitted, 30_000);
    const vus = eventsOf(submitted, "second").map(({ window }) => window.vus);
    expect(vus.length).toBeGreaterThanOrEqual(8);
    // Within a second the ramp covers 2 VUs; one that is ramped down ends its iteration first.
    for (const second of [0, 1, 2, 3]) expect(Math.abs((vus[second] ?? -9) - 2 * (second + 1))).toBeLessThanOrEqual(2);
    for (const second of [5, 6, 7]) expect(Math.abs((vus[second] ?? 99) - 2 * (8 - second))).toBeLessThanOrEqual(2);
  });

  test("[LD-34.3.1] [LD-34.3.2] each workflow has its own durations and rate, and those of all cores are in them", () => {
    const cluster = clusterUp();
    const both = [
      ...steady(4, { vus: 4 }),
      workflowPlan("slow", { executor: { kind: "constant-vus", vus: 4, durationMs: 4_000 } }),
    ];
    const scripts = { default: { latencyMs: 100 }, slow: { latencyMs: 400 } };
    const result = cluster.finish(cluster.submit("c0", "job1", { workflows: both }, scripts), 30_000);
    for (const [name, latencyMs] of [
      ["default", 100],
      ["slow", 400],
    ] as const) {
      const { series, accounting } = result.workflows.find((workflow) => workflow.name === name) ?? {};
      const durations = select(series ?? [], "iteration_duration", {});
      if (durations?.type !== "trend") throw new Error("it is a trend");
      expect(durations.count).toBe(accounting?.completed ?? -1);
      expect(durations.min).toBeGreaterThanOrEqual(latencyMs * 0.5);
      expect(durations.max).toBeLessThanOrEqual(latencyMs * 1.5);
      // Four VUs, one iteration after the other, for four seconds.
      const perSecond = durations.count / 4;
      expect(Math.abs(perSecond - 4_000 / latencyMs)).toBeLessThan((4_000 / latencyMs) * 0.15);
    }
  });
});
