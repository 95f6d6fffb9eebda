// Jobs come and go: submitted once by id and content, finished once, forgotten at the leader's word. What is forgotten
// stays known for as long as memory allows, so that a repeated submit never runs a job again.

import { jobIdTimeMs } from "../base/ids.ts";
import { formatDuration } from "../base/units.ts";
import { orderProblem } from "./dag.ts";
import { type EntryOf, type JobSpec, SUBMITS_MAX } from "./entries.ts";
import type { Cut, Job, LedgerState, Workflow } from "./job.ts";
import { createPool } from "./pool.ts";
import { enter, liveCount, strike } from "./roll.ts";
import { refuse, type Turn } from "./turn.ts";

/** Jobs that may be live (submitted and not finished) at a time: one that waits costs about a KiB on every manager. */
export const JOBS_MAX = 250_000;
/** Forgotten keys (ids whose time says nothing) that are kept. */
export const FORGOTTEN_KEYS_MAX = 10_000;
/** An id made so long after the ids of later jobs has its time from a clock that is wrong. */
const AHEAD_MS = 3_600_000;
/** Later jobs that it is compared with, at most. */
const COMPARED_MAX = 64;

/** Each by itself. */
export function submits(turn: Turn, { contents, jobs }: EntryOf<"submits">): void {
  const problems = contents.map(({ spec }) => orderProblem(spec));
  for (let at = 0; at < jobs.length; at++) {
    const { job, of } = jobs[at] ?? { job: "", of: -1 };
    const content = contents[of];
    if (content === undefined) refuse(turn, job, "invalid", "the submit names no content");
    else take(turn, job, content, { at, problem: problems[of] ?? null });
  }
}

type Content = EntryOf<"submits">["contents"][number];

/** Idempotent by id and digest. */
export function submit(turn: Turn, { job, digest, submission, spec }: EntryOf<"submit">): void {
  take(turn, job, { digest, submission, spec }, { at: 0, problem: orderProblem(spec) });
}

/** `at`: its place in its entry; `problem`: of the content. */
function take(
  turn: Turn,
  id: string,
  { digest, submission, spec }: Content,
  { at, problem }: { readonly at: number; readonly problem: string | null },
): void {
  const { state } = turn;
  const known = state.jobs.get(id);
  const knownDigest = known?.digest ?? state.forgottenKeys.get(id);
  if (knownDigest !== undefined && knownDigest !== digest)
    return refuse(turn, id, "conflict", `job ${id} exists with another content; submit this one under another id`);
  if (known !== undefined) {
    turn.effects.push({ kind: "accepted", job: id, isNew: false });
    return;
  }
  if (isForgotten(state, id)) return refuse(turn, id, "expired", forgottenText(state, id));
  if (problem !== null) return refuse(turn, id, "invalid", problem);
  if (liveCount(state) >= JOBS_MAX) {
    const advice = "wait until one has ended, or cancel one, and submit again";
    return refuse(turn, id, "limit", `${JOBS_MAX} jobs are live, as many as there may be; ${advice}`);
  }
  const submitIndex = turn.index * SUBMITS_MAX + at;
  const job = waitingJob({ id, digest, submission, submitIndex, submittedAtMs: state.nowMs, spec });
  state.jobs.set(id, job);
  enter(state.roll, job);
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
  strike(state.roll, id);
  const mintedMs = jobIdTimeMs(id);
  if (mintedMs !== null && !isFromTheFuture(state, job, mintedMs))
    state.forgottenThroughMs = Math.max(state.forgottenThroughMs, mintedMs);
  else {
    state.forgottenKeys.set(id, job.digest);
    const oldest = state.forgottenKeys.keys().next().value;
    if (state.forgottenKeys.size > FORGOTTEN_KEYS_MAX && oldest !== undefined) state.forgottenKeys.delete(oldest);
  }
  turn.effects.push({ kind: "forgotten", job: id });
}

/** One client's clock must not make the ids of all others expired: most jobs submitted after it have older ids. */
function isFromTheFuture({ jobs }: LedgerState, { submitIndex }: Job, mintedMs: number): boolean {
  const later = [...jobs.values().take(COMPARED_MAX)].flatMap((job) => {
    const ms = job.submitIndex > submitIndex ? jobIdTimeMs(job.id) : null;
    return ms === null ? [] : [ms];
  });
  const ahead = later.filter((ms) => mintedMs - ms > AHEAD_MS);
  return 2 * ahead.length > later.length;
}

/** It may have run: nobody knows any more. */
function forgottenText({ forgottenThroughMs }: LedgerState, id: string): string {
  const advice = "submit it under a new id to run it again";
  const mintedMs = jobIdTimeMs(id);
  if (mintedMs === null) return `job ${id} ended so long ago that nothing of it is kept; ${advice}`;
  const olderMs = Math.max(1_000, Math.ceil((forgottenThroughMs - mintedMs) / 1_000) * 1_000);
  return (
    `job ${id} is of an id made ${formatDuration(olderMs)} before the newest of those that are not kept any more; ` +
    `${advice}, and if this one is new, set the clock right where it was made`
  );
}

function isForgotten(state: LedgerState, id: string): boolean {
  if (state.forgottenThroughMs < 0 && state.forgottenKeys.size === 0) return false;
  if (state.forgottenKeys.has(id)) return true;
  const mintedMs = jobIdTimeMs(id);
  return mintedMs !== null && mintedMs <= state.forgottenThroughMs;
}

/** Of all jobs that wait: they are replaced before anything is written. */
const NO_WORKFLOWS: Job["workflows"] = new Map();
const NO_VERDICTS: Job["verdicts"] = new Map();
const NO_ORDERS: Job["orders"] = [];

/** A job that nothing was said of since its submit. */
export function waitingJob({
  id,
  digest,
  submission,
  submitIndex,
  submittedAtMs,
  spec,
}: Pick<Job, "id" | "digest" | "submission" | "submitIndex" | "submittedAtMs"> & { readonly spec: JobSpec }): Job {
  return {
    id,
    digest,
    submission,
    submitIndex,
    submittedAtMs,
    spec,
    retries: spec.retries,
    workflows: NO_WORKFLOWS,
    owner: null,
    phase: "open",
    ending: null,
    outcome: null,
    isPaused: false,
    pauses: [],
    orders: NO_ORDERS,
    finishedAtMs: null,
    result: null,
    originMs: null,
    setupJson: null,
    verdicts: NO_VERDICTS,
    retriesUsed: 0,
    reruns: 0,
  };
}

/** The job with its workflows, in its place: from now on it is more than its spec. */
export function opened(state: LedgerState, job: Job): Job {
  if (job.spec === null) return job;
  const rank = { setup: 0, user: 1, teardown: 2 } as const;
  const ordered = job.spec.workflows.toSorted((a, b) => rank[a.role] - rank[b.role]);
  const workflows = new Map(ordered.map((workflow) => [workflow.name, newWorkflow(workflow)]));
  const full: Job = { ...job, spec: null, workflows, orders: [], verdicts: new Map() };
  state.jobs.set(job.id, full);
  return full;
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
  job.orders.length = 0;
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
