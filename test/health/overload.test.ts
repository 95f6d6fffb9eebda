// Goal: each signal raises the level where its table says, noise does not make it flap, a slide too slow to be a rise
// ends at the absolute thresholds, and a level is left by steps. Method: tables, long seeded runs, planted settings
// under which the same runs must fail.

import { describe, expect, test } from "bun:test";
import {
  CONTROL_NODE,
  createOverload,
  isWorse,
  levelOf,
  observe,
  OVERLOAD_LEVELS,
  type Overload,
  type OverloadConfig,
  overloadConfigSchema,
  type OverloadLevel,
  type OverloadSample,
  overloadView,
  WORKER_NODE,
} from "../../src/health/overload.ts";
import { createPrng, nextFloat } from "../../src/base/prng.ts";

const IDLE: OverloadSample = { latencyMs: 10, cpu: 0.2, memory: 0.3 };

/** The levels after each sample. */
function feed(state: Overload, samples: readonly OverloadSample[], config = CONTROL_NODE): OverloadLevel[] {
  return samples.map((sample) => observe(state, config, sample));
}

function times(number: number, sample: Partial<OverloadSample>): OverloadSample[] {
  return Array.from({ length: number }, () => ({ ...IDLE, ...sample }));
}

/** The level that so many equal samples lead to, after 20 of `before`. */
function levelAfter(sample: Partial<OverloadSample>, before: Partial<OverloadSample> = {}): OverloadLevel | undefined {
  const state = createOverload(CONTROL_NODE);
  feed(state, times(20, before));
  return feed(state, times(6, sample)).at(-1);
}

function changes(levels: readonly OverloadLevel[]): number {
  return levels.filter((level, at) => at > 0 && level !== levels[at - 1]).length;
}

describe("signals", () => {
  const tables: readonly (readonly [
    name: string,
    before: Partial<OverloadSample>,
    rows: readonly (readonly [sample: Partial<OverloadSample>, level: OverloadLevel])[],
  ])[] = [
    [
      "[GM-4.1.2] latency as such: 200, 500, 2,000 ms",
      { latencyMs: 199 },
      [
        [{ latencyMs: 199 }, "healthy"],
        [{ latencyMs: 200 }, "busy"],
        [{ latencyMs: 2_000 }, "overloaded"],
      ],
    ],
    [
      "[GM-4.1.1] latency above its baseline of 100 ms: 20 and 50 %, and never overloaded alone",
      { latencyMs: 100 },
      [
        [{ latencyMs: 115 }, "healthy"],
        [{ latencyMs: 125 }, "busy"],
        [{ latencyMs: 155 }, "stressed"],
        [{ latencyMs: 199 }, "stressed"],
      ],
    ],
    [
      "a rise below the floor is none: 1 ms to 50 ms",
      { latencyMs: 1 },
      [
        [{ latencyMs: 50 }, "healthy"],
        [{ latencyMs: 61 }, "busy"],
      ],
    ],
    [
      "[GM-4.1.3] CPU: 70, 85, 95 %",
      {},
      [
        [{ cpu: 0.69 }, "healthy"],
        [{ cpu: 0.7 }, "busy"],
        [{ cpu: 0.85 }, "stressed"],
        [{ cpu: 0.95 }, "overloaded"],
      ],
    ],
    [
      "[GM-4.1.4] memory: 70, 85, 95 %",
      {},
      [
        [{ memory: 0.69 }, "healthy"],
        [{ memory: 0.7 }, "busy"],
        [{ memory: 0.85 }, "stressed"],
        [{ memory: 0.95 }, "overloaded"],
      ],
    ],
    ["the worst signal wins", {}, [[{ cpu: 0.72, memory: 0.96, latencyMs: 600 }, "overloaded"]]],
  ];
  for (const [name, before, rows] of tables) {
    test(name, () => {
      for (const [sample, level] of rows)
        expect({ sample, level: levelAfter(sample, before) }).toEqual({ sample, level });
    });
  }

  test("levelOf scales thresholds down for release, and judges nothing where there is nothing", () => {
    const thresholds = { busy: 1, stressed: 2, overloaded: 3 };
    expect([0.89, 0.9, 1.8, 2.7].map((value) => levelOf(value, thresholds, 0.9))).toEqual([...OVERLOAD_LEVELS]);
    expect(levelOf(null, thresholds, 1)).toBe("healthy");
    expect(levelOf(9, null, 1)).toBe("healthy");
  });

  test("a worker's full cores are no overload, its late main thread is", () => {
    const state = createOverload(WORKER_NODE);
    expect(feed(state, times(30, { cpu: 1 }), WORKER_NODE).at(-1)).toBe("healthy");
    expect(feed(state, times(6, { cpu: 1, latencyMs: 700 }), WORKER_NODE).at(-1)).toBe("stressed");
  });

  test("the first baseline is the mean of the warm-up, not its first sample", () => {
    const config = overloadConfigSchema.parse({ window: 1 });
    const state = createOverload(config);
    feed(
      state,
      [100, 50, 60].map((latencyMs) => ({ ...IDLE, latencyMs })),
      config,
    );
    expect(overloadView(state)).toMatchObject({ baselineMs: 70, latencyMs: 60 });
  });

  test("before the warm-up is over there is no baseline, and the other signals judge already", () => {
    const state = createOverload(CONTROL_NODE);
    expect(feed(state, times(2, { latencyMs: 60 }).concat(times(7, { latencyMs: 190 }))).at(-1)).toBe("healthy");
    expect(feed(createOverload(CONTROL_NODE), times(2, { latencyMs: 600 })).at(-1)).toBe("stressed");
  });
});

describe("levels", () => {
  const climb = [...times(20, {}), ...times(5, { cpu: 0.72 }), ...times(5, { cpu: 0.9 }), ...times(5, { cpu: 0.99 })];
  const lateness = [65, 90, 3_000].flatMap((latencyMs) => times(8, { latencyMs }));
  const distinct = (levels: readonly OverloadLevel[]): OverloadLevel[] =>
    levels.filter((level, at) => level !== levels[at - 1]);

  test("[GM-4.1.5] a growing load goes through every level in order", () => {
    expect(distinct(feed(createOverload(CONTROL_NODE), climb))).toEqual([...OVERLOAD_LEVELS]);
  });

  test("[MW-5.2.1] [MW-5.2.2] [MW-5.2.3] so does a worker whose main thread gets later and later", () => {
    const levels = feed(createOverload(WORKER_NODE), [...times(20, {}), ...lateness], WORKER_NODE);
    expect(distinct(levels)).toEqual([...OVERLOAD_LEVELS]);
  });

  for (const [who, config] of [
    ["[GM-4.1.6] a manager", CONTROL_NODE],
    ["[MW-5.2.4] a worker", WORKER_NODE],
  ] as const) {
    test(`${who} whose load is gone is lowered step by step, five samples each`, () => {
      const state = createOverload(config);
      feed(state, [...times(20, {}), ...lateness], config);
      const levels = feed(state, times(40, {}), config);
      const steps = levels.flatMap((level, at) => (level === levels[at - 1] ? [] : [{ level, at }]));
      expect(steps.map(({ level }) => level)).toEqual(["overloaded", "stressed", "busy", "healthy"]);
      const lengths = steps.slice(2).map(({ at }, index) => at - (steps[index + 1]?.at ?? 0));
      expect(lengths).toEqual([5, 5]);
    });
  }

  test("a level is left only clearly below its threshold, not just below", () => {
    const state = createOverload(CONTROL_NODE);
    feed(state, times(10, { cpu: 0.72 }));
    expect(feed(state, times(60, { cpu: 0.64 })).at(-1)).toBe("busy");
    expect(feed(state, times(10, { cpu: 0.62 })).at(-1)).toBe("healthy");
  });

  test("two samples in a row raise it, to the lesser of what they say", () => {
    const config = overloadConfigSchema.parse({ window: 1 });
    const levels = (...cpus: readonly number[]): OverloadLevel | undefined =>
      feed(
        createOverload(config),
        cpus.map((cpu) => ({ ...IDLE, cpu })),
        config,
      ).at(-1);
    expect(levels(0.99, 0.72)).toBe("busy");
    expect(levels(0.72, 0.99)).toBe("busy");
    expect(levels(0.99, 0.99)).toBe("overloaded");
    expect(levels(0.99, 0.1, 0.99)).toBe("healthy");
  });

  test("a sudden collapse is overloaded at once, not after four steps", () => {
    const state = createOverload(CONTROL_NODE);
    feed(state, times(20, {}));
    // Three samples turn a median of five, the fourth confirms.
    expect(feed(state, times(4, { latencyMs: 9_000 }))).toEqual(["healthy", "healthy", "healthy", "overloaded"]);
  });

  test("single outliers never raise it", () => {
    const state = createOverload(CONTROL_NODE);
    const samples = Array.from({ length: 2_000 }, (_, at) =>
      at % 4 === 3 ? { latencyMs: 30_000, cpu: 1, memory: 1 } : IDLE,
    );
    // One in four: two of five at most, never the middle one.
    expect(new Set(feed(state, samples))).toEqual(new Set(["healthy"]));
  });

  test("an idle node recovers: periods without work are good ones", () => {
    const state = createOverload(CONTROL_NODE);
    expect(feed(state, times(10, { latencyMs: 5_000 })).at(-1)).toBe("overloaded");
    expect(feed(state, times(30, { latencyMs: null })).at(-1)).toBe("healthy");
  });

  test("a sensor that stops or goes mad holds no level and poisons nothing", () => {
    for (const bad of [null, Number.NaN, Number.POSITIVE_INFINITY]) {
      const state = createOverload(CONTROL_NODE);
      expect(feed(state, times(10, { cpu: 0.99 })).at(-1)).toBe("overloaded");
      expect(feed(state, times(30, { cpu: bad, memory: bad, latencyMs: bad })).at(-1)).toBe("healthy");
      expect(Number.isFinite(overloadView(state).baselineMs)).toBe(true);
    }
  });
});

/** A working day of 1 s samples: `latencyMs` of each second with +-30 % of noise and CPU noise of +-0.1 around `cpu`. */
function day(seed: number, config: OverloadConfig, latencyMs: (at: number) => number, cpu: number): OverloadLevel[] {
  const prng = createPrng(seed);
  const state = createOverload(config);
  return Array.from({ length: 28_800 }, (_, at) =>
    observe(state, config, {
      latencyMs: latencyMs(at) * (0.7 + 0.6 * nextFloat(prng)),
      cpu: cpu - 0.1 + 0.2 * nextFloat(prng),
      memory: 0.4,
    }),
  );
}

describe("a working day", () => {
  test("[LD-44.10] noise around a threshold does not make it flap", () => {
    for (const cpu of [0.7, 0.85]) {
      const levels = day(1, CONTROL_NODE, () => 10, cpu);
      // The median crosses the threshold thousands of times; the level may move once in ten minutes.
      expect(changes(levels)).toBeLessThan(48);
    }
    // A worker about the threshold of its lateness.
    expect(changes(day(1, WORKER_NODE, () => 200, 1))).toBeLessThan(96);
    const planted = overloadConfigSchema.parse({ raiseAfter: 1, lowerAfter: 1, lowerAfterMax: 1, release: 1 });
    expect(changes(day(1, planted, () => 10, 0.7))).toBeGreaterThan(1_500);
  });

  test("noise of 30 % around a steady latency is no rise", () => {
    expect(changes(day(2, CONTROL_NODE, () => 20, 0.3))).toBe(0);
    expect(changes(day(2, CONTROL_NODE, () => 120, 0.3))).toBeLessThan(100);
  });

  test("[MW-11.3.1] a slide too slow to be a rise is caught where latency as such says so", () => {
    // 60 ms to 700 ms in eight hours: 0.009 % a second.
    const slide = (at: number): number => 60 * (700 / 60) ** (at / 28_800);
    const levels = day(3, CONTROL_NODE, slide, 0.3);
    const first = (level: OverloadLevel): number => levels.indexOf(level);
    expect(slide(first("busy"))).toBeLessThan(240);
    expect(levels.at(-1)).toBe("stressed");
    // And what a baseline without a ceiling and without thresholds as such would have said: nothing.
    const planted = overloadConfigSchema.parse({
      latencyMs: { busy: 1e6, stressed: 2e6, overloaded: 3e6 },
      riseAlpha: 0.1,
    });
    expect(day(3, planted, slide, 0.3).slice(-1_000)).not.toContain("stressed");
  });

  test("the baseline never grows beyond the ceiling: after hours of overload a doubling is still seen", () => {
    const state = createOverload(CONTROL_NODE);
    feed(state, times(100, { latencyMs: 100 }));
    feed(state, times(20_000, { latencyMs: 900 }));
    expect(overloadView(state).baselineMs).toBeLessThanOrEqual(200);
    feed(state, times(60, { latencyMs: 100 }));
    expect(feed(state, times(6, { latencyMs: 190 })).at(-1)).not.toBe("healthy");
  });

  test("a lasting shift that hurts nobody becomes the norm", () => {
    const state = createOverload(CONTROL_NODE);
    feed(state, times(100, { latencyMs: 80 }));
    expect(feed(state, times(10, { latencyMs: 130 })).at(-1)).toBe("stressed");
    expect(feed(state, times(1_500, { latencyMs: 130 })).at(-1)).toBe("healthy");
  });

  test("who flaps is held longer, and a calm while sets it back", () => {
    const state = createOverload(CONTROL_NODE);
    const waves = Array.from({ length: 40 }, () => [...times(6, { cpu: 0.8 }), ...times(10, {})]).flat();
    const levels = feed(state, waves);
    // 40 waves; without damping each would be two changes.
    expect(changes(levels)).toBeLessThan(12);
    expect(state.lowerAfter).toBe(20);
    feed(state, times(120, {}));
    expect([state.level, state.lowerAfter]).toEqual(["healthy", CONTROL_NODE.lowerAfter]);
    const undamped = overloadConfigSchema.parse({ lowerAfterMax: 5 });
    expect(changes(feed(createOverload(undamped), waves, undamped))).toBeGreaterThan(60);
  });
});

test("the state is plain, bounded data: a clone goes on the same", () => {
  const prng = createPrng(7);
  const state = createOverload(CONTROL_NODE);
  for (let at = 0; at < 5_000; at++) {
    const sample = { latencyMs: nextFloat(prng) * 900, cpu: nextFloat(prng), memory: nextFloat(prng) };
    const clone = structuredClone(state);
    expect(observe(clone, CONTROL_NODE, sample)).toBe(observe(state, CONTROL_NODE, sample));
    expect(clone).toEqual(state);
    expect(state.latencies.length).toBeLessThanOrEqual(5);
  }
});

test("levels are ordered, and settings that contradict themselves are refused", () => {
  expect(isWorse("busy", "healthy")).toBe(true);
  expect(isWorse("busy", "busy")).toBe(false);
  expect(isWorse("busy", "overloaded")).toBe(false);
  const twisted = { cpu: { busy: 0.9, stressed: 0.8, overloaded: 0.95 } };
  expect(overloadConfigSchema.safeParse(twisted).error?.message).toContain("thresholds must ascend");
  expect(overloadConfigSchema.safeParse({ windw: 3 }).success).toBe(false);
});
