// The plan of a job: what a workflow file asks for, checked and normalized. Pure data, JSON-safe, the same on
// client, manager and worker. `options.ts` makes one from what the file exports; nothing here decides anything.

import type { Labels } from "../base/labels.ts";
import type { MetricType } from "./series.ts";

export type ExecutorKind =
  | "shared-iterations"
  | "per-vu-iterations"
  | "constant-vus"
  | "ramping-vus"
  | "constant-arrival-rate"
  | "ramping-arrival-rate"
  | "externally-controlled";

/** A straight line from the target before it to `target`, over `durationMs`. */
export type Stage = { readonly durationMs: number; readonly target: number };

/** How a workflow's iterations are driven. Rates are per `timeUnitMs`; VUs and iterations are of the whole job. */
export type Executor =
  | {
      readonly kind: "shared-iterations";
      readonly vus: number;
      readonly iterations: number;
      readonly maxDurationMs: number;
    }
  | {
      readonly kind: "per-vu-iterations";
      readonly vus: number;
      readonly iterations: number;
      readonly maxDurationMs: number;
    }
  | { readonly kind: "constant-vus"; readonly vus: number; readonly durationMs: number }
  | {
      readonly kind: "ramping-vus";
      readonly startVus: number;
      readonly stages: readonly Stage[];
      readonly gracefulRampDownMs: number;
    }
  | {
      readonly kind: "constant-arrival-rate";
      readonly rate: number;
      readonly timeUnitMs: number;
      readonly durationMs: number;
      readonly preAllocatedVus: number;
      readonly maxVus: number;
      readonly onLate: "drop" | "queue";
    }
  | {
      readonly kind: "ramping-arrival-rate";
      readonly startRate: number;
      readonly timeUnitMs: number;
      readonly stages: readonly Stage[];
      readonly preAllocatedVus: number;
      readonly maxVus: number;
      readonly onLate: "drop" | "queue";
    }
  | {
      readonly kind: "externally-controlled";
      readonly vus: number;
      readonly maxVus: number;
      readonly durationMs: number;
    };

/** Which function of the bundle runs: an export by name, a workflow of the default-exported job, or one URL. */
export type FunctionRef =
  { readonly kind: "export"; readonly name: string } | { readonly kind: "workflow"; readonly name: string };

export type Priority = "auto" | "low" | "normal" | "high" | "exclusive";

export type WorkflowPlan = {
  readonly name: string;
  /** Names of workflows that must have ended before this one starts. */
  readonly after: readonly string[];
  readonly run: FunctionRef;
  readonly executor: Executor;
  readonly startTimeMs: number;
  readonly gracefulStopMs: number;
  readonly minIterationDurationMs: number;
  readonly env: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
  readonly priority: Priority;
  /** Workers of a cluster that may run it carry all these labels; left out: any may. */
  readonly requires?: Labels;
  /** Workers that carry all these labels come first; left out: none does. */
  readonly prefers?: Labels;
};

/** A metric, perhaps with a tag filter: `http_req_duration{workflow:browse}`. */
export type MetricChoice = {
  /** As written: the key of summary.metrics. */
  readonly metricKey: string;
  readonly metric: string;
  readonly type: MetricType;
  /** All must match a series' tags. Empty: the whole metric. */
  readonly tags: Readonly<Record<string, string>>;
};

/** One threshold expression on one metric. */
export type ThresholdPlan = MetricChoice & {
  /** As written, e.g. "p(95)<500 for 10s": the key of the summary. */
  readonly expression: string;
  /** What is taken of the metric: "p(95)", "avg", "rate", "count" ... */
  readonly aggregate: string;
  readonly operator: "<" | "<=" | ">" | ">=" | "==" | "!=";
  readonly limit: number;
  /** "for 10s": fails after this many whole bad seconds in a row. 0: judged on the whole. */
  readonly forSeconds: number;
  readonly abortOnFail: boolean;
  readonly delayAbortEvalMs: number;
};

/** The http client's settings, for the whole job. */
export type HttpPlan = {
  readonly discardResponseBodies: boolean;
  readonly insecureSkipTlsVerify: boolean;
  readonly noConnectionReuse: boolean;
  readonly noVuConnectionReuse: boolean;
  readonly noCookiesReset: boolean;
  readonly maxRedirects: number;
  readonly batch: number;
  readonly batchPerHost: number;
  readonly userAgent: string;
  readonly connectTimeoutMs: number;
  readonly hosts: Readonly<Record<string, string>>;
  readonly dns: {
    readonly ttlMs: number;
    readonly select: "first" | "random" | "roundRobin";
    readonly policy: "preferIPv4" | "preferIPv6" | "onlyIPv4" | "onlyIPv6" | "any";
  };
  readonly tlsAuth: readonly {
    readonly cert: string;
    readonly key: string;
    readonly password: string;
    readonly domains: readonly string[];
  }[];
  readonly tlsCaCerts: readonly string[];
  readonly tlsVersionMin: "" | "tls1.2" | "tls1.3";
  readonly tlsVersionMax: "" | "tls1.2" | "tls1.3";
};

/** A `data()` feed as the workers get it: rows stay in the bundle's files, dealt by index. */
export type FeedPlan = {
  readonly id: number;
  readonly source: string;
  readonly pick: "unique" | "sequential" | "random" | "circular";
  readonly rows: number;
};

export type JobPlan = {
  readonly name: string;
  readonly workflows: readonly WorkflowPlan[];
  /** null: the file has none. */
  readonly setup: { readonly timeoutMs: number } | null;
  readonly teardown: { readonly timeoutMs: number } | null;
  readonly thresholds: readonly ThresholdPlan[];
  /** Keys of thresholds without an expression, as k6's tests have them: in the summary, and judged by nothing. */
  readonly shown?: readonly MetricChoice[];
  readonly http: HttpPlan;
  readonly tags: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string>>;
  readonly feeds: readonly FeedPlan[];
  /** Trend columns of the printed summary. */
  readonly summaryTrendStats: readonly string[];
};

/** Names of the one-share workflows that run setup and teardown. No user workflow may start with "::". */
export const SETUP = "::setup";
export const TEARDOWN = "::teardown";

/** Most VUs of a workflow, planned or scaled. A person who meets it has most likely slipped by a unit. */
export const VUS_MAX = 1_000_000;

/** VUs a workflow is planned to have at most at one time, over all shares. */
export function vusMax(executor: Executor): number {
  switch (executor.kind) {
    case "ramping-vus":
      return executor.stages.reduce((most, stage) => Math.max(most, stage.target), executor.startVus);
    case "constant-arrival-rate":
    case "ramping-arrival-rate":
    case "externally-controlled":
      return executor.maxVus;
    default:
      return executor.vus;
  }
}

/** Most VUs a workflow may be scaled to while it runs. Out: null when its executor cannot be scaled. */
export function scaleMax(executor: Executor): number | null {
  switch (executor.kind) {
    case "constant-vus":
      return VUS_MAX;
    case "externally-controlled":
      return executor.maxVus;
    default:
      return null;
  }
}

/** Length of the schedule in ms, without startTime and gracefulStop. */
export function scheduleMs(executor: Executor): number {
  switch (executor.kind) {
    case "shared-iterations":
    case "per-vu-iterations":
      return executor.maxDurationMs;
    case "ramping-vus":
    case "ramping-arrival-rate":
      return executor.stages.reduce((sum, stage) => sum + stage.durationMs, 0);
    default:
      return executor.durationMs;
  }
}
