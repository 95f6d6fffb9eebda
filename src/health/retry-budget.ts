// Retries to one destination: how many (a part of the traffic plus a floor), and when (full jitter). Without the budget
// a destination in trouble gets several times its usual load at the very time it can bear the least.
// Sources: Finagle's RetryBudget (window, part, floor), Google SRE ch. 21 (10 %), Brooker's full jitter.

import * as z from "../base/schema.ts";
import { createPrng, nextFloat, type Prng } from "../base/prng.ts";
import { count, createCounts, type SlidingCounts, total } from "./sliding-counts.ts";

/** Settings of retries. Durations in ms. */
export const retryConfigSchema = z
  .strictObject({
    /** Retries allowed as a part of first attempts within the window (0.1). Raise: more is saved, and amplified. */
    part: z.number().min(0).max(1).default(0.1),
    /** And so many a second besides (3), for destinations with little traffic. 0: none. */
    floorPerSecond: z.number().min(0).default(3),
    /** How long an attempt counts (10 s). Raise: longer bursts of retries after long calm. */
    windowMs: z.int().min(10).default(10_000),
    /** Attempts of one request, the first included (3). Raise: fewer requests fail, each takes longer to. */
    attemptsMax: z.int().min(1).default(3),
    /** The first retry waits U(0, this), each next one twice as much (100 ms). Raise: gentler, slower. */
    baseMs: z.int().min(1).default(100),
    /** No wait is drawn from more than this (10 s). */
    capMs: z.int().min(1).default(10_000),
  })
  .refine(({ baseMs, capMs }) => baseMs <= capMs, "baseMs is at most capMs");
/** Checked settings. */
export type RetryConfig = Readonly<z.infer<typeof retryConfigSchema>>;
/** The defaults, for every destination. */
export const RETRIES: RetryConfig = retryConfigSchema.parse({});

const SLICES = 10;
const [FIRST, RETRY] = [0, 1];

/** State for one destination: plain data of fixed size. */
export type RetryBudget = {
  readonly prng: Prng;
  readonly attempts: SlidingCounts;
  /** Totals since the start. */
  retries: number;
  denied: number;
};

/**
 * A failed attempt. `attempt`: its number, 1 for the first. `retryAfterMs`: what the destination asked for, 0 if
 * nothing. `deadlineMs`: the request is worth nothing after it, null: always worth something.
 */
export type FailedAttempt = {
  readonly attempt: number;
  readonly retryAfterMs: number;
  readonly deadlineMs: number | null;
};

/** The answer to `retryOf`. delayMs: whole ms from now. */
export type RetryDecision =
  | { readonly kind: "retry"; readonly delayMs: number }
  /** attempts: as many as there may be. deadline: the wait would end after it. budget: too many retries already. */
  | { readonly kind: "give-up"; readonly why: "attempts" | "deadline" | "budget" };

/** An unused budget. In: seed of the jitter. */
export function createRetryBudget(config: RetryConfig, seed: number): RetryBudget {
  return {
    prng: createPrng(seed, "retries"),
    attempts: createCounts(config.windowMs, SLICES, 2),
    retries: 0,
    denied: 0,
  };
}

/** A first attempt is about to be sent. Retries are not: `retryOf` counts them. */
export function countFirst(state: RetryBudget, now: number): void {
  count(state.attempts, now, FIRST);
}

/** An attempt failed: is it tried again, and when? A retry is paid for here. */
export function retryOf(state: RetryBudget, config: RetryConfig, now: number, failed: FailedAttempt): RetryDecision {
  if (failed.attempt >= config.attemptsMax) return { kind: "give-up", why: "attempts" };
  // What the destination asked for is a least wait; the jitter on top keeps those it refused together apart.
  const delayMs = failed.retryAfterMs + backoffMs(state.prng, config, failed.attempt);
  if (failed.deadlineMs !== null && now + delayMs >= failed.deadlineMs) return { kind: "give-up", why: "deadline" };
  if (total(state.attempts, now, RETRY) + 1 > allowance(state, config, now)) {
    state.denied++;
    return { kind: "give-up", why: "budget" };
  }
  count(state.attempts, now, RETRY);
  state.retries++;
  return { kind: "retry", delayMs };
}

/** Retries the window may hold: part of its first attempts + floor x its seconds. */
export function allowance(state: RetryBudget, config: RetryConfig, now: number): number {
  return config.part * total(state.attempts, now, FIRST) + (config.floorPerSecond * config.windowMs) / 1_000;
}

/** Full jitter: a wait from U(0, min(cap, base 2^(n - 1))) after the n-th attempt, in whole ms. */
export function backoffMs(prng: Prng, config: RetryConfig, attempt: number): number {
  const most = Math.min(config.capMs, config.baseMs * 2 ** Math.min(52, attempt - 1));
  return Math.floor(nextFloat(prng) * (most + 1));
}
