// Adaptive limit of requests under way to one destination (dispatches to a worker): it grows while round trips stay as
// they are used to be, and shrinks when they lengthen. Source: Netflix concurrency-limits, Gradient2Limit; what it
// lacks is added: a request that failed shrinks the limit too, since it has no round trip to tell.

import { z } from "zod";
import { assert } from "../base/assert.ts";

/** Settings of the limit. */
export const dispatchLimitConfigSchema = z
  .strictObject({
    initial: z.int().min(1).default(20),
    /** Never below (4): some work must go out to learn that all is well again. Lower: gentler on the worst. */
    min: z.int().min(1).default(4),
    /** Never above (200). Raise: more for fast destinations, more lost with a dead one. */
    max: z.int().min(1).default(200),
    /** Weight of a new estimate (0.2). Raise: faster and more nervous. */
    smoothing: z.number().positive().max(1).default(0.2),
    /** Growth a step, the queue that is tolerated (4). Raise: grows faster, keeps longer queues. */
    queue: z.number().positive().default(4),
    /** Round trips up to so many times the long average are noise (1.5). Lower: shrinks earlier. */
    tolerance: z.number().min(1).default(1.5),
    /** Samples of the long average (600), its weight being 2 / (n + 1). Raise: remembers better times longer. */
    longWindow: z.int().min(1).default(600),
    /** The first so many are averaged plainly (10). */
    warmUp: z.int().min(1).default(10),
  })
  .refine(({ initial, min, max }) => min <= initial && initial <= max, "min <= initial <= max");
/** Checked settings. */
export type DispatchLimitConfig = Readonly<z.infer<typeof dispatchLimitConfigSchema>>;
/** The defaults, for managers to workers. */
export const DISPATCH_LIMIT: DispatchLimitConfig = dispatchLimitConfigSchema.parse({});

/** State for one destination: plain data. */
export type DispatchLimit = {
  /** Fractional; the whole part counts. */
  limit: number;
  inFlight: number;
  /** Long average of the round trip. */
  longMs: number;
  /** Samples in it, up to longWindow. */
  samples: number;
};

/** The initial limit, nothing under way. */
export function createDispatchLimit(config: DispatchLimitConfig): DispatchLimit {
  return { limit: config.initial, inFlight: 0, longMs: 0, samples: 0 };
}

/** May one more go out? True: it is under way until `completed`. */
export function acquire(state: DispatchLimit): boolean {
  if (state.inFlight >= Math.floor(state.limit)) return false;
  state.inFlight++;
  return true;
}

/**
 * One ended. In: its round trip (ms); null: it failed or had no answer in time. A refusal for reasons of its own (bad
 * request) is an answer.
 */
export function completed(state: DispatchLimit, config: DispatchLimitConfig, rttMs: number | null): void {
  assert(state.inFlight > 0, "what ends was under way");
  assert(rttMs === null || rttMs >= 0, "a round trip is not negative");
  // Counted before this one leaves: how much the limit was really used.
  const used = state.inFlight;
  state.inFlight--;
  const gradient = rttMs === null ? GRADIENT_MIN : gradientOf(state, config, rttMs);
  const isIdle = used < state.limit / 2;
  // A limit that is not used cannot be shown to be too low.
  if (isIdle && gradient >= 1) return;
  state.limit = nextLimit(state.limit, gradient, config);
}

const GRADIENT_MIN = 0.5;

/** limit <- (1 - s) limit + s (g limit + queue), within its bounds. */
export function nextLimit(limit: number, gradient: number, config: DispatchLimitConfig): number {
  const { smoothing, queue, min, max } = config;
  return Math.min(max, Math.max(min, (1 - smoothing) * limit + smoothing * (gradient * limit + queue)));
}

/** g = tolerance long / short, within 0.5 and 1. Takes the sample into the long average. */
function gradientOf(state: DispatchLimit, config: DispatchLimitConfig, rttMs: number): number {
  const { longWindow, warmUp, tolerance } = config;
  state.samples = Math.min(longWindow, state.samples + 1);
  const weight = state.samples <= warmUp ? 1 / state.samples : 2 / (longWindow + 1);
  state.longMs += weight * (rttMs - state.longMs);
  // After a long bad time the average is far above what is possible again: let it fall faster.
  if (state.longMs > 2 * rttMs) state.longMs *= 0.95;
  if (rttMs === 0) return 1;
  return Math.min(1, Math.max(GRADIENT_MIN, (tolerance * state.longMs) / rttMs));
}
