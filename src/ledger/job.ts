// The state of the job machine as plain data (structuredClone-able), and questions about it that need no time.
// apply.ts alone changes it.

import type { Accounting, AttemptId, Resume } from "../load/share.ts";
import type { JobResult, JobState } from "../load/result.ts";
import type { End, WorkflowSpec } from "./entries.ts";

/** One core of one worker. */
export type Core = { readonly worker: string; readonly core: number };

/**
 * A committed snapshot: its numbers, where the rest begins (null: nothing was begun), and the name of its series in the
 * blob store.
 */
export type Cut = {
  readonly seq: number;
  readonly resume: Resume | null;
  readonly accounting: Accounting;
  readonly snapshot: string;
};

/** One execution of a share; `token` is the ledger index of its dispatch. Sealed is the last state. */
export type Attempt = Core & {
  readonly token: number;
  state: "dispatched" | "ready" | "running" | "stopping" | "sealed";
  /** It was told to stop before it had done its work. */
  wasStopped: boolean;
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
  /** Ledger time of its agreed start, and of its last seal. */
  startAtMs: number | null;
  endAtMs: number | null;
  readonly provided: Map<string, Provided>;
};

/** Why and how a job ends. */
export type Ending = { readonly state: JobState; readonly errorCode: JobResult["errorCode"]; readonly reason: string };

/** open > closing (all has ended, thresholds are judged) > finished, with `outcome`, for good. */
export type Job = {
  readonly id: string;
  readonly digest: string;
  readonly submitIndex: number;
  readonly retries: number;
  /** In plan order, setup first and teardown last. */
  readonly workflows: Map<string, Workflow>;
  owner: { readonly node: string; readonly token: number } | null;
  phase: "open" | "closing" | "finished";
  /** The first reason to end early; null: runs to its end. */
  ending: Ending | null;
  outcome: Ending | null;
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
  /** Cores offered, by worker. */
  readonly workers: Map<string, { cores: number }>;
  readonly jobs: Map<string, Job>;
};

/** A ledger with no history. */
export function createLedger(): LedgerState {
  return { nowMs: 0, workers: new Map(), jobs: new Map() };
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
  for (const [share, { attempts }] of workflow.shares.entries()) {
    const attempt = attempts.at(-1);
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
