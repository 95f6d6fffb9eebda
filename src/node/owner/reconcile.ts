// Compares what the ledger says of a job's attempts on one worker with what that worker says it holds, and tells what
// to do about the difference. Level-triggered: it runs at every renewal, so that no lost message matters. Pure.

import { type Attempt, type Job, liveAttempts, type Workflow } from "../../ledger/job.ts";
import { steeringOf } from "../../ledger/standing.ts";
import { type AttemptId, isSameSteering, UNSTEERED } from "../../load/share.ts";
import { LEASE_MS } from "../lease.ts";
import type { HeldReport } from "../worker-messages.ts";

/** What an owner has heard of an attempt: the newest whole snapshot, values provided, whether it heard of its end. */
export type Heard = { readonly seq: number; readonly offers: number; readonly isOver: boolean };
const NOTHING: Heard = { seq: 0, offers: 0, isOver: false };

export type Step =
  /** Give the order (again). */
  | { readonly kind: "dispatch" | "start" | "steer"; readonly attempt: AttemptId }
  | { readonly kind: "stop"; readonly attempt: AttemptId; readonly mode: "graceful" | "now" }
  /** Propose it for the worker, whose report got lost. */
  | { readonly kind: "ready"; readonly attempt: AttemptId }
  /** Ask the worker for everything beyond what was heard. */
  | { readonly kind: "tell"; readonly attempt: AttemptId; readonly heard: Heard }
  /** All of it is here: seal it as it ended. */
  | { readonly kind: "seal"; readonly attempt: AttemptId }
  /** The worker has lost it, though it lives. */
  | { readonly kind: "lost"; readonly attempt: AttemptId }
  /** The worker may forget it. */
  | { readonly kind: "sealed"; readonly attempt: AttemptId };

/** The worker that spoke: its life, and its attempts of this job. */
export type Speaker = { readonly node: string; readonly boot: string; readonly held: readonly HeldReport[] };

/** What this owner knows: by attempt token what it heard of it, the newest entry applied here, and ledger time. */
export type Known = { readonly heard: ReadonlyMap<number, Heard>; readonly applied: number; readonly nowMs: number };

/** Steps in the order to be taken. */
export function reconcile(job: Job, worker: Speaker, { heard, applied, nowMs }: Known): Step[] {
  const held = new Map(worker.held.map((report) => [report.attempt.token, report]));
  const steps: Step[] = [];
  for (const workflow of job.workflows.values()) {
    for (const { id, attempt } of liveAttempts(job, workflow)) {
      if (attempt.worker !== worker.node || attempt.boot !== worker.boot) continue;
      const report = held.get(id.token);
      held.delete(id.token);
      if (report === undefined) steps.push(...missing(id, attempt, nowMs));
      else steps.push(...compare(job, workflow, id, attempt, { report, heard: heard.get(id.token) ?? NOTHING }));
    }
  }
  // An owner that was left behind knows nothing of attempts that came after what it has applied.
  for (const { attempt } of held.values()) if (attempt.token <= applied) steps.push({ kind: "sealed", attempt });
  return steps;
}

/**
 * An order that has not arrived is given again; an attempt that ran and is gone will not come back. But what the worker
 * says may be of before it had the attempt: words to an owner that took over lie there for a while, or took a slow
 * link. They are never older than a lease, or the worker is given up for its silence.
 */
function missing(attempt: AttemptId, { startAtMs, stopMode }: Attempt, nowMs: number): Step[] {
  if (startAtMs !== null) return nowMs - startAtMs > LEASE_MS ? [{ kind: "lost", attempt }] : [];
  const steps: Step[] = [{ kind: "dispatch", attempt }];
  if (stopMode !== null) steps.push({ kind: "stop", attempt, mode: stopMode });
  return steps;
}

function compare(
  job: Job,
  workflow: Workflow,
  attempt: AttemptId,
  { state, startAtMs, stopMode }: Attempt,
  { report, heard }: { readonly report: HeldReport; readonly heard: Heard },
): Step[] {
  if (report.state === "over") {
    const isWhole = heard.isOver && heard.seq >= report.seq && heard.offers >= report.offers;
    return isWhole ? [{ kind: "seal", attempt }] : [{ kind: "tell", attempt, heard }];
  }
  const steps: Step[] = [];
  const isSteered = isSameSteering(report.steering ?? UNSTEERED, steeringOf(workflow));
  if (report.state === "running" && stopMode === null && !isSteered) steps.push({ kind: "steer", attempt });
  if (report.isAborting && job.ending === null) steps.push({ kind: "tell", attempt, heard });
  if (report.state === "ready" && state === "dispatched") steps.push({ kind: "ready", attempt });
  if (report.state === "ready" && startAtMs !== null && stopMode === null) steps.push({ kind: "start", attempt });
  const mayNotKnow = report.state !== "stopping" || stopMode === "now";
  if (stopMode !== null && mayNotKnow) steps.push({ kind: "stop", attempt, mode: stopMode });
  return steps;
}
