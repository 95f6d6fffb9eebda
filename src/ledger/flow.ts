// How a job goes on and how it ends: what follows when a workflow is over or the job has a reason to stop early.
// Entered from apply.ts after every change; reads no entry itself.

import type { Effect } from "./effects.ts";
import type { WorkflowSpec } from "./entries.ts";
import { isStartable } from "./dag.ts";
import type { Attempt, Ending, Job, LedgerState, Workflow } from "./job.ts";
import { isOver, liveAttempt, liveAttempts, pausedMs, workflowOf } from "./job.ts";
import { armLimit } from "./limit.ts";
import { type CorePool, occupy, placeShare, placeWorkflow, survey } from "./placement.ts";
import { type Queued, queued, type Reservation, reservationOf } from "./queue.ts";
import { beginOf } from "./standing.ts";
import { ownedBy, stop, type Turn } from "./turn.ts";

/**
 * The job ends early; the first reason holds. Running user workflows stop gracefully, what has not started never
 * does, setup stops at once. Teardown goes on.
 */
export function endEarly(turn: Turn, job: Job, ending: Ending): void {
  if (job.ending !== null) return;
  job.ending = ending;
  for (const workflow of job.workflows.values()) {
    if (workflow.spec.role === "teardown" || isOver(workflow)) continue;
    for (const share of workflow.shares) share.place = null;
    for (const { id, attempt } of liveAttempts(job, workflow)) {
      const isGraceful = workflow.spec.role === "user" && attempt.startAtMs !== null;
      stop(turn, id, attempt, isGraceful ? "graceful" : "now");
    }
  }
  // What is being stopped stays as it is; a teardown that waited for the end of the pause goes on.
  unpause(turn, job);
  turn.doPlace = true;
}

/** Everything that follows from the job's state as it is now, until nothing more does. */
export function advance(turn: Turn, job: Job): void {
  if (job.phase !== "open") return;
  for (const workflow of job.workflows.values()) settle(turn, job, workflow);
  for (let isMoving = true; isMoving;) {
    isMoving = false;
    for (const workflow of job.workflows.values()) {
      if (workflow.state !== "waiting") continue;
      if (mayNeverStart(job, workflow)) skip(turn, job, workflow);
      else if (isDue(job, workflow)) queue(turn, workflow);
      isMoving ||= !isWaiting(workflow);
    }
  }
  if (!areOver(job, null)) return;
  job.phase = "closing";
  turn.effects.push({ kind: "close", job: job.id });
}

/** True when nothing more happens in any workflow but that one. */
function areOver(job: Job, except: Workflow | null): boolean {
  for (const workflow of job.workflows.values()) if (workflow !== except && !isOver(workflow)) return false;
  return true;
}

/** The job has a new owner. What the state calls for and may have been lost with the last one is proposed again. */
export function takeOver(turn: Turn, job: Job): void {
  turn.effects.push({ kind: "adopt", job: job.id });
  callAgain(turn, job);
  turn.doPlace = true;
}

/**
 * What the state calls for of all owned jobs, for owners that did not see the last entries one by one (a snapshot
 * brought them): what those asked for may never have been proposed. Safe to propose again. Changes nothing.
 */
export function outstanding(state: LedgerState): readonly Effect[] {
  const turn: Turn = { state, index: 0, effects: [], doPlace: false };
  for (const job of state.roll.owned.values()) callAgain(turn, job);
  offerCores(turn);
  return turn.effects;
}

function callAgain(turn: Turn, job: Job): void {
  for (const workflow of job.workflows.values()) {
    proposeDispatches(turn, job, workflow);
    proposeStart(turn, job, workflow);
  }
  if (job.phase === "closing") turn.effects.push({ kind: "close", job: job.id });
}

/** Offers the cores that are free now: to shares that have to run again, then to queued workflows in their order. */
export function offerCores(turn: Turn): void {
  const displaced = displacedShares(turn.state);
  const waiting = queued(turn.state);
  if (displaced.length === 0 && waiting.length === 0) return;
  const pool = survey(turn.state);
  for (const { job, workflow, share } of displaced) {
    const core = placeShare({ state: turn.state, pool, job, workflow, reservations: [] });
    if (core === null) continue;
    occupy(pool, core, job, workflow);
    proposeDispatch(turn, job, workflow, share);
  }
  proposePlaces(turn, waiting, pool);
}

/** Shares that need an attempt and have no core kept for it. Those that have one have its dispatch proposed already. */
function displacedShares(state: LedgerState): { job: Job; workflow: Workflow; share: number }[] {
  const found: { job: Job; workflow: Workflow; share: number }[] = [];
  for (const job of state.roll.owned.values()) {
    if (job.phase !== "open") continue;
    for (const workflow of job.workflows.values()) {
      if (workflow.state !== "preparing" && workflow.state !== "running") continue;
      const { shares } = workflow;
      for (let share = 0; share < shares.length; share++)
        if (shares[share]?.place === null && needsAttempt(job, workflow, share)) found.push({ job, workflow, share });
    }
  }
  return found;
}

/** Proposes `place` for those that find their cores, each as if those before it had theirs. */
function proposePlaces(turn: Turn, waiting: readonly Queued[], pool: CorePool): void {
  const { state } = turn;
  const reservations: Reservation[] = [];
  for (const one of waiting) {
    const { job, workflow } = one;
    const owned = ownedBy(job);
    const cores = owned === null ? null : placeWorkflow({ state, pool, job, workflow, reservations });
    if (owned !== null && cores !== null) {
      for (const core of cores) occupy(pool, core, job, workflow);
      turn.effects.push({ kind: "propose", proposal: { kind: "place", workflow: workflow.spec.name, ...owned } });
    }
    const reservation = reservationOf(state, one);
    if (reservation !== null) reservations.push(reservation);
  }
}

/** Attempts that became ready after the start begin at their workflow's offset; in a pause they wait for its end. */
export function joinRunning(turn: Turn, job: Job, workflow: Workflow): void {
  if (workflow.startAtMs === null || job.isPaused) return;
  const joining = liveAttempts(job, workflow).filter(({ attempt }) => attempt.state === "ready");
  if (joining.length === 0) return;
  for (const { attempt } of joining) {
    attempt.state = "running";
    attempt.startAtMs = turn.state.nowMs;
  }
  turn.effects.push(beginOf(job, workflow, joining, turn.state.nowMs));
  armLimit(turn, job, workflow, turn.state.nowMs);
}

/** Ends a pause: schedules go on where they stood, what is ready starts. */
export function unpause(turn: Turn, job: Job): void {
  job.isPaused = false;
  const last = job.pauses.at(-1);
  if (last !== undefined) last.toMs ??= turn.state.nowMs;
  for (const workflow of job.workflows.values()) {
    endPause(turn, workflow);
    joinRunning(turn, job, workflow);
    proposeStart(turn, job, workflow);
  }
}

function endPause(turn: Turn, workflow: Workflow): void {
  workflow.pausedMs = pausedMs(workflow, turn.state.nowMs);
  workflow.pausedAtMs = null;
}

/** Proposes an attempt for every share of the workflow that needs one. */
export function proposeDispatches(turn: Turn, job: Job, workflow: Workflow): void {
  for (const share of workflow.shares.keys())
    if (needsAttempt(job, workflow, share)) proposeDispatch(turn, job, workflow, share);
}

function proposeDispatch(turn: Turn, job: Job, workflow: Workflow, share: number): void {
  const owned = ownedBy(job);
  if (owned === null) return;
  turn.effects.push({ kind: "propose", proposal: { kind: "dispatch", workflow: workflow.spec.name, share, ...owned } });
}

/** Proposes the start of a workflow whose shares are all ready. */
export function proposeStart(turn: Turn, job: Job, workflow: Workflow): void {
  const owned = ownedBy(job);
  if (owned === null || job.isPaused || workflow.state !== "preparing" || workflow.shares.length === 0) return;
  if (!workflow.shares.every((share) => liveAttempt(share)?.state === "ready")) return;
  turn.effects.push({
    kind: "propose",
    proposal: { kind: "start", workflow: workflow.spec.name, leadMs: 0, ...owned },
  });
}

/** True when the share has work left and nobody does it. */
export function needsAttempt(job: Job, workflow: Workflow, share: number): boolean {
  const at = workflow.shares[share];
  if (at === undefined || at.isOver || isOver(workflow) || liveAttempt(at) !== null) return false;
  return workflow.spec.role === "teardown" || job.ending === null;
}

/** Setup is done for good: later workflows may start, and teardown has to run. True too when the job has none. */
export function isSetupCommitted(job: Job): boolean {
  const setup = workflowOf(job, "setup");
  return setup === null || setup.state === "ended";
}

/** A placed workflow is over once no share has anything running or left to run. */
function settle(turn: Turn, job: Job, workflow: Workflow): void {
  if (isOver(workflow) || workflow.state === "waiting") return;
  const isStopping = job.ending !== null && workflow.spec.role !== "teardown";
  if (workflow.state === "queued") {
    if (isStopping) skip(turn, job, workflow);
    return;
  }
  const isDone = workflow.shares.every(
    (share, at) => liveAttempt(share) === null && share.place === null && !needsAttempt(job, workflow, at),
  );
  if (!isDone) return;
  workflow.state = outcomeOf(job, workflow);
  endPause(turn, workflow);
  workflow.limit = null;
  workflow.endAtMs = workflow.startAtMs === null ? null : turn.state.nowMs;
  turn.doPlace = true;
  turn.effects.push({ kind: "ended", job: job.id, workflow: workflow.spec.name });
}

function outcomeOf(job: Job, workflow: Workflow): "ended" | "failed" | "cancelled" | "skipped" {
  const { spec, shares, startAtMs } = workflow;
  const last = shares.flatMap(({ attempts }) => attempts.at(-1) ?? []);
  if (last.some((attempt) => hasFailed(spec, attempt))) return "failed";
  if (startAtMs === null) return "skipped";
  const limit = spec.role === "setup" ? "setup-timeout" : "teardown-timeout";
  if (spec.role !== "user" && job.ending?.errorCode === limit) return "failed";
  return last.length === shares.length && last.every((attempt) => isWhole(spec, attempt)) ? "ended" : "cancelled";
}

/** Only setup and teardown fail by throwing: an iteration of a load that throws is an error counted, not a failure. */
function hasFailed(spec: WorkflowSpec, { end, stopMode }: Attempt): boolean {
  return (
    end?.kind === "failed" ||
    (end?.kind === "closed" && spec.role !== "user" && end.thrown !== null && stopMode === null)
  );
}

/** A one-shot function that was told to stop and yet got to its end has happened: setup then needs its teardown. */
function isWhole(spec: WorkflowSpec, { end, stopMode, seal }: Attempt): boolean {
  if (stopMode === null) return true;
  return spec.role !== "user" && end?.kind === "closed" && end.thrown === null && (seal?.accounting.completed ?? 0) > 0;
}

function mayNeverStart(job: Job, workflow: Workflow): boolean {
  if (workflow.spec.role !== "teardown") return job.ending !== null;
  if (!areOver(job, workflow)) return false;
  const hasBegun =
    workflowOf(job, "setup") !== null || [...job.workflows.values()].some(({ startAtMs }) => startAtMs !== null);
  return !isSetupCommitted(job) || !hasBegun;
}

function isDue(job: Job, workflow: Workflow): boolean {
  switch (workflow.spec.role) {
    case "setup":
      return true;
    case "user":
      return isSetupCommitted(job) && isStartable(job, workflow);
    case "teardown":
      return areOver(job, workflow);
  }
}

function isWaiting(workflow: Workflow): boolean {
  return workflow.state === "waiting";
}

function queue(turn: Turn, workflow: Workflow): void {
  workflow.state = "queued";
  workflow.queuedAtMs = turn.state.nowMs;
  turn.doPlace = true;
}

function skip(turn: Turn, job: Job, workflow: Workflow): void {
  workflow.state = "skipped";
  turn.effects.push({ kind: "ended", job: job.id, workflow: workflow.spec.name });
}
