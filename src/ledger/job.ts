// The state of the job machine as plain data (structuredClone-able), and questions about it that need no time.
// apply.ts alone changes it.

import type { Accounting, AttemptId, Resume } from "../load/share.ts";
import type { JobResult, JobState } from "../load/result.ts";
import type { Labels } from "../base/labels.ts";
import type { End, JobSpec, WorkflowSpec } from "./entries.ts";
import type { Pool } from "./pool.ts";
import { createRoll, type Roll } from "./roll.ts";

/** One core of one life of a worker. */
export type Core = { readonly worker: string; readonly boot: string; readonly core: number };

/** A worker of the pool. boot: which life of it; former: those before it, the newest last, bounded. */
export type Worker = { boot: string; cores: number; labels: Labels; former: string[] };

/**
 * A committed snapshot: its numbers, where the rest begins (null: nothing was begun), and the name of its series in the
 * blob store.
 */
export type Cut = {
  readonly seq: number;
  readonly resume: Resume | null;
  readonly accounting: Accounting;
  readonly snapshot: string;
  /** Iterations of granted ranges it knew of (pool.ts). */
  readonly taken: number;
};

/** One execution of a share; `token` is the ledger index of its dispatch. Sealed is the last state. */
export type Attempt = Core & {
  readonly token: number;
  state: "dispatched" | "ready" | "running" | "stopping" | "sealed";
  /** How it was told to stop before it had done its work; null: it was not. */
  stopMode: "graceful" | "now" | null;
  /** Its worker went, at this ledger time; null: it did not, or came back in the same life. */
  lost: { readonly atMs: number; readonly isCertain: boolean } | null;
  /** Ledger times of its start and of its seal; null before. */
  startAtMs: number | null;
  endAtMs: number | null;
  checkpoint: Cut | null;
  seal: Cut | null;
  end: End | null;
};

/**
 * `place`: the core kept until its dispatch commits. `isOver`: nothing of it will run again. Only the last attempt may
 * be unsealed.
 */
export type Share = { place: Core | null; isOver: boolean; readonly attempts: Attempt[] };

/**
 * A value given to later workflows (JSON text, UTF-8 bytes of it): that of the highest (vu, iteration); `providers`
 * counts the offers.
 */
export type Provided = {
  readonly json: string;
  readonly bytes: number;
  readonly vu: number;
  readonly iteration: number;
  readonly providers: number;
};

/**
 * waiting (for those before it) > queued (for cores) > preparing > running > ended | failed | cancelled (stopped by
 * the job's end). skipped: it never started.
 */
export type WorkflowState =
  "waiting" | "queued" | "preparing" | "running" | "ended" | "failed" | "cancelled" | "skipped";

export type Workflow = {
  readonly spec: WorkflowSpec;
  state: WorkflowState;
  readonly shares: Share[];
  /** Ledger time at which it began to wait for cores, of its agreed start, and of its last seal. */
  queuedAtMs: number | null;
  startAtMs: number | null;
  endAtMs: number | null;
  /** Since when its schedule stands still; and how long it stood still in pauses that are over. */
  pausedAtMs: number | null;
  pausedMs: number;
  /** The newest VUs asked for by `scale`; null: as planned. */
  scaledVus: number | null;
  /** Of setup and teardown while they run. */
  limit: Limit | null;
  /** Iterations that attempts take in ranges; null: none. */
  readonly pool: Pool | null;
  readonly provided: Map<string, Provided>;
};

/** The time limit of the attempt that runs: ledger time, extensions granted, and the progress shown for the last. */
export type Limit = { atMs: number; granted: number; progress: number };

/** Why and how a job ends. */
export type Ending = { readonly state: JobState; readonly errorCode: JobResult["errorCode"]; readonly reason: string };

/** open > closing (all has ended, thresholds are judged) > finished, with `outcome`, for good. */
export type Job = {
  readonly id: string;
  readonly digest: string;
  readonly submission: string;
  /** Its place among all submits: each job's own, and rising. */
  readonly submitIndex: number;
  /** Ledger time. */
  readonly submittedAtMs: number;
  /**
   * What was asked for, as long as no entry but its submit was about the job: its workflows are made from it then. Jobs
   * that wait are many and cost little. null: they are made.
   */
  readonly spec: JobSpec | null;
  readonly retries: number;
  /** In plan order, setup first and teardown last. Empty while `spec` is there. */
  readonly workflows: Map<string, Workflow>;
  owner: { readonly node: string; readonly boot: string; readonly token: number } | null;
  phase: "open" | "closing" | "finished";
  /** The first reason to end early; null: runs to its end. */
  ending: Ending | null;
  outcome: Ending | null;
  isPaused: boolean;
  /** Ledger times of its pauses, in order; the last one goes on as long as the job is paused. */
  readonly pauses: { readonly fromMs: number; toMs: number | null }[];
  /** The newest orders that were carried out: one that comes again, on another way and late, is none. */
  readonly orders: string[];
  /** Ledger time of its end, and the name of its result's blob; null before, and where there is none. */
  finishedAtMs: number | null;
  result: string | null;
  /** Ledger time of the first start of anything in it: zero of job-elapsed time. */
  originMs: number | null;
  setupJson: string | null;
  /** Thresholds failed for good, by metricKey and expression. */
  readonly verdicts: Map<string, { readonly metricKey: string; readonly expression: string }>;
  retriesUsed: number;
  /** Times setup or teardown was run again because its runner died. */
  reruns: number;
};

export type LedgerState = {
  /** Ledger time: the newest entry's. */
  nowMs: number;
  /** In the order of joining. */
  readonly workers: Map<string, Worker>;
  /** In the order of their submits. */
  readonly jobs: Map<string, Job>;
  /** The same jobs by what they need; not in snapshots. */
  readonly roll: Roll;
  /** Newest time (epoch ms) believed of forgotten ids: no id minted until then is new. -1: none was forgotten. */
  forgottenThroughMs: number;
  /** Digests of forgotten jobs whose ids hold no time, or one to come, the oldest first; bounded. */
  readonly forgottenKeys: Map<string, string>;
};

/** A ledger with no history. */
export function createLedger(): LedgerState {
  return {
    nowMs: 0,
    workers: new Map(),
    jobs: new Map(),
    roll: createRoll(),
    forgottenThroughMs: -1,
    forgottenKeys: new Map(),
  };
}

/** True when nothing more happens in the workflow. */
export function isOver(workflow: Workflow): boolean {
  switch (workflow.state) {
    case "ended":
    case "failed":
    case "cancelled":
    case "skipped":
      return true;
    default:
      return false;
  }
}

/** The share's unsealed attempt. Out: null when none runs. */
export function liveAttempt(share: Share): Attempt | null {
  const last = share.attempts.at(-1);
  return last === undefined || last.state === "sealed" ? null : last;
}

/** The workflow's attempts that still hold a core, with their full names. */
export function liveAttempts(job: Job, workflow: Workflow): { readonly id: AttemptId; readonly attempt: Attempt }[] {
  const live: { id: AttemptId; attempt: Attempt }[] = [];
  const { shares } = workflow;
  for (let share = 0; share < shares.length; share++) {
    const attempt = shares[share]?.attempts.at(-1);
    if (attempt === undefined || attempt.state === "sealed") continue;
    live.push({ id: { job: job.id, workflow: workflow.spec.name, share, token: attempt.token }, attempt });
  }
  return live;
}

/** The workflow with that role. Out: null when the job has none. */
export function workflowOf(job: Job, role: "setup" | "teardown"): Workflow | null {
  for (const workflow of job.workflows.values()) if (workflow.spec.role === role) return workflow;
  return null;
}

/** Ms for which the workflow's schedule stood still so far. */
export function pausedMs(workflow: Workflow, nowMs: number): number {
  return workflow.pausedMs + (workflow.pausedAtMs === null ? 0 : Math.max(0, nowMs - workflow.pausedAtMs));
}

/** True when the schedule of a user workflow has passed: nothing of it is worth running again. */
export function isExpired(workflow: Workflow, nowMs: number): boolean {
  if (workflow.startAtMs === null || workflow.spec.role !== "user") return false;
  return nowMs - workflow.startAtMs - pausedMs(workflow, nowMs) >= workflow.spec.toMs;
}
