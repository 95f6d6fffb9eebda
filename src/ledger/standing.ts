// What stands of a job for its workers: the orders that an owner gives again after it took the job over. Each is safe
// to repeat, because workers know attempts by their tokens. Changes nothing.

import type { AttemptId, Resume, Steering } from "../load/share.ts";
import { contextOf } from "./dag.ts";
import type { Effect } from "./effects.ts";
import { type Attempt, type Job, liveAttempts, pausedMs, type Share, type Workflow } from "./job.ts";

/**
 * Every order in force for the job's live attempts, in the order to be given: dispatch, begin, pause, stop, ranges
 * granted and not reported on, losses, limits. In: ledger time.
 */
export function standing(job: Job, nowMs: number): Effect[] {
  const effects: Effect[] = [];
  for (const workflow of job.workflows.values()) {
    const live = liveAttempts(job, workflow);
    if (live.length === 0) continue;
    const context = contextOf(job, workflow);
    for (const { id } of live) effects.push(...dispatchOf(job, workflow, id, context));
    const begun = live.filter(({ attempt }) => attempt.startAtMs !== null);
    if (begun.length > 0) effects.push(beginOf(job, workflow, begun, nowMs));
    for (const { id, attempt } of live) effects.push(...ordersOf(workflow, id, attempt));
    if (workflow.limit !== null) {
      const inMs = Math.max(0, workflow.limit.atMs - nowMs);
      effects.push({ kind: "deadline", job: job.id, workflow: workflow.spec.name, inMs });
    }
  }
  return effects;
}

function ordersOf(workflow: Workflow, id: AttemptId, attempt: Attempt): Effect[] {
  const { worker, token, lost, stopMode } = attempt;
  const effects: Effect[] = [];
  if (workflow.pausedAtMs !== null && attempt.state === "running") effects.push({ kind: "pause", attempt: id, worker });
  for (const [from, to] of workflow.pool?.leases.get(token)?.fresh ?? [])
    effects.push({ kind: "grant", attempt: id, worker, from, to, isLast: false });
  if (stopMode !== null) effects.push({ kind: "stop", attempt: id, worker, mode: stopMode });
  if (lost !== null) effects.push({ kind: "lost", attempt: id, worker, isCertain: lost.isCertain });
  return effects;
}

/** The order to prepare the share's newest attempt. In: the context its workflow sees (contextOf). */
export function dispatchOf(
  job: Job,
  workflow: Workflow,
  id: AttemptId,
  context: Readonly<Record<string, string>>,
): Effect[] {
  const share = workflow.shares[id.share];
  const attempt = share?.attempts.at(-1);
  if (share === undefined || attempt === undefined) return [];
  return [
    {
      kind: "dispatch",
      attempt: id,
      worker: attempt.worker,
      core: attempt.core,
      shares: workflow.shares.length,
      resume: resumeOf(workflow, share),
      context,
      setupJson: job.setupJson,
      scaledVus: workflow.scaledVus,
    },
  ];
}

/** Where the share's next attempt begins: at its newest seal. What was left of a pool has gone back to it. */
function resumeOf(workflow: Workflow, share: Share): Resume | null {
  const resume = share.attempts.findLast(({ seal }) => seal?.resume != null)?.seal?.resume ?? null;
  return workflow.pool !== null && resume?.kind === "ranges" ? { ...resume, left: [] } : resume;
}

/** What people ask of the workflow now, for its attempts that run. */
export function steeringOf({ pausedAtMs, pausedMs: overMs, scaledVus }: Workflow): Steering {
  return { isPaused: pausedAtMs !== null, pausedMs: overMs, vus: scaledVus };
}

/** The order to start these attempts. */
export function beginOf(
  job: Job,
  workflow: Workflow,
  attempts: readonly { readonly id: AttemptId; readonly attempt: Attempt }[],
  nowMs: number,
): Effect {
  const startAtMs = workflow.startAtMs ?? nowMs;
  return {
    kind: "begin",
    job: job.id,
    workflow: workflow.spec.name,
    startAtMs,
    pausedMs: pausedMs(workflow, nowMs),
    originMs: job.originMs ?? startAtMs,
    attempts: attempts.map(({ id, attempt }) => ({ attempt: id, worker: attempt.worker })),
  };
}
