// What a finished job amounts to, before anybody lays it out: merged series per workflow and the accounts of the run.
// The manager makes it from sealed snapshots (node/), report/ turns it into the summary.

import type { Pause } from "./pauses.ts";
import type { JobPlan } from "./plan.ts";
import type { Accounting } from "./share.ts";
import type { GaugeCells, Series } from "./series.ts";

export type JobState = "completed" | "failed" | "cancelled" | "aborted";

/** Outcome of one threshold expression. `value` is null where the metric had no samples (which passes). */
export type ThresholdOutcome = {
  readonly metricKey: string;
  readonly expression: string;
  readonly ok: boolean;
  readonly value: number | null;
};

export type WorkflowResult = {
  readonly name: string;
  readonly state: "completed" | "failed" | "cancelled" | "skipped";
  /** First start to last end, in ms since the job's start; both 0 when it never started. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Sum over sealed attempts of all shares. */
  readonly series: readonly Series[];
  readonly accounting: Accounting;
};

/** One core that ran shares of the job. cpu: 0..1, mean over the time it ran; loop lag in ms. */
export type CoreResult = {
  readonly node: string;
  readonly core: number;
  readonly cpu: number;
  readonly loopLagMsMax: number;
  readonly seconds: number;
  readonly saturatedSeconds: number;
};

/**
 * The generator was the bottleneck on a core: in a tenth of its seconds it was over 90 % busy or its loop over 10 ms
 * late.
 */
export function isSaturated(core: { readonly seconds: number; readonly saturatedSeconds: number }): boolean {
  return core.saturatedSeconds > 0 && core.saturatedSeconds >= 0.1 * core.seconds;
}

/** VUs over the seconds of a job: the last, the least and the most. */
export type VusSeen = { readonly vus: GaugeCells; readonly vusMax: GaugeCells };

/** A fault that cost something: a core that stalled, a worker lost. from and to in ms since the job's start. */
export type Disturbance = { readonly from: number; readonly to: number; readonly why: string };

export type JobResult = {
  readonly id: string;
  readonly state: JobState;
  /** Why it failed, was aborted or cancelled; "" when completed. */
  readonly reason: string;
  /** What the command should end with; null when completed (and then only thresholds decide). */
  readonly errorCode:
    | "thresholds"
    | "setup-timeout"
    | "teardown-timeout"
    | "cancelled"
    | "interrupted"
    | "aborted"
    | "failed"
    | "load"
    | null;
  readonly startedAtEpochMs: number;
  readonly durationMs: number;
  readonly plan: JobPlan;
  /** User workflows in plan order, then SETUP and TEARDOWN where they ran. */
  readonly workflows: readonly WorkflowResult[];
  readonly thresholds: readonly ThresholdOutcome[];
  readonly late: number;
  readonly reruns: number;
  readonly unreportedMax: number;
  readonly disturbed: readonly Disturbance[];
  /** When it was paused, in order. Rates are over the rest. */
  readonly pauses: readonly Pause[];
  readonly cores: readonly CoreResult[];
  readonly loopLagMsP99: number;
  /** VUs over its whole seconds; left out where nobody made any. */
  readonly vus?: VusSeen;
  /** Shares on different workers that began together did so within so many ms; left out where one worker ran all. */
  readonly startSkewMsMax?: number;
  /** Said once each: saturation, dropped iterations, missing await, tag cardinality ... */
  readonly warnings: readonly string[];
  /** Distinct errors of iterations and requests, most frequent first. */
  readonly errors: readonly { readonly workflow: string; readonly message: string; readonly count: number }[];
};

/**
 * What happened in one whole second of job time, merged over all live attempts: the stream behind outputs and charts.
 */
export type SecondWindow = {
  /** Second k covers job-elapsed [k, k + 1) s. */
  readonly second: number;
  readonly epochMs: number;
  readonly vus: number;
  readonly vusMax: number;
  /** Growth of each series within the second; gauges carry their newest value. */
  readonly series: readonly Series[];
};

export type WorkflowView = {
  readonly name: string;
  readonly state: "waiting" | "preparing" | "running" | "stopping" | "ended" | "failed" | "skipped";
  readonly executor: string;
  readonly vus: number;
  readonly vusMax: number;
  readonly elapsedMs: number;
  /** Planned length, or the longest allowed. */
  readonly totalMs: number;
  readonly completed: number;
  readonly interrupted: number;
  readonly dropped: number;
  /** Planned iterations; null where the schedule is one of time. */
  readonly iterationsTotal: number | null;
  /** Why it waits for cores; null where it does not. */
  readonly waitsFor: string | null;
};

/** The live state of a job, sent to its client up to ten times a second. Rates are over the last whole second. */
export type JobView = {
  readonly id: string;
  readonly name: string;
  readonly state: "preparing" | "setup" | "running" | "paused" | "teardown" | "ended";
  readonly elapsedMs: number;
  readonly workflows: readonly WorkflowView[];
  readonly requests: number;
  readonly requestsPerSecond: number;
  readonly iterationsPerSecond: number;
  /** 0..1 of all requests so far. */
  readonly failedRatio: number;
  readonly checks: { readonly passes: number; readonly fails: number };
  readonly bytesReceivedPerSecond: number;
  readonly bytesSentPerSecond: number;
  /** http_req_duration in ms: of the last whole second, and of the whole run. */
  readonly latencyNow: LatencyView;
  readonly latencyAll: LatencyView;
  /** http_req_duration of the whole run in at most 12 bins. */
  readonly histogram: readonly { readonly fromMs: number; readonly toMs: number; readonly count: number }[];
  readonly cores: readonly { readonly cpu: number; readonly loopLagMs: number }[];
  readonly isSaturated: boolean;
  readonly thresholds: readonly ThresholdOutcome[];
};
export type LatencyView = {
  readonly avg: number;
  readonly p50: number;
  readonly p90: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
};
