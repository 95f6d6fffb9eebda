// The seam of the load engine: what one core is asked to do (ShareSpec), how far it came (Resume), and what it measured
// (Snapshot). The same types embedded, clustered and simulated. dealing.ts makes specs, driver.ts drives them.

import type { Executor } from "./plan.ts";
import type { Series } from "./series.ts";

/**
 * Where the rest of a share begins, cut with the metrics of the same instant.
 * arrivals: next index k of this share's stripe (its k-th arrival is number k * shares + share of the whole sequence).
 * elapsed: ms of schedule already driven. iterations: done by each local VU (index = local VU).
 * ranges: half-open ranges of shared iterations not yet begun or begun and not ended.
 */
export type Resume =
  | { readonly kind: "arrivals"; readonly next: number; readonly feeds: Feeds }
  | { readonly kind: "elapsed"; readonly elapsedMs: number; readonly feeds: Feeds }
  | { readonly kind: "iterations"; readonly done: readonly number[]; readonly elapsedMs: number; readonly feeds: Feeds }
  | { readonly kind: "ranges"; readonly left: readonly Range[]; readonly elapsedMs: number; readonly feeds: Feeds };
export type Range = readonly [from: number, to: number];
/** Rows drawn so far by the share's worker, by feed id (unique and circular feeds only). */
export type Feeds = Readonly<Record<string, number>>;

/**
 * One core's part of a workflow. Totals in `executor` are the whole workflow's: a share takes its exact part by
 * (share, shares).
 */
export type ShareSpec = {
  readonly workflow: string;
  readonly share: number;
  readonly shares: number;
  readonly executor: Executor;
  /** VU number j (0-based, j % shares === share) of this workflow has id vuBase + j + 1, as far as the plan goes. */
  readonly vuBase: number;
  /** VU number j beyond the plan's `max` has id base + (j - max) * stride + 1. Left out: they go on from the plan's. */
  readonly vusBeyond?: VusBeyond;
  readonly startTimeMs: number;
  readonly gracefulStopMs: number;
  readonly minIterationDurationMs: number;
  /** null: from the beginning. */
  readonly resume: Resume | null;
  /** The turn of the share's worker at the data rows: its cores draw from one cursor over them. Left out: all rows. */
  readonly feedStripe?: { readonly index: number; readonly of: number };
};

/** Numbers of the VUs that a workflow is given while it runs: apart from all others of the job. */
export type VusBeyond = { readonly base: number; readonly stride: number };

/**
 * What people ask of a workflow while it runs; the newest word holds. isPaused: its schedule stands still. pausedMs:
 * for how long it did in pauses that are over. vus: of the whole workflow; null: as planned.
 */
export type Steering = { readonly isPaused: boolean; readonly pausedMs: number; readonly vus: number | null };
/** Of a workflow that nobody has touched. */
export const UNSTEERED: Steering = { isPaused: false, pausedMs: 0, vus: null };

/** True when both ask for the same. */
export function isSameSteering(left: Steering, right: Steering): boolean {
  return left.isPaused === right.isPaused && left.pausedMs === right.pausedMs && left.vus === right.vus;
}

/** Names one execution of a share. `token` is the ledger index of its dispatch: the fence. */
export type AttemptId = {
  readonly job: string;
  readonly workflow: string;
  readonly share: number;
  readonly token: number;
};

/** Requests and iterations the summary accounts for, cumulative over the attempt. */
export type Accounting = {
  /** Iterations the schedule asked for so far. */
  readonly scheduled: number;
  readonly started: number;
  readonly completed: number;
  readonly interrupted: number;
  /** Never begun: no VU was free, or their time or maxDuration was over. In the end started + dropped = scheduled. */
  readonly dropped: number;
  /** Requests counted in http_reqs that never got a socket. */
  readonly unsent: number;
};

/** How the generator itself fared, cumulative in whole seconds of this attempt. */
export type GeneratorHealth = {
  readonly seconds: number;
  /** Seconds in which the core was over 90 % busy or its loop lagged over 10 ms. */
  readonly saturatedSeconds: number;
  /** CPU seconds used by the core's thread. */
  readonly cpuSeconds: number;
  readonly loopLagMsMax: number;
  readonly loopLagMsP99: number;
  /** Of the attempt's ms those in which its loop stood still, and nothing was sent. */
  readonly stillMs: number;
};

/** One cut of an attempt's loop, cumulative: a newer `seq` replaces an older one. */
export type Snapshot = {
  readonly attempt: AttemptId;
  readonly seq: number;
  /** Ms since the workflow's start (its agreed start instant, 0 for all shares). */
  readonly elapsedMs: number;
  /**
   * Which series it holds: all; those changed since the last cut of "changed" or "all", made right after each whole
   * second of job time; or, for live figures in between, changed ones that are no trends ("scalars").
   */
  readonly content: "all" | "changed" | "scalars";
  readonly isFinal: boolean;
  readonly resume: Resume;
  readonly accounting: Accounting;
  readonly generator: GeneratorHealth;
  /** VUs in an iteration or ready for one now, and the most that were ever made. */
  readonly vus: number;
  readonly vusMax: number;
  readonly series: readonly Series[];
};
