// Which cores run a workflow: all its shares or none. A core runs shares of one job at a time; workflows of one job
// that must run side by side share its cores rather than wait for each other (k6's scenarios do). How much each share
// gets is dealing (load/). What a core carries is derived from the attempts, so cores cannot leak.

import { divide, type Taker } from "./division.ts";
import type { Labels } from "../base/labels.ts";
import type { WorkflowSpec } from "./entries.ts";
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
export type PoolCore = Core & { job: Job | null; readonly held: Workflow[] };

/** The pool as it is now, in the order of joining. */
export type CorePool = {
  readonly workers: readonly { readonly labels: Labels; readonly cores: readonly PoolCore[] }[];
  readonly size: number;
  /** Cores that carry nothing, and jobs that are on any. */
  free: number;
  readonly jobs: Set<Job>;
  /** Workflows that have the cores they may use to themselves. */
  readonly exclusive: Workflow[];
};

/** Looks at every core. Cost: cores of the pool and shares of live jobs. */
export function survey(state: LedgerState): CorePool {
  const byName = new Map<string, PoolCore[]>();
  const workers: { labels: Labels; cores: PoolCore[] }[] = [];
  let size = 0;
  for (const [worker, { boot, cores: count, labels }] of state.workers) {
    const cores: PoolCore[] = [];
    for (let core = 0; core < count; core++) cores.push({ worker, boot, core, job: null, held: [] });
    byName.set(worker, cores);
    workers.push({ labels, cores });
    size += count;
  }
  const pool: CorePool = { workers, size, free: size, jobs: new Set(), exclusive: [] };
  for (const job of state.roll.owned.values()) {
    if (job.phase !== "open") continue;
    for (const workflow of job.workflows.values()) {
      if (!isPlaced(workflow)) continue;
      if (workflow.spec.priority === "exclusive") pool.exclusive.push(workflow);
      for (const { worker, boot, core } of heldCores(workflow)) {
        const at = byName.get(worker)?.[core];
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
  const { pool, job, workflow } = request;
  const { priority, sharesMax } = workflow.spec;
  if (pool.free === 0 && !pool.jobs.has(job)) return null;
  const { eligible, open } = seenBy(request);
  if (eligible === 0) return null;
  if (priority === "exclusive") {
    const isEmpty = open.length === eligible && open.every(({ core }) => core.job === null);
    return isEmpty ? chosen(open, sharesMax) : null;
  }
  const range = coreRange(priority, eligible);
  const most = Math.min(range.most, sharesMax);
  const least = Math.min(range.least, sharesMax);
  if (open.length < least) return null;
  return chosen(open, Math.min(most, Math.max(least, partOf(request, eligible, open))));
}

/** One core for a share that has to run again; its job's own cores will do. Out: null when it has to wait. */
export function placeShare(request: Request): PoolCore | null {
  if (request.pool.free === 0 && !request.pool.jobs.has(request.job)) return null;
  return chosen(seenBy(request).open, 1)[0] ?? null;
}

/** How many of the open cores are the workflow's when it shares them with the others of its job. */
function partOf({ state, job, workflow }: Request, eligible: number, open: readonly Seen[]): number {
  const beside: Workflow[] = [];
  for (const other of job.workflows.values()) {
    const isBeside = (other.state === "queued" || isPlaced(other)) && doOverlap(state, other, workflow);
    if (other === workflow || isBeside) beside.push(other);
  }
  if (beside.length === 1) return open.length;
  const divided = (cores: number, among: readonly Workflow[]): number =>
    divide(
      cores,
      among.map((one) => takerOf(one, eligible)),
    )[among.indexOf(workflow)] ?? 0;
  const free = open.reduce((sum, { overlaps }) => sum + (overlaps === 0 ? 1 : 0), 0);
  const waiting = beside.filter((other) => other.state === "queued");
  return Math.max(divided(free, waiting), divided(open.length, beside));
}

/** A core that the workflow may use. */
type Seen = {
  readonly core: PoolCore;
  /** Shares on it that load it at the same time as the workflow would. */
  readonly overlaps: number;
  readonly isPreferred: boolean;
};

/**
 * The cores that are open to the workflow: nobody else's, and kept free for nobody else; and how many there are with
 * the labels it asks for, open or not.
 */
function seenBy({ state, pool, job, workflow, reservations }: Request): { eligible: number; open: Seen[] } {
  const { requires, prefers } = workflow.spec;
  const open: Seen[] = [];
  let eligible = 0;
  for (const { labels, cores } of pool.workers) {
    if (!carries(labels, requires)) continue;
    eligible += cores.length;
    if (pool.exclusive.some((other) => other !== workflow && carries(labels, other.spec.requires))) continue;
    const ahead = reservations.filter((one) => (one.isExclusive || one.job !== job) && carries(labels, one.requires));
    const isForExclusive = ahead.some(({ isExclusive }) => isExclusive);
    const isPreferred = carries(labels, prefers);
    for (const core of cores) {
      if (core.job !== null && core.job !== job) continue;
      // A core the job holds already cannot be given to anybody else anyway, unless that one wants the pool empty.
      if (isForExclusive || (core.job === null && ahead.length > 0)) continue;
      let overlaps = 0;
      for (const other of core.held) if (doOverlap(state, other, workflow)) overlaps++;
      open.push({ core, overlaps, isPreferred });
    }
  }
  return { eligible, open };
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
