// Backpressure on reports: a manager derives a level from its queues and its overload level and says it in its
// answers; a worker sends its snapshots by the highest level it was told. Snapshots are cumulative, so what is not sent
// is not lost: it is in the next one. Final snapshots and control messages never wait for any of this.

import * as z from "../base/schema.ts";
import { assert } from "../base/assert.ts";
import type { OverloadLevel } from "./overload.ts";

/** From free to closed. */
export const PRESSURE_LEVELS = ["none", "throttle", "batch", "reject"] as const;
/** How much is asked of those who report. */
export type PressureLevel = (typeof PRESSURE_LEVELS)[number];

const fill = z.number().positive().max(1);

/** Settings of the manager's side. */
export const pressureConfigSchema = z
  .strictObject({
    /** Queue fill from which each level holds: 0.70, 0.85, 0.95. Lower: workers slow down earlier. */
    throttle: fill.default(0.7),
    batch: fill.default(0.85),
    reject: fill.default(0.95),
    /** A level is left only below this part of its threshold (0.8). Lower: a wider band without change. */
    release: fill.default(0.8),
    /**
     * It is lowered by one step at a time, each after so long of less (2 s, two report intervals): the answer of the
     * workers to one step is seen before the next. Raise: calmer, slower.
     */
    stepDownMs: z.int().min(1).default(2_000),
    /**
     * A level raised again within flapMs (60 s) of a lowering doubles that time, up to stepDownMaxMs (30 s); flapMs at
     * none sets it back. The levels are few, so a load between two of them would swing for ever.
     */
    stepDownMaxMs: z.int().min(1).default(30_000),
    flapMs: z.int().min(1).default(60_000),
  })
  .refine(({ stepDownMs, stepDownMaxMs }) => stepDownMs <= stepDownMaxMs, "stepDownMs is at most stepDownMaxMs")
  .refine(({ throttle, batch, reject }) => throttle < batch && batch < reject, "thresholds must ascend");
/** Checked settings. */
export type PressureConfig = Readonly<z.infer<typeof pressureConfigSchema>>;
/** The defaults, for managers and gates. */
export const PRESSURE: PressureConfig = pressureConfigSchema.parse({});

/** State of one manager: plain data, changed by `press` alone. */
export type Pressure = {
  level: PressureLevel;
  /** Since when less than the level would do; null: it would not. */
  calmSince: number | null;
  /** When it was lowered last; null: never. */
  loweredAt: number | null;
  /** stepDownMs of the moment. */
  stepDownMs: number;
};

/** No pressure, no past. */
export function createPressure(config: PressureConfig): Pressure {
  return { level: "none", calmSince: null, loweredAt: null, stepDownMs: config.stepDownMs };
}

/** What the levels are judged by. `queued` may exceed `queueMax`. */
export type PressureSample = { readonly queued: number; readonly queueMax: number; readonly overload: OverloadLevel };

const OF_OVERLOAD: Readonly<Record<OverloadLevel, PressureLevel>> = {
  healthy: "none",
  busy: "throttle",
  stressed: "batch",
  overloaded: "reject",
};

/** Takes in the queues of a moment: rises at once, falls by steps. Out: the level to tell. */
export function press(state: Pressure, config: PressureConfig, now: number, sample: PressureSample): PressureLevel {
  const wanted = pressureOf(config, sample, 1);
  const isFlapping = state.loweredAt !== null && now - state.loweredAt < config.flapMs;
  if (rank(wanted) > rank(state.level)) {
    state.level = wanted;
    state.calmSince = null;
    if (isFlapping) state.stepDownMs = Math.min(config.stepDownMaxMs, state.stepDownMs * 2);
    // One raise is one flap: the next one counts only after another lowering.
    state.loweredAt = null;
    return state.level;
  }
  if (state.level === "none" && !isFlapping) state.stepDownMs = config.stepDownMs;
  if (rank(pressureOf(config, sample, config.release)) >= rank(state.level)) {
    state.calmSince = null;
    return state.level;
  }
  state.calmSince ??= now;
  if (now - state.calmSince < state.stepDownMs) return state.level;
  state.level = PRESSURE_LEVELS[rank(state.level) - 1] ?? "none";
  state.calmSince = now;
  state.loweredAt = now;
  return state.level;
}

/** The worse of what fill and overload ask for. In: a part of the fill thresholds (below 1 to release). */
export function pressureOf(config: PressureConfig, sample: PressureSample, scale: number): PressureLevel {
  assert(sample.queueMax > 0, "a queue has room");
  const filled = sample.queued / sample.queueMax;
  const byOverload = OF_OVERLOAD[sample.overload];
  if (filled >= config.reject * scale) return "reject";
  if (filled >= config.batch * scale) return higher("batch", byOverload);
  return filled >= config.throttle * scale ? higher("throttle", byOverload) : byOverload;
}

/** The higher of two levels. */
export function higher(a: PressureLevel, b: PressureLevel): PressureLevel {
  return rank(a) >= rank(b) ? a : b;
}

const factor = z.int().min(1);

/** Settings of the worker's side. */
export const flushConfigSchema = z
  .strictObject({
    /** Between a worker's snapshots when nobody is in trouble (1 s; embedded 100 ms). Lower: fresher, more traffic. */
    intervalMs: z.int().min(1).default(1_000),
    /** It is multiplied by these: every other, every fourth cycle. Raise: less traffic, staler views. */
    throttleFactor: factor.default(2),
    batchFactor: factor.default(4),
    /**
     * At reject nothing but finals goes out, yet never longer silent than this (10 s): it bounds what a worker's death
     * would leave unreported. Lower: tighter bound, less relief.
     */
    silenceMaxMs: z.int().min(1).default(10_000),
    /** A level not repeated for so long no longer holds (15 s): who said it may be gone. Above the longest silence. */
    levelTtlMs: z.int().min(1).default(15_000),
    /** Managers listened to (16); the oldest word goes. */
    managersMax: z.int().min(1).default(16),
  })
  .refine(({ throttleFactor, batchFactor }) => throttleFactor <= batchFactor, "throttleFactor is at most batchFactor")
  .refine(
    ({ intervalMs, batchFactor, silenceMaxMs, levelTtlMs }) =>
      levelTtlMs > Math.max(silenceMaxMs, intervalMs * batchFactor),
    "levelTtlMs is above the longest silence",
  );
/** Checked settings. */
export type FlushConfig = Readonly<z.infer<typeof flushConfigSchema>>;
/** A worker of a cluster. */
export const CLUSTER_FLUSH: FlushConfig = flushConfigSchema.parse({});
/** The worker inside a submit. */
export const EMBEDDED_FLUSH: FlushConfig = flushConfigSchema.parse({ intervalMs: 100, silenceMaxMs: 1_000 });

/** How a worker sends at a level. */
export type FlushPlan = {
  readonly intervalMs: number;
  /** All attempts in one message instead of one each. */
  readonly isBatched: boolean;
  /** The few numbers of live views between snapshots are sent too. */
  readonly sendsLive: boolean;
};

/** How to send at a level. */
export function flushPlan(config: FlushConfig, level: PressureLevel): FlushPlan {
  const { intervalMs, throttleFactor, batchFactor, silenceMaxMs } = config;
  switch (level) {
    case "none":
      return { intervalMs, isBatched: false, sendsLive: true };
    case "throttle":
      return { intervalMs: intervalMs * throttleFactor, isBatched: false, sendsLive: false };
    case "batch":
      return { intervalMs: intervalMs * batchFactor, isBatched: true, sendsLive: false };
    case "reject":
      return { intervalMs: Math.max(silenceMaxMs, intervalMs * batchFactor), isBatched: true, sendsLive: false };
  }
}

/** A worker's flush: what each manager said last, and when it sent last. */
export type Flush = {
  readonly told: Map<string, { readonly level: PressureLevel; readonly at: number }>;
  /** null: never. */
  sentAt: number | null;
};

/** Nothing was told, nothing sent. */
export function createFlush(): Flush {
  return { told: new Map(), sentAt: null };
}

/** A manager's answer carried its level. */
export function hearLevel(
  state: Flush,
  config: FlushConfig,
  now: number,
  word: { readonly manager: string; readonly level: PressureLevel },
): void {
  state.told.delete(word.manager);
  state.told.set(word.manager, { level: word.level, at: now });
  for (const oldest of state.told.keys()) {
    if (state.told.size <= config.managersMax) break;
    state.told.delete(oldest);
  }
}

/** The manager is no longer this worker's. */
export function forgetManager(state: Flush, manager: string): void {
  state.told.delete(manager);
}

/** The highest level anybody's word still says. */
export function flushLevel(state: Flush, config: FlushConfig, now: number): PressureLevel {
  let level: PressureLevel = "none";
  for (const word of state.told.values()) if (now - word.at < config.levelTtlMs) level = higher(level, word.level);
  return level;
}

/** Due: how to send. Not due: when it will be, unless a level changes. */
export type FlushDecision =
  { readonly kind: "send"; readonly plan: FlushPlan } | { readonly kind: "wait"; readonly untilMs: number };

/** Is a snapshot due? If so it counts as sent now: the caller sends it. Finals are sent without asking. */
export function flush(state: Flush, config: FlushConfig, now: number): FlushDecision {
  const plan = flushPlan(config, flushLevel(state, config, now));
  const dueAt = state.sentAt === null ? now : state.sentAt + plan.intervalMs;
  if (now < dueAt) return { kind: "wait", untilMs: dueAt };
  state.sentAt = now;
  return { kind: "send", plan };
}

function rank(level: PressureLevel): number {
  return PRESSURE_LEVELS.indexOf(level);
}
