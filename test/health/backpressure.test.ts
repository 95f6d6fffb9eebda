// Goal: a manager's level follows its queue and overload up at once and down by steps, and a worker sends by the highest
// level that still holds. Method: tables, random fills, and a closed loop: workers that flush by the level of a queue
// which they fill, run for minutes, also with planted settings under which it must oscillate.

import { describe, expect, test } from "bun:test";
import { createPrng, nextFloat } from "../../src/base/prng.ts";
import {
  CLUSTER_FLUSH,
  createFlush,
  createPressure,
  EMBEDDED_FLUSH,
  flush,
  flushConfigSchema,
  flushLevel,
  flushPlan,
  forgetManager,
  hearLevel,
  higher,
  press,
  PRESSURE,
  type PressureConfig,
  pressureConfigSchema,
  type PressureLevel,
  PRESSURE_LEVELS,
  pressureOf,
} from "../../src/health/backpressure.ts";
import type { OverloadLevel } from "../../src/health/overload.ts";

/** No band, no steps, no memory. */
const RESTLESS = pressureConfigSchema.parse({ release: 1, stepDownMs: 1, stepDownMaxMs: 1 });

const fill = (percent: number, overload: OverloadLevel = "healthy") => ({ queued: percent, queueMax: 100, overload });

describe("a manager", () => {
  const table: readonly (readonly [percent: number, overload: OverloadLevel, level: PressureLevel])[] = [
    [0, "healthy", "none"],
    [69, "healthy", "none"],
    [70, "healthy", "throttle"],
    [84, "healthy", "throttle"],
    [85, "healthy", "batch"],
    [95, "healthy", "reject"],
    [500, "healthy", "reject"],
    [0, "busy", "throttle"],
    [0, "stressed", "batch"],
    [0, "overloaded", "reject"],
    [90, "busy", "batch"],
    [72, "stressed", "batch"],
    [90, "overloaded", "reject"],
  ];
  for (const [percent, overload, level] of table) {
    test(`${percent} % full and ${overload}: ${level}`, () => {
      expect(pressureOf(PRESSURE, fill(percent, overload), 1)).toBe(level);
      expect(press(createPressure(PRESSURE), PRESSURE, 0, fill(percent, overload))).toBe(level);
    });
  }

  test("[LD-42.3.3] [MW-11.1.1] a queue that fills goes through every level in order", () => {
    const state = createPressure(PRESSURE);
    const levels = Array.from({ length: 101 }, (_, percent) => press(state, PRESSURE, percent, fill(percent)));
    expect(levels.filter((level, at) => level !== levels[at - 1])).toEqual([...PRESSURE_LEVELS]);
  });

  test("[LD-48.3] it falls one step at a time, each after two seconds of less", () => {
    const state = createPressure(PRESSURE);
    press(state, PRESSURE, 0, fill(100));
    const steps: (readonly [number, PressureLevel])[] = [];
    for (let now = 100; now <= 8_000; now += 100) {
      const before = state.level;
      const level = press(state, PRESSURE, now, fill(0));
      if (level !== before) steps.push([now, level]);
    }
    expect(steps).toEqual([
      [2_100, "batch"],
      [4_100, "throttle"],
      [6_100, "none"],
    ]);
  });

  test("a level is not left within its band, nor when the calm is interrupted", () => {
    const state = createPressure(PRESSURE);
    press(state, PRESSURE, 0, fill(70));
    for (let now = 0; now < 60_000; now += 500) expect(press(state, PRESSURE, now, fill(57))).toBe("throttle");
    for (let now = 60_000; now < 120_000; now += 1_000)
      expect(press(state, PRESSURE, now, fill(now % 2_000 === 0 ? 60 : 10))).toBe("throttle");
  });

  test("a calm that began before a raise does not count after it", () => {
    const state = createPressure(PRESSURE);
    press(state, PRESSURE, 0, fill(70));
    press(state, PRESSURE, 1_000, fill(0));
    press(state, PRESSURE, 2_500, fill(100));
    expect(press(state, PRESSURE, 2_600, fill(0))).toBe("reject");
    expect(press(state, PRESSURE, 4_500, fill(0))).toBe("reject");
    expect(press(state, PRESSURE, 4_600, fill(0))).toBe("batch");
  });

  test("who swings is lowered ever later, and a calm minute sets that back", () => {
    const state = createPressure(PRESSURE);
    const lowered = (from: number): number => {
      press(state, PRESSURE, from, fill(70));
      for (let now = from; ; now += 100) if (press(state, PRESSURE, now, fill(0)) === "none") return now - from;
    };
    const waits = Array.from({ length: 6 }, (_, at) => lowered(at * 40_000));
    expect(waits).toEqual([2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    press(state, PRESSURE, 300_000, fill(0));
    expect(lowered(300_000)).toBe(2_000);
    // A rise through three levels is one swing.
    for (const percent of [70, 85, 95]) press(state, PRESSURE, 303_000, fill(percent));
    expect(state.stepDownMs).toBe(4_000);
  });

  test("a queue that jumps about its thresholds changes the level rarely; without hysteresis, all the time", () => {
    const changes = (config: PressureConfig): number => {
      const prng = createPrng(6);
      const state = createPressure(config);
      let changed = 0;
      for (let now = 0; now < 600_000; now += 100) {
        const before = state.level;
        if (press(state, config, now, fill(60 + 20 * nextFloat(prng))) !== before) changed++;
      }
      return changed;
    };
    expect(changes(PRESSURE)).toBe(1);
    expect(changes(RESTLESS)).toBeGreaterThan(1_000);
  });
});

describe("a worker", () => {
  const plans: readonly (readonly [
    id: string,
    level: PressureLevel,
    intervalMs: number,
    isBatched: boolean,
    sendsLive: boolean,
  ])[] = [
    ["[MW-9.3.1] [MW-11.2.1] ", "none", 1_000, false, true],
    ["[MW-9.3.2] [MW-11.2.2] [LD-41.9.1] ", "throttle", 2_000, false, false],
    ["[MW-9.3.3] [MW-11.2.3] [LD-41.9.2] ", "batch", 4_000, true, false],
    ["[MW-9.3.4] [MW-11.2.4] ", "reject", 10_000, true, false],
  ];
  for (const [id, level, intervalMs, isBatched, sendsLive] of plans) {
    test(`${id}at ${level} it sends every ${intervalMs} ms, ${isBatched ? "batched" : "one by one"}`, () => {
      expect(flushPlan(CLUSTER_FLUSH, level)).toEqual({ intervalMs, isBatched, sendsLive });
      const state = createFlush();
      const sentAt: number[] = [];
      for (let now = 0; now <= 40_000; now += 100) {
        hearLevel(state, CLUSTER_FLUSH, now, { manager: "m1", level });
        const decision = flush(state, CLUSTER_FLUSH, now);
        if (decision.kind === "send") sentAt.push(now);
        else expect(decision.untilMs).toBe((sentAt.at(-1) ?? 0) + intervalMs);
      }
      expect(sentAt).toEqual(Array.from({ length: 40_000 / intervalMs + 1 }, (_, at) => at * intervalMs));
    });
  }

  test("[MW-11.1.2] [MW-11.1.3] it keeps to the highest level of its managers", () => {
    const state = createFlush();
    hearLevel(state, CLUSTER_FLUSH, 0, { manager: "m1", level: "throttle" });
    hearLevel(state, CLUSTER_FLUSH, 0, { manager: "m2", level: "batch" });
    hearLevel(state, CLUSTER_FLUSH, 0, { manager: "m3", level: "none" });
    expect(flushLevel(state, CLUSTER_FLUSH, 0)).toBe("batch");
    hearLevel(state, CLUSTER_FLUSH, 1, { manager: "m2", level: "none" });
    expect(flushLevel(state, CLUSTER_FLUSH, 1)).toBe("throttle");
    forgetManager(state, "m1");
    expect(flushLevel(state, CLUSTER_FLUSH, 1)).toBe("none");
  });

  test("the word of a manager that fell silent ends", () => {
    const state = createFlush();
    hearLevel(state, CLUSTER_FLUSH, 0, { manager: "m1", level: "reject" });
    expect(flushLevel(state, CLUSTER_FLUSH, 14_999)).toBe("reject");
    expect(flushLevel(state, CLUSTER_FLUSH, 15_000)).toBe("none");
  });

  test("a level that falls is acted on at once, and managers that come and go are not remembered", () => {
    const state = createFlush();
    hearLevel(state, CLUSTER_FLUSH, 0, { manager: "m1", level: "reject" });
    expect(flush(state, CLUSTER_FLUSH, 0).kind).toBe("send");
    expect(flush(state, CLUSTER_FLUSH, 5_000)).toEqual({ kind: "wait", untilMs: 10_000 });
    hearLevel(state, CLUSTER_FLUSH, 5_000, { manager: "m1", level: "batch" });
    expect(flush(state, CLUSTER_FLUSH, 5_000).kind).toBe("send");
    for (let number = 0; number < 1_000; number++)
      hearLevel(state, CLUSTER_FLUSH, 5_000, { manager: `m${number}`, level: "none" });
    expect(state.told.size).toBe(CLUSTER_FLUSH.managersMax);
    hearLevel(state, CLUSTER_FLUSH, 5_000, { manager: "m984", level: "throttle" });
    hearLevel(state, CLUSTER_FLUSH, 5_000, { manager: "new", level: "none" });
    expect([state.told.has("m984"), state.told.has("m985")]).toEqual([true, false]);
  });

  test("at reject it never sends more often than at batch", () => {
    const config = flushConfigSchema.parse({ intervalMs: 5_000, levelTtlMs: 30_000 });
    expect(flushPlan(config, "reject").intervalMs).toBe(20_000);
  });

  test("embedded, it sends ten times a second, and is never silent for longer than one", () => {
    expect(PRESSURE_LEVELS.map((level) => flushPlan(EMBEDDED_FLUSH, level).intervalMs)).toEqual([100, 200, 400, 1_000]);
  });
});

type Loop = {
  readonly changes: number;
  readonly queueMax: number;
  readonly levels: ReadonlySet<PressureLevel>;
  /** When the level rose last. */
  readonly raisedAt: number;
  readonly final: PressureLevel;
};

/**
 * 200 workers fill the queue of a manager, with room for two rounds of them, that takes so many snapshots a second. They
 * hear its level once a second, in the answers to what renews their leases.
 */
function loop(perSecond: (now: number) => number, config: PressureConfig): Loop {
  const prng = createPrng(12);
  const workers = Array.from({ length: 200 }, (_, at) => ({
    state: { ...createFlush(), sentAt: 1_000 * nextFloat(prng) },
    hearsAt: (at * 1_000) / 200,
  }));
  const pressure = createPressure(config);
  let [queued, changes, most, raisedAt] = [0, 0, 0, 0];
  const levels = new Set<PressureLevel>();
  for (let now = 1_000; now < 200_000; now += 50) {
    for (const { state, hearsAt } of workers) {
      if (now % 1_000 === hearsAt - (hearsAt % 50))
        hearLevel(state, CLUSTER_FLUSH, now, { manager: "m1", level: pressure.level });
      if (flush(state, CLUSTER_FLUSH, now).kind === "send") queued++;
    }
    queued = Math.max(0, queued - perSecond(now) / 20);
    most = Math.max(most, queued);
    const before = pressure.level;
    const level = press(pressure, config, now, { queued, queueMax: 400, overload: "healthy" });
    levels.add(level);
    if (level === before) continue;
    changes++;
    if (higher(level, before) === level) raisedAt = now;
  }
  return { changes, queueMax: most, levels, raisedAt, final: pressure.level };
}

describe("together", () => {
  test("[LD-21.1.5] [LD-21.4.1] [MW-9.2.3] a manager that takes half of what comes keeps its queue within its bound", () => {
    const slow = loop(() => 110, PRESSURE);
    expect(slow.queueMax).toBeLessThanOrEqual(400);
    expect(slow.levels.has("throttle")).toBe(true);
    // Workers that do not listen would have filled it with 18,000.
    const well = loop(() => 400, PRESSURE);
    expect([well.changes, [...well.levels]]).toEqual([0, ["none"]]);
  });

  test("[LD-42.3.5] [LD-44.8] after a slow minute it relaxes without oscillation and without a spike", () => {
    const slowMinute = (now: number): number => (now < 60_000 ? 60 : 400);
    const { changes, queueMax, raisedAt, final } = loop(slowMinute, PRESSURE);
    expect(changes).toBeLessThan(16);
    expect(queueMax).toBeLessThanOrEqual(400);
    expect(raisedAt).toBeLessThan(61_000);
    expect(final).toBe("none");
    expect(loop(slowMinute, RESTLESS).changes).toBeGreaterThan(100);
  });
});

test("levels are ordered, and settings that contradict themselves are refused", () => {
  expect(higher("batch", "throttle")).toBe("batch");
  expect(higher("none", "reject")).toBe("reject");
  expect(pressureConfigSchema.safeParse({ batch: 0.5 }).error?.message).toContain("thresholds must ascend");
  expect(flushConfigSchema.safeParse({ levelTtlMs: 9_000 }).error?.message).toContain("above the longest silence");
  expect(flushConfigSchema.safeParse({ intervalMs: 5_000 }).error?.message).toContain("above the longest silence");
  expect(() => pressureOf(PRESSURE, { queued: 0, queueMax: 0, overload: "healthy" }, 1)).toThrow("a queue has room");
});

test("states are plain data: clones go on the same", () => {
  const [one, worker] = [createPressure(PRESSURE), createFlush()];
  hearLevel(worker, CLUSTER_FLUSH, 0, { manager: "m1", level: "batch" });
  const [other, copy] = [structuredClone(one), structuredClone(worker)];
  for (let now = 0; now < 20_000; now += 700) {
    expect(press(other, PRESSURE, now, fill(now % 100))).toBe(press(one, PRESSURE, now, fill(now % 100)));
    expect(flush(copy, CLUSTER_FLUSH, now)).toEqual(flush(worker, CLUSTER_FLUSH, now));
  }
});
