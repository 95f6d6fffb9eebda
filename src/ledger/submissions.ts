// Jobs come and go: submitted once by id and content, finished once, forgotten at the leader's word. What is forgotten
// stays known for as long as memory allows, so that a repeated submit never runs a job again.

import { jobIdTimeMs } from "../base/ids.ts";
import { orderProblem } from "./dag.ts";
import type { EntryOf, JobSpec } from "./entries.ts";
import type { Cut, Job, LedgerState, Workflow } from "./job.ts";
import { createPool } from "./pool.ts";
import { refuse, type Turn } from "./turn.ts";

/** Jobs that may be live (submitted and not finished) at a time. */
export const JOBS_MAX = 1_000;
/** Forgotten keys (ids without a time in them) that are kept. */
export const FORGOTTEN_KEYS_MAX = 10_000;

/** Idempotent by id and digest. */
export function submit(turn: Turn, { job: id, digest, submission, spec }: EntryOf<"submit">): void {
  const { state } = turn;
  const known = state.jobs.get(id);
  const knownDigest = known?.digest ?? state.forgottenKeys.get(id);
  if (knownDigest !== undefined && knownDigest !== digest)
    return refuse(turn, id, "conflict", `job ${id} exists with another content; submit this one under another id`);
  if (known !== undefined) {
    turn.effects.push({ kind: "accepted", job: id, isNew: false });
    return;
  }
  if (isForgotten(state, id))
    return refuse(
      turn,
      id,
      "expired",
      `job ${id} is older than what is kept; submit it under a new id to run it again`,
    );
  const problem = orderProblem(spec);
  if (problem !== null) return refuse(turn, id, "invalid", problem);
  if (liveJobs(state) >= JOBS_MAX) {
    const advice = "wait until one has ended, or cancel one, and submit again";
    return refuse(turn, id, "limit", `${JOBS_MAX} jobs are live, as many as there may be; ${advice}`);
  }
  state.jobs.set(id, newJob({ id, digest, submission, submitIndex: turn.index, spec }));
  turn.effects.push({ kind: "accepted", job: id, isNew: true });
}

/** Judged and over: the one terminal state. */
export function finish(turn: Turn, job: Job, { thresholdsFailed, result }: EntryOf<"finish">): void {
  if (job.phase !== "closing") return refuse(turn, job.id, "illegal", "the job still runs");
  const hasFailed = thresholdsFailed > 0 || job.verdicts.size > 0;
  const natural = {
    state: "completed",
    errorCode: hasFailed ? "thresholds" : null,
    reason: hasFailed ? "thresholds failed" : "",
  } as const;
  job.phase = "finished";
  job.outcome = job.ending ?? natural;
  job.finishedAtMs = turn.state.nowMs;
  job.result = result;
  compact(job);
  turn.effects.push({ kind: "finished", job: job.id, outcome: job.outcome });
}

/** Drops a finished job. */
export function forget(turn: Turn, { job: id }: EntryOf<"forget">): void {
  const { state } = turn;
  const job = state.jobs.get(id);
  if (job === undefined) return refuse(turn, id, "unknown", `there is no job ${id}`);
  if (job.phase !== "finished") return refuse(turn, id, "illegal", `job ${id} has not ended`);
  state.jobs.delete(id);
  const mintedMs = jobIdTimeMs(id);
  if (mintedMs !== null) state.forgottenThroughMs = Math.max(state.forgottenThroughMs, mintedMs);
  else {
    state.forgottenKeys.set(id, job.digest);
    const oldest = state.forgottenKeys.keys().next().value;
    if (state.forgottenKeys.size > FORGOTTEN_KEYS_MAX && oldest !== undefined) state.forgottenKeys.delete(oldest);
  }
  turn.effects.push({ kind: "forgotten", job: id });
}

function isForgotten(state: LedgerState, id: string): boolean {
  const mintedMs = jobIdTimeMs(id);
  return mintedMs === null ? state.forgottenKeys.has(id) : mintedMs <= state.forgottenThroughMs;
}

function liveJobs(state: LedgerState): number {
  let live = 0;
  for (const { phase } of state.jobs.values()) if (phase !== "finished") live++;
  return live;
}

function newJob(
  submitted: Pick<Job, "id" | "digest" | "submission" | "submitIndex"> & { readonly spec: JobSpec },
): Job {
  const { spec, ...identity } = submitted;
  const rank = { setup: 0, user: 1, teardown: 2 } as const;
  const ordered = spec.workflows.toSorted((a, b) => rank[a.role] - rank[b.role]);
  return {
    ...identity,
    retries: spec.retries,
    workflows: new Map(ordered.map((workflow) => [workflow.name, newWorkflow(workflow)])),
    owner: null,
    phase: "open",
    ending: null,
    outcome: null,
    isPaused: false,
    finishedAtMs: null,
    result: null,
    originMs: null,
    setupJson: null,
    verdicts: new Map(),
    retriesUsed: 0,
    reruns: 0,
  };
}

function newWorkflow(spec: Workflow["spec"]): Workflow {
  return {
    spec,
    state: "waiting",
    shares: [],
    queuedAtMs: null,
    startAtMs: null,
    endAtMs: null,
    pausedAtMs: null,
    pausedMs: 0,
    scaledVus: null,
    limit: null,
    pool: spec.pool === null ? null : createPool(spec.pool),
    provided: new Map(),
  };
}

/** Only what a status or a result reads stays of a finished job: sums and names of seals, no values, no resumes. */
function compact(job: Job): void {
  job.setupJson = null;
  for (const workflow of job.workflows.values()) {
    workflow.provided.clear();
    for (const { attempts } of workflow.shares) {
      for (const attempt of attempts) {
        if (attempt.seal !== null) attempt.seal = withoutResume(attempt.seal);
        if (attempt.end?.kind === "closed") attempt.end = { ...attempt.end, valueJson: null };
      }
    }
  }
}

function withoutResume(cut: Cut): Cut {
  return { ...cut, resume: null };
}
