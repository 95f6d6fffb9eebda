// Hybrid overload detector of one node: the worst of four signals (latency against its own baseline, latency as such,
// CPU, memory), with hysteresis. Sample-counted: the shell feeds one sample a period (1 s), idle or not.
// It differs from the usual single moving average on purpose: the baseline does not learn from bad times as if they
// were good ones, it has a ceiling, and a rise below a floor is no overload (1 ms to 2 ms is a doubling of nothing).

import * as z from "../base/schema.ts";

/** From well to worst. */
export const OVERLOAD_LEVELS = ["healthy", "busy", "stressed", "overloaded"] as const;
/** How a node is. */
export type OverloadLevel = (typeof OVERLOAD_LEVELS)[number];

const fraction = z.number().min(0).max(1);

/** Where each level begins; ascending. */
const thresholdsSchema = z
  .strictObject({ busy: z.number().positive(), stressed: z.number().positive(), overloaded: z.number().positive() })
  .refine(({ busy, stressed, overloaded }) => busy < stressed && stressed < overloaded, "thresholds must ascend");
type Thresholds = Readonly<z.infer<typeof thresholdsSchema>>;

/** Settings of the detector. Every count is in samples. */
export const overloadConfigSchema = z.strictObject({
  /** Medians are of so many samples (5). Raise: longer outliers are ignored, and real trouble is seen later. */
  window: z.int().min(1).max(101).default(5),
  /** Samples before there is a baseline (10); until then only the other three signals judge. */
  warmUp: z.int().min(1).default(10),
  /** Weight of a new median below the baseline (0.1). Raise: better times become the norm faster. */
  fallAlpha: fraction.default(0.1),
  /** Weight of one above it while the rise is no signal (0.02). Raise: slow slides are followed instead of noticed. */
  riseAlpha: fraction.default(0.02),
  /**
   * Weight of one above it while the rise is a signal (0.002): a lasting shift becomes the norm after about 1/alpha
   * samples. Raise: sooner, and an overload of minutes passes for normal; 0: never.
   */
  elevatedAlpha: fraction.default(0.002),
  /**
   * Rise over the baseline, (median - base) / base with base = max(baseline, floor): 0.2, 0.5, 1. Lower: earlier and
   * more often wrong.
   */
  delta: thresholdsSchema.default({ busy: 0.2, stressed: 0.5, overloaded: 1 }),
  /** Latencies up to here (50 ms) are never a rise. Raise: the delta signal is deaf to fast nodes. */
  deltaFloorMs: z.number().positive().default(50),
  /**
   * Worst level the delta signal gives alone (stressed): refusing everything because of a doubling needs a second
   * witness. "overloaded": none.
   */
  deltaLevelMax: z.enum(OVERLOAD_LEVELS).default("stressed"),
  /**
   * Latency as such: 200, 500, 2,000 ms. Also the baseline's ceiling (busy), so that a slide too slow for the delta
   * signal ends here.
   */
  latencyMs: thresholdsSchema.default({ busy: 200, stressed: 500, overloaded: 2_000 }),
  /** Part of the CPU the node may use: 0.70, 0.85, 0.95. null: not judged. */
  cpu: thresholdsSchema.nullable().default({ busy: 0.7, stressed: 0.85, overloaded: 0.95 }),
  /** Part of the memory it may use: 0.70, 0.85, 0.95. null: not judged. */
  memory: thresholdsSchema.nullable().default({ busy: 0.7, stressed: 0.85, overloaded: 0.95 }),
  /** So many samples in a row above the level raise it, to the least of them (2). Raise: slower, calmer. */
  raiseAfter: z.int().min(1).default(2),
  /** So many in a row below it lower it, by one step (5). Raise: longer protection after the fact. */
  lowerAfter: z.int().min(1).default(5),
  /** "Below" is below this part of the thresholds (0.9). Lower: a wider band in which nothing changes. */
  release: fraction.default(0.9),
  /**
   * A level raised again within so many samples of a lowering (60) doubles lowerAfter, up to lowerAfterMax; as many
   * healthy samples set it back.
   */
  flapWindow: z.int().min(1).default(60),
  lowerAfterMax: z.int().min(1).default(40),
});
/** Checked settings. */
export type OverloadConfig = Readonly<z.infer<typeof overloadConfigSchema>>;

/** Managers and gates. */
export const CONTROL_NODE: OverloadConfig = overloadConfigSchema.parse({});
/** Workers: their cores are meant to be full, so CPU says nothing; lateness of the main thread does. */
export const WORKER_NODE: OverloadConfig = overloadConfigSchema.parse({ cpu: null });

/**
 * One period. `latencyMs`: what requests took (or how old the oldest waiting one is, if that is more); null: nothing
 * to do. `cpu`, `memory`: 0..1 of what the node may use; null: not measured. A value that is no number counts as null.
 */
export type OverloadSample = {
  readonly latencyMs: number | null;
  readonly cpu: number | null;
  readonly memory: number | null;
};

/** State of one detector: plain data, changed by `observe` alone. */
export type Overload = {
  level: OverloadLevel;
  /** The newest values, oldest first; each at most `window` long. */
  readonly latencies: number[];
  readonly cpus: number[];
  readonly memories: number[];
  /** null: no latency was ever seen. */
  baselineMs: number | null;
  /** Latencies seen, up to warmUp. */
  seen: number;
  /** Samples in a row above the level, and the least level among them. */
  raising: number;
  raisingTo: OverloadLevel;
  /** Samples in a row below it. */
  lowering: number;
  /** lowerAfter of the moment. */
  lowerAfter: number;
  /** Samples since the last lowering, up to flapWindow. */
  sinceLowered: number;
  signals: OverloadSignals;
};

/** What each signal says by itself. */
export type OverloadSignals = {
  readonly delta: OverloadLevel;
  readonly latency: OverloadLevel;
  readonly cpu: OverloadLevel;
  readonly memory: OverloadLevel;
};

/** For status. */
export type OverloadView = {
  readonly level: OverloadLevel;
  readonly signals: OverloadSignals;
  readonly latencyMs: number | null;
  readonly baselineMs: number | null;
};

const WELL: OverloadSignals = { delta: "healthy", latency: "healthy", cpu: "healthy", memory: "healthy" };

/** A healthy detector that has seen nothing. */
export function createOverload(config: OverloadConfig): Overload {
  return {
    level: "healthy",
    latencies: [],
    cpus: [],
    memories: [],
    baselineMs: null,
    seen: 0,
    raising: 0,
    raisingTo: "healthy",
    lowering: 0,
    lowerAfter: config.lowerAfter,
    sinceLowered: config.flapWindow,
    signals: WELL,
  };
}

/** Takes in one period. Out: the level from now on. */
export function observe(state: Overload, config: OverloadConfig, sample: OverloadSample): OverloadLevel {
  keep(state.latencies, sample.latencyMs, config.window);
  keep(state.cpus, sample.cpu, config.window);
  keep(state.memories, sample.memory, config.window);
  state.signals = signalsOf(state, config, 1);
  const isElevated = state.signals.delta !== "healthy";
  if (sample.latencyMs !== null && Number.isFinite(sample.latencyMs)) learn(state, config, isElevated);
  judge(state, config);
  return state.level;
}

/** Is `a` a worse level than `b`? */
export function isWorse(a: OverloadLevel, b: OverloadLevel): boolean {
  return OVERLOAD_LEVELS.indexOf(a) > OVERLOAD_LEVELS.indexOf(b);
}

/** What status shows. Changes nothing. */
export function overloadView(state: Overload): OverloadView {
  const { level, signals, baselineMs } = state;
  return { level, signals, latencyMs: median(state.latencies), baselineMs };
}

/** The level of one value. In: the thresholds, null when it is not judged; `scale` of them (below 1 to release). */
export function levelOf(value: number | null, thresholds: Thresholds | null, scale: number): OverloadLevel {
  if (value === null || thresholds === null) return "healthy";
  if (value >= thresholds.overloaded * scale) return "overloaded";
  if (value >= thresholds.stressed * scale) return "stressed";
  return value >= thresholds.busy * scale ? "busy" : "healthy";
}

function signalsOf(state: Overload, config: OverloadConfig, scale: number): OverloadSignals {
  const latencyMs = median(state.latencies);
  const delta = levelOf(riseOf(state, config, latencyMs), config.delta, scale);
  return {
    delta: isWorse(delta, config.deltaLevelMax) ? config.deltaLevelMax : delta,
    latency: levelOf(latencyMs, config.latencyMs, scale),
    cpu: levelOf(median(state.cpus), config.cpu, scale),
    memory: levelOf(median(state.memories), config.memory, scale),
  };
}

/** Rise over the baseline as a part of it; null: no baseline yet. */
function riseOf(state: Overload, config: OverloadConfig, latencyMs: number | null): number | null {
  if (state.baselineMs === null || latencyMs === null || state.seen < config.warmUp) return null;
  const base = Math.max(state.baselineMs, config.deltaFloorMs);
  return (latencyMs - base) / base;
}

function learn(state: Overload, config: OverloadConfig, isElevated: boolean): void {
  const latencyMs = median(state.latencies);
  if (latencyMs === null) return;
  const baseline = state.baselineMs ?? latencyMs;
  const isWarm = state.seen >= config.warmUp;
  state.seen = Math.min(config.warmUp, state.seen + 1);
  const riseAlpha = isElevated ? config.elevatedAlpha : config.riseAlpha;
  // While warming up: the plain mean.
  const alpha = !isWarm ? 1 / state.seen : latencyMs < baseline ? config.fallAlpha : riseAlpha;
  state.baselineMs = Math.min(baseline + alpha * (latencyMs - baseline), config.latencyMs.busy);
}

function judge(state: Overload, config: OverloadConfig): void {
  state.sinceLowered = Math.min(config.flapWindow, state.sinceLowered + 1);
  const raised = worst(state.signals);
  if (isWorse(raised, state.level)) return raise(state, config, raised);
  state.raising = 0;
  if (state.level === "healthy") {
    if (state.sinceLowered >= config.flapWindow) state.lowerAfter = config.lowerAfter;
    return;
  }
  const released = worst(signalsOf(state, config, config.release));
  if (!isWorse(state.level, released)) {
    state.lowering = 0;
    return;
  }
  state.lowering++;
  if (state.lowering < state.lowerAfter) return;
  state.level = OVERLOAD_LEVELS[OVERLOAD_LEVELS.indexOf(state.level) - 1] ?? "healthy";
  state.lowering = 0;
  state.sinceLowered = 0;
}

function raise(state: Overload, config: OverloadConfig, to: OverloadLevel): void {
  state.lowering = 0;
  state.raisingTo = state.raising > 0 && isWorse(to, state.raisingTo) ? state.raisingTo : to;
  state.raising++;
  if (state.raising < config.raiseAfter) return;
  state.level = state.raisingTo;
  state.raising = 0;
  if (state.sinceLowered >= config.flapWindow) return;
  state.lowerAfter = Math.min(config.lowerAfterMax, state.lowerAfter * 2);
}

function worst({ delta, latency, cpu, memory }: OverloadSignals): OverloadLevel {
  return [latency, cpu, memory].reduce((a, b) => (isWorse(b, a) ? b : a), delta);
}

/**
 * Adds a value; a missing one lets the oldest go, so that neither an idle hour nor a sensor that stopped holds a level.
 */
function keep(values: number[], value: number | null, length: number): void {
  const isMeasured = value !== null && Number.isFinite(value);
  if (isMeasured) values.push(Math.max(0, value));
  if (!isMeasured || values.length > length) values.shift();
}

/** The middle one, the lower of two; null: none. */
function median(values: readonly number[]): number | null {
  return [...values].sort((a, b) => a - b)[(values.length - 1) >> 1] ?? null;
}
