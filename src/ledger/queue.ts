// Who is served first among the workflows that wait for cores, and whose turn is kept free.
//
// Order: teardowns, then by priority, then the older job. Waiting makes up for priority: one step for each AGEING_MS.
// Whoever finds its cores free may overtake, so small ones are not held up behind a large one. But who has waited for
// PATIENCE_MS (an exclusive one: from the start) has the cores it could use kept free for it from then on, so a stream
// of small ones does not hold it up for ever: it waits for what runs by then and for nothing else.

import { compare } from "./division.ts";
import type { Labels } from "../base/labels.ts";
import type { WorkflowSpec } from "./entries.ts";
import type { Job, LedgerState, Workflow } from "./job.ts";

/** Waiting this long is worth one step of priority. */
export const AGEING_MS = 60_000;
/** Waiting this long keeps cores free. */
export const PATIENCE_MS = 30_000;

export type Queued = { readonly job: Job; readonly workflow: Workflow };
/** Cores of workers with these labels are kept free for a workflow of that job. */
export type Reservation = { readonly job: Job; readonly requires: Labels; readonly isExclusive: boolean };

/** 0 is served first. */
export const RANKS: Readonly<Record<WorkflowSpec["priority"], number>> = {
  exclusive: 0,
  high: 1,
  normal: 2,
  auto: 2,
  low: 3,
};

/** All workflows that wait for cores, the first to be served first. */
export function queued(state: LedgerState): Queued[] {
  const waiting: { job: Job; workflow: Workflow; rank: number }[] = [];
  for (const job of state.roll.owned.values()) {
    if (job.phase !== "open") continue;
    for (const workflow of job.workflows.values())
      if (workflow.state === "queued") waiting.push({ job, workflow, rank: rankOf(workflow, state.nowMs) });
  }
  if (waiting.length < 2) return waiting;
  return waiting.sort(
    (a, b) => a.rank - b.rank || a.job.submitIndex - b.job.submitIndex || compareSpecs(a.workflow, b.workflow),
  );
}

/** What is kept free for this one from those behind it. Out: null when nothing is. */
export function reservationOf(state: LedgerState, { job, workflow }: Queued): Reservation | null {
  // Without an owner nobody would place it.
  if (job.owner === null) return null;
  const { priority, requires } = workflow.spec;
  const isExclusive = priority === "exclusive";
  return isExclusive || waitedMs(workflow, state.nowMs) >= PATIENCE_MS ? { job, requires, isExclusive } : null;
}

/** All that is kept free from the workflow by those ahead of it. */
export function reservationsAhead(state: LedgerState, workflow: Workflow): Reservation[] {
  const found: Reservation[] = [];
  for (const ahead of queued(state)) {
    if (ahead.workflow === workflow) break;
    const reservation = reservationOf(state, ahead);
    if (reservation !== null) found.push(reservation);
  }
  return found;
}

/** True when a worker with these labels carries all that are asked for. */
export function carries(labels: Labels, asked: Labels): boolean {
  for (const key in asked) if (!Object.hasOwn(labels, key) || labels[key] !== asked[key]) return false;
  return true;
}

function rankOf(workflow: Workflow, nowMs: number): number {
  const { role, priority } = workflow.spec;
  if (role === "teardown") return -1;
  return Math.max(0, RANKS[priority] - Math.floor(waitedMs(workflow, nowMs) / AGEING_MS));
}

function waitedMs({ queuedAtMs }: Workflow, nowMs: number): number {
  return queuedAtMs === null ? 0 : nowMs - queuedAtMs;
}

function compareSpecs({ spec: left }: Workflow, { spec: right }: Workflow): number {
  return compare(
    { isAuto: left.priority === "auto", vus: left.vus },
    { isAuto: right.priority === "auto", vus: right.vus },
  );
}
