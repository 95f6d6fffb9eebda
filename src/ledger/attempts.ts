// One attempt from its dispatch to its last checkpoint: it gets a core and a token, is ready, starts, tells how far it
// came, takes work. Its end is in sealing.ts.

import type { Resume } from "../load/share.ts";
import { contextOf } from "./dag.ts";
import type { CutEntry, EntryOf } from "./entries.ts";
import { joinRunning, needsAttempt, proposeStart } from "./flow.ts";
import { type Attempt, type Core, type Cut, type Job, type Workflow, liveAttempt, liveAttempts } from "./job.ts";
import { armLimit } from "./limit.ts";
import { placeShare, survey } from "./placement.ts";
import { grant, GRANTS_MAX, isDry, report } from "./pool.ts";
import { beginOf, dispatchOf } from "./standing.ts";
import { refuse, type Turn } from "./turn.ts";

/** A new attempt of a share that needs one, on the core kept for it or on one that is free. */
export function dispatch(turn: Turn, job: Job, entry: EntryOf<"dispatch">): void {
  const workflow = job.workflows.get(entry.workflow);
  const share = workflow?.shares[entry.share];
  if (workflow === undefined || share === undefined)
    return refuse(turn, job.id, "unknown", `no share ${entry.share} of "${entry.workflow}"`);
  if (!needsAttempt(job, workflow, entry.share))
    return refuse(turn, job.id, "illegal", `share ${entry.share} of "${entry.workflow}" needs no attempt`);
  const core = share.place ?? anyCore(turn, job, workflow);
  if (core === null) return;
  share.place = null;
  const attempt: Attempt = {
    token: turn.index,
    worker: core.worker,
    boot: core.boot,
    core: core.core,
    state: "dispatched",
    stopMode: null,
    lost: null,
    startAtMs: null,
    endAtMs: null,
    checkpoint: null,
    seal: null,
    end: null,
  };
  share.attempts.push(attempt);
  const id = { job: job.id, workflow: entry.workflow, share: entry.share, token: attempt.token };
  turn.effects.push(...dispatchOf(job, workflow, id, contextOf(job, workflow)));
}

/** Shares that run again go before everything queued: nothing is kept free from them. */
function anyCore({ state }: Turn, job: Job, workflow: Workflow): Core | null {
  return placeShare({ state, pool: survey(state), job, workflow, reservations: [] });
}

/** The attempt may start: with the others of its workflow, or at once when these run already. */
export function ready(turn: Turn, job: Job, workflow: Workflow, attempt: Attempt): void {
  if (attempt.state !== "dispatched")
    return refuse(turn, job.id, "illegal", `attempt ${attempt.token} is ${attempt.state} already`);
  attempt.state = "ready";
  if (workflow.startAtMs === null) proposeStart(turn, job, workflow);
  else joinRunning(turn, job, workflow);
}

/** All shares begin together. */
export function start(turn: Turn, job: Job, entry: EntryOf<"start">): void {
  const workflow = job.workflows.get(entry.workflow);
  const isReady =
    workflow?.state === "preparing" && workflow.shares.every((share) => liveAttempt(share)?.state === "ready");
  if (workflow === undefined || !isReady)
    return refuse(turn, job.id, "illegal", `"${entry.workflow}" is not ready to start`);
  if (job.isPaused) return refuse(turn, job.id, "illegal", `"${entry.workflow}" cannot start: the job is paused`);
  const startAtMs = turn.state.nowMs + entry.leadMs;
  const live = liveAttempts(job, workflow);
  workflow.state = "running";
  workflow.startAtMs = startAtMs;
  job.originMs ??= startAtMs;
  for (const { attempt } of live) {
    attempt.state = "running";
    attempt.startAtMs = startAtMs;
  }
  turn.effects.push(beginOf(job, workflow, live, turn.state.nowMs));
  armLimit(turn, job, workflow, startAtMs);
}

/** Takes in the newest cuts of running attempts, one by one: a stale one among them does not hold up the others. */
export function checkpoint(turn: Turn, job: Job, { cuts }: EntryOf<"checkpoint">): void {
  for (const entry of cuts) {
    const workflow = job.workflows.get(entry.workflow);
    const share = workflow?.shares[entry.share];
    const attempt = share === undefined ? null : liveAttempt(share);
    if (workflow === undefined || attempt === null) continue;
    const isNewest = attempt.token === entry.attemptToken && entry.seq > (attempt.checkpoint?.seq ?? -1);
    if (!isNewest) continue;
    attempt.checkpoint = cutOf(entry);
    if (workflow.pool !== null) report(workflow.pool, attempt.token, progressOf(attempt.checkpoint));
  }
}

/** Gives the attempt the next range of its workflow's pool. */
export function take(turn: Turn, job: Job, workflow: Workflow, attempt: Attempt, entry: EntryOf<"take">): void {
  const { pool } = workflow;
  if (pool === null) return refuse(turn, job.id, "illegal", `the work of "${entry.workflow}" is dealt, not taken`);
  if (attempt.state !== "running")
    return refuse(turn, job.id, "illegal", `attempt ${attempt.token} is ${attempt.state}: it may not take work`);
  const range = grant(pool, attempt.token, entry.count);
  if (range === null) {
    const message = `attempt ${attempt.token} holds ${GRANTS_MAX} ranges not reported on; it may take no more yet`;
    return refuse(turn, job.id, "limit", message);
  }
  const id = { job: job.id, workflow: entry.workflow, share: entry.share, token: attempt.token };
  const [from, to] = range;
  turn.effects.push({ kind: "grant", attempt: id, worker: attempt.worker, from, to, isLast: isDry(pool) });
}

/** A cut as the state keeps it. */
export function cutOf({ seq, resume, accounting, snapshot, taken }: Omit<CutEntry, "workflow">): Cut {
  return { seq, resume, accounting, snapshot, taken };
}

/** What a cut says of the ranges its attempt was granted. */
export function progressOf({ taken, resume }: Cut): {
  taken: number;
  left: Extract<Resume, { kind: "ranges" }>["left"] | null;
} {
  return { taken, left: resume?.kind === "ranges" ? resume.left : null };
}
