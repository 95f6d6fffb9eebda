// Which cores run a workflow: all its shares or none. A core runs shares of one job at a time; workflows of one job
// that must run side by side share its cores rather than wait for each other (k6's scenarios do). How much each share
// gets is dealing (load/). What a core carries is derived from the attempts, so cores cannot leak.

import { divide, type Taker } from "./division.ts";
import type { Labels, WorkflowSpec } from "./entries.ts";
import { type Core, type Job, type LedgerState, type Workflow, isOver, liveAttempt, pausedMs } from "./job.ts";
import { carries, type Reservation } from "./queue.ts";

/** Fewest and most cores of a pool for each priority. auto: any; exclusive: all of them, with nobody else on any. */
export function coreRange(
  priority: WorkflowSpec["priority"],
  pool: number,
): { readonly least: number; readonly most: number } {
  const quarter = Math.max(1, Math.ceil(pool * 0.25));
  const threeQuarters = Math.max(1, Math.ceil(pool * 0.75));
  switch (priority) {
    case "auto":
      return { least: 1, most: pool };
    case "low":
      return { least: 1, most: quarter };
    case "normal":
      return { least: quarter, most: threeQuarters };
    case "high":
      return { least: threeQuarters, most: pool };
    case "exclusive":
      return { least: pool, most: pool };
  }
}

/** A core of the pool and what it carries: workflows of one job (null: none). */
export type PoolCore = Core & { readonly labels: Labels; job: Job | null; readonly held: Workflow[] };

/** The pool as it is now, in the order of joining. */
export type CorePool = {
  readonly cores: readonly PoolCore[];
  /** Cores that carry nothing, and jobs that are on any. */
  free: number;
  readonly jobs: Set<Job>;
  /** Workflows that have the cores they may use to themselves. */
  readonly exclusive: Workflow[];
};

/** Looks at every core. Cost: cores of the pool and shares of live jobs. */
export function survey(state: LedgerState): CorePool {
  const byWorker = new Map<string, PoolCore[]>();
  const cores: PoolCore[] = [];
  for (const [worker, { boot, cores: count, labels }] of state.workers) {
    const own: PoolCore[] = [];
    for (let core = 0; core < count; core++) own.push({ worker, boot, core, labels, job: null, held: [] });
    byWorker.set(worker, own);
    cores.push(...own);
  }
  const pool: CorePool = { cores, free: cores.length, jobs: new Set(), exclusive: [] };
  for (const job of state.jobs.values()) {
    if (job.phase !== "open") continue;
    for (const workflow of job.workflows.values()) {
      if (!isPlaced(workflow)) continue;
      if (workflow.spec.priority === "exclusive") pool.exclusive.push(workflow);
      for (const { worker, boot, core } of heldCores(workflow)) {
        const at = byWorker.get(worker)?.[core];
        if (at?.boot === boot) occupy(pool, at, job, workflow);
      }
    }
  }
  return pool;
}

/** Notes that the core carries one more share. */
export function occupy(pool: CorePool, core: PoolCore, job: Job, workflow: Workflow): void {
  if (core.job === null) pool.free--;
  core.job = job;
  core.held.push(workflow);
  pool.jobs.add(job);
}

/** Cores the workflow's shares hold now: one for each live attempt, or kept for its dispatch. */
export function heldCores(workflow: Workflow): Core[] {
  const cores: Core[] = [];
  if (isOver(workflow)) return cores;
  for (const share of workflow.shares) {
    const held = liveAttempt(share) ?? share.place;
    if (held !== null) cores.push(held);
  }
  return cores;
}

/** What a placement is made of: who asks, in which pool, and what is kept free for those ahead. */
export type Request = {
  readonly state: LedgerState;
  readonly pool: CorePool;
  readonly job: Job;
  readonly workflow: Workflow;
  readonly reservations: readonly Reservation[];
};

/** Cores for all shares of a queued workflow. Out: null when it has to wait. Changes nothing. */
export function placeWorkflow(request: Request): readonly PoolCore[] | null {
  const { state, pool, job, workflow } = request;
  const { priority, sharesMax } = workflow.spec;
  if (pool.free === 0 && !pool.jobs.has(job)) return null;
  const eligible = pool.cores.filter(({ labels }) => carries(labels, workflow.spec.requires));
  if (eligible.length === 0) return null;
  const open = seenBy(request, eligible);
  if (priority === "exclusive") {
    const isEmpty = open.length === eligible.length && open.every(({ core }) => core.job === null);
    return isEmpty ? chosen(open, sharesMax) : null;
  }
  const range = coreRange(priority, eligible.length);
  const most = Math.min(range.most, sharesMax);
  const least = Math.min(range.least, sharesMax);
  if (open.length < least) return null;
  const free = open.reduce((sum, { overlaps }) => sum + (overlaps === 0 ? 1 : 0), 0);
  const beside = [...job.workflows.values()].filter(
    (other) =>
      other === workflow || ((other.state === "queued" || isPlaced(other)) && doOverlap(state, other, workflow)),
  );
  const waiting = beside.filter((other) => other.state === "queued");
  const partOf = (cores: number, among: readonly Workflow[]): number =>
    divide(
      cores,
      among.map((one) => takerOf(one, eligible.length)),
    )[among.indexOf(workflow)] ?? 0;
  const part = Math.max(partOf(free, waiting), partOf(open.length, beside));
  return chosen(open, Math.min(most, Math.max(least, part)));
}

/** One core for a share that has to run again; its job's own cores will do. Out: null when it has to wait. */
export function placeShare(request: Request): PoolCore | null {
  const { pool, workflow } = request;
  const eligible = pool.cores.filter(({ labels }) => carries(labels, workflow.spec.requires));
  return chosen(seenBy(request, eligible), 1)[0] ?? null;
}

/** A core that the workflow may use. */
type Seen = {
  readonly core: PoolCore;
  /** Shares on it that load it at the same time as the workflow would. */
  readonly overlaps: number;
  readonly isPreferred: boolean;
};

/** The cores that are open to the workflow: nobody else's, and kept free for nobody else. */
function seenBy({ state, pool, job, workflow, reservations }: Request, eligible: readonly PoolCore[]): Seen[] {
  const others = pool.exclusive.filter((other) => other !== workflow);
  const ahead = reservations.filter((reservation) => reservation.isExclusive || reservation.job !== job);
  const { prefers } = workflow.spec;
  const seen: Seen[] = [];
  for (const core of eligible) {
    if (core.job !== null && core.job !== job) continue;
    if (others.some(({ spec }) => carries(core.labels, spec.requires))) continue;
    // A core the job holds already cannot be given to anybody else anyway, unless that one wants the pool empty.
    const isKept = ({ requires, isExclusive }: Reservation): boolean =>
      (isExclusive || core.job === null) && carries(core.labels, requires);
    if (ahead.some(isKept)) continue;
    const overlaps = core.held.reduce((sum, other) => sum + (doOverlap(state, other, workflow) ? 1 : 0), 0);
    seen.push({ core, overlaps, isPreferred: carries(core.labels, prefers) });
  }
  return seen;
}

/**
 * The best cores: those not loaded at the same time, those with the labels preferred, the least loaded, then the same
 * core number of every worker before the next: shares spread over machines.
 */
function chosen(seen: readonly Seen[], count: number): PoolCore[] {
  return [...seen]
    .sort(
      (a, b) =>
        a.overlaps - b.overlaps ||
        Number(b.isPreferred) - Number(a.isPreferred) ||
        a.core.held.length - b.core.held.length ||
        a.core.core - b.core.core,
    )
    .slice(0, count)
    .map(({ core }) => core);
}

function takerOf({ spec }: Workflow, pool: number): Taker {
  const most = Math.min(spec.sharesMax, coreRange(spec.priority, pool).most);
  return { most, vus: spec.vus, isAuto: spec.priority === "auto" };
}

function isPlaced({ state }: Workflow): boolean {
  return state === "preparing" || state === "running";
}

/** True when the two load their cores at the same time, by their plans; one not started yet is taken to start now. */
function doOverlap({ nowMs }: LedgerState, left: Workflow, right: Workflow): boolean {
  const leftAt = (left.startAtMs ?? nowMs) + pausedMs(left, nowMs);
  const rightAt = (right.startAtMs ?? nowMs) + pausedMs(right, nowMs);
  return leftAt + left.spec.fromMs < rightAt + right.spec.toMs && rightAt + right.spec.fromMs < leftAt + left.spec.toMs;
}
