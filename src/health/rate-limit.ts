// Token buckets, one per (client, operation). The table is bounded: a bucket idle for as long as it takes to fill is
// the same as none and is forgotten; when even the oldest is not that old, newcomers share one bucket, so that a
// flood of names can neither grow the table nor wash a debt away.

import * as z from "../base/schema.ts";
import type { OverloadLevel } from "./overload.ts";

/** What is limited. auth: attempts to shake hands, by address, given back when they succeed. */
export const OPERATIONS = ["submit", "stats", "join", "admin", "status", "auth"] as const;
/** One of them. */
export type Operation = (typeof OPERATIONS)[number];

const ruleSchema = z.strictObject({
  /** Tokens a second: the rate that is sustained. Raise: more work is let in by each client. */
  perSecond: z.number().positive(),
  /** Tokens of a full bucket: what may come at once. Raise: higher peaks, same average. */
  burst: z.number().min(1),
  /** After a refusal, nothing for so long, however often it is tried. 0: only until there is a token. */
  penaltyMs: z.int().min(0).default(0),
});
/** One bucket's size and refill. */
export type RateRule = Readonly<z.infer<typeof ruleSchema>>;

/** null: not limited. */
const rule = (perSecond: number, burst: number, penaltyMs = 0) =>
  ruleSchema.nullable().default({ perSecond, burst, penaltyMs });
const factor = z.number().positive().max(1);

/** Settings of the limits. */
export const rateConfigSchema = z.strictObject({
  submit: rule(50, 100),
  stats: rule(20, 40),
  join: rule(5, 20),
  /** Cancel, pause, resume, scale, changes of peers. */
  admin: rule(10, 20),
  status: rule(10, 20),
  auth: rule(5 / 60, 5, 60_000),
  /** Buckets of one operation (10,000, about 150 B each). Raise: more clients are told apart, more memory. */
  clientsMax: z.int().min(1).default(10_000),
  /** Rate and burst are multiplied by this at each level of the node: a node in trouble takes less of everybody. */
  factor: z
    .strictObject({ healthy: factor, busy: factor, stressed: factor, overloaded: factor })
    .default({ healthy: 1, busy: 1, stressed: 0.5, overloaded: 0.1 }),
});
/** Checked settings. */
export type RateConfig = Readonly<z.infer<typeof rateConfigSchema>>;
/** The defaults, for every node. */
export const RATES: RateConfig = rateConfigSchema.parse({});

/** One client's tokens for one operation. */
export type Bucket = {
  tokens: number;
  /** When they were counted. */
  at: number;
  /** The penalty ends; 0: none. */
  blockedUntil: number;
};

/** All buckets of one operation. */
export type BucketTable = {
  /** By client, the one longest untouched first. */
  readonly buckets: Map<string, Bucket>;
  /** Of those who found no place. */
  shared: Bucket | null;
  /** Totals since the start. */
  allowed: number;
  refused: number;
  forgotten: number;
};
/** State of one node: plain data. */
export type RateLimits = { readonly [operation in Operation]: BucketTable };

/** The answer to a request. */
export type RateDecision =
  | { readonly kind: "allowed" }
  /** Whole ms, at least 1; the same request then succeeds if nothing else was asked and the level stays. */
  | { readonly kind: "refused"; readonly retryAfterMs: number };

/** Who asks for what. `level`: of this node. */
export type RateRequest = { readonly client: string; readonly operation: Operation; readonly level: OverloadLevel };

const ALLOWED: RateDecision = { kind: "allowed" };
/** Idle buckets forgotten by one call: the table shrinks faster than it grows, at constant cost. */
const FORGET_MAX = 2;

/** Nobody is known. */
export function createRateLimits(): RateLimits {
  const table = (): BucketTable => ({ buckets: new Map(), shared: null, allowed: 0, refused: 0, forgotten: 0 });
  return { submit: table(), stats: table(), join: table(), admin: table(), status: table(), auth: table() };
}

/** One request: takes a token if there is one. */
export function take(state: RateLimits, config: RateConfig, now: number, request: RateRequest): RateDecision {
  const table = state[request.operation];
  const base = config[request.operation];
  if (base === null) {
    table.allowed++;
    return ALLOWED;
  }
  const scaled = scaledRule(base, config.factor[request.level]);
  forgetIdle(table, base, now);
  const bucket = bucketFor(table, scaled, request.client, now, config.clientsMax);
  const decision = drawFrom(bucket, scaled, now);
  if (decision.kind === "allowed") table.allowed++;
  else table.refused++;
  return decision;
}

/** Gives back the token of a request that turned out not to count (a handshake that succeeded). */
export function refund(state: RateLimits, request: Omit<RateRequest, "level">): void {
  const table = state[request.operation];
  const bucket = table.buckets.get(request.client) ?? table.shared;
  // A token too many is cut off by the next request.
  if (bucket !== null) bucket.tokens++;
}

/** Totals of every operation, for gauges. */
export function rateView(
  state: RateLimits,
): Readonly<Record<Operation, { readonly clients: number; readonly allowed: number; readonly refused: number }>> {
  const row = ({ buckets, allowed, refused }: BucketTable) => ({ clients: buckets.size, allowed, refused });
  return {
    submit: row(state.submit),
    stats: row(state.stats),
    join: row(state.join),
    admin: row(state.admin),
    status: row(state.status),
    auth: row(state.auth),
  };
}

/** A rule at a level; a bucket holds one token at least, else nothing would ever pass. */
function scaledRule(base: RateRule, scale: number): RateRule {
  return {
    perSecond: base.perSecond * scale,
    burst: Math.max(1, base.burst * scale),
    penaltyMs: base.penaltyMs,
  };
}

function bucketFor(table: BucketTable, rule: RateRule, client: string, now: number, clientsMax: number): Bucket {
  const known = table.buckets.get(client);
  if (known !== undefined) {
    // To the end: the order of the map is the order of the last touch.
    table.buckets.delete(client);
    table.buckets.set(client, known);
    return known;
  }
  const bucket: Bucket = { tokens: rule.burst, at: now, blockedUntil: 0 };
  if (table.buckets.size < clientsMax) {
    table.buckets.set(client, bucket);
    return bucket;
  }
  table.shared ??= bucket;
  return table.shared;
}

function drawFrom(bucket: Bucket, rule: RateRule, now: number): RateDecision {
  const elapsedMs = Math.max(0, now - bucket.at);
  bucket.tokens = Math.min(rule.burst, bucket.tokens + (elapsedMs * rule.perSecond) / 1_000);
  bucket.at = Math.max(bucket.at, now);
  if (now < bucket.blockedUntil) return { kind: "refused", retryAfterMs: Math.ceil(bucket.blockedUntil - now) };
  // Refilled in parts, a token may come out a hair short of whole.
  if (bucket.tokens >= 1 - 1e-9) {
    bucket.tokens = Math.max(0, bucket.tokens - 1);
    return ALLOWED;
  }
  if (rule.penaltyMs > 0) bucket.blockedUntil = now + rule.penaltyMs;
  const waitMs = Math.max(rule.penaltyMs, ((1 - bucket.tokens) / rule.perSecond) * 1_000);
  return { kind: "refused", retryAfterMs: Math.max(1, Math.ceil(waitMs)) };
}

/**
 * Forgets the oldest if they must be full by now. Rate and burst scale alike, so the time to fill, burst / perSecond,
 * is the same at every level (but for the one token a bucket holds at least).
 */
function forgetIdle(table: BucketTable, base: RateRule, now: number): void {
  const fullMs = (base.burst / base.perSecond) * 1_000;
  let forgotten = 0;
  for (const [client, { at, blockedUntil }] of table.buckets) {
    if (forgotten === FORGET_MAX || now - at < fullMs || now < blockedUntil) break;
    table.buckets.delete(client);
    forgotten++;
  }
  table.forgotten += forgotten;
}
