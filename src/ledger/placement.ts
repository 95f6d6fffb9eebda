// Which cores run a workflow: all its shares or none. A core runs shares of one job at a time; workflows of one job
// that must run side by side share its cores rather than wait for each other (k6's scenarios do). How much each share
// gets is dealing (load/). Loads are derived from the attempts, so cores cannot leak.

import type { WorkflowSpec } from "./entries.ts";
import { type Core, type Job, type LedgerState, type Workflow, isOver, liveAttempt } from "./job.ts";

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

/** Who is served first: queued workflows of all jobs by priority, then age of the job, then order in the plan. */
export function queued(state: LedgerState): { readonly job: Job; readonly workflow: Workflow }[] {
  const rank = { exclusive: 0, high: 1, normal: 2, auto: 2, low: 3 } as const;
  const waiting: { job: Job; workflow: Workflow }[] = [];
  for (const job of state.jobs.values()) {
    for (const workflow of job.workflows.values()) if (workflow.state === "queued") waiting.push({ job, workflow });
  }
  return waiting.sort(
    (a, b) => rank[a.workflow.spec.priority] - rank[b.workflow.spec.priority] || a.job.submitIndex - b.job.submitIndex,
  );
}

/** Cores for all shares of a queued workflow. Out: null when it has to wait. Changes nothing. */
export function placeWorkflow(state: LedgerState, job: Job, workflow: Workflow): readonly Core[] | null {
  const cores = survey(state, job, workflow);
  const { priority, sharesMax } = workflow.spec;
  if (cores.length === 0) return null;
  if (priority === "exclusive") {
    return cores.every(({ load }) => load === 0) ? spread(cores).slice(0, sharesMax) : null;
  }
  if (isBehindExclusive(state, job, workflow)) return null;
  const range = coreRange(priority, cores.length);
  const least = Math.min(range.least, sharesMax);
  const free = spread(cores.filter(({ isOpen, overlaps }) => isOpen && overlaps === 0));
  const shared = spread(cores.filter(({ isOpen, overlaps }) => isOpen && overlaps > 0));
  if (free.length + shared.length < least) return null;
  const peers = [...job.workflows.values()].filter(
    (other) => other.state === "queued" && (other === workflow || doOverlap(state, other, workflow)),
  );
  const running = [...job.workflows.values()].filter((other) => isPlaced(other) && doOverlap(state, other, workflow));
  const fair = Math.floor((free.length + shared.length) / (peers.length + running.length));
  const most = Math.min(range.most, sharesMax);
  const shares = Math.min(most, Math.max(least, fair, divided(free.length, workflow, peers, cores.length)));
  return [...free, ...shared].slice(0, shares);
}

/** One core for a share that has to run again. Out: null when it has to wait. */
export function placeShare(state: LedgerState, job: Job, workflow: Workflow): Core | null {
  const open = survey(state, job, workflow).filter(({ isOpen }) => isOpen);
  return spread(open).at(0) ?? null;
}

/** What a core carries, as one workflow sees it. */
type Surveyed = Core & {
  /** No other job is on it, and nothing exclusive. */
  readonly isOpen: boolean;
  /** Shares on it, and those of them that load it at the same time as the workflow would. */
  readonly load: number;
  readonly overlaps: number;
};

/** All cores of the pool in the order of joining, with what they carry. */
function survey(state: LedgerState, job: Job, workflow: Workflow): Surveyed[] {
  const cores = new Map<
    string,
    { worker: string; boot: string; core: number; isOpen: boolean; load: number; overlaps: number }
  >();
  for (const [worker, { boot, cores: count }] of state.workers) {
    for (let core = 0; core < count; core++)
      cores.set(`${core}@${worker}`, { worker, boot, core, isOpen: true, load: 0, overlaps: 0 });
  }
  for (const other of state.jobs.values()) {
    for (const holder of other.workflows.values()) {
      if (isOver(holder)) continue;
      for (const { core, worker, boot } of heldCores(holder)) {
        const at = cores.get(`${core}@${worker}`);
        if (at === undefined || at.boot !== boot) continue;
        at.load++;
        if (other !== job || (holder.spec.priority === "exclusive" && holder !== workflow)) at.isOpen = false;
        else if (doOverlap(state, holder, workflow)) at.overlaps++;
      }
    }
  }
  return [...cores.values()];
}

/** Cores the workflow's shares hold now: one for each live attempt, or kept for its dispatch. */
export function heldCores(workflow: Workflow): Core[] {
  return workflow.shares.flatMap((share) => {
    const held = liveAttempt(share) ?? share.place;
    return held === null ? [] : [{ worker: held.worker, boot: held.boot, core: held.core }];
  });
}

/** Least loaded first, then the same core number of every worker before the next: shares spread over machines. */
function spread(cores: readonly Surveyed[]): Surveyed[] {
  return [...cores].sort((a, b) => a.overlaps - b.overlaps || a.load - b.load || a.core - b.core);
}

/** The workflow's part of the free cores when those queued with it take turns, one core each, up to their limits. */
function divided(free: number, workflow: Workflow, peers: readonly Workflow[], pool: number): number {
  let left = free;
  let part = 0;
  for (let round = 1; left > 0; round++) {
    const takers = peers.filter(({ spec }) => Math.min(spec.sharesMax, coreRange(spec.priority, pool).most) >= round);
    if (!takers.includes(workflow)) break;
    if (takers.indexOf(workflow) < left) part++;
    left -= takers.length;
  }
  return part;
}

function isPlaced(workflow: Workflow): boolean {
  return workflow.state === "preparing" || workflow.state === "running";
}

/** An exclusive workflow waiting ahead in the queue holds the others back, or it would never find an empty pool. */
function isBehindExclusive(state: LedgerState, job: Job, workflow: Workflow): boolean {
  for (const ahead of queued(state)) {
    if (ahead.job === job && ahead.workflow === workflow) return false;
    if (ahead.workflow.spec.priority === "exclusive") return true;
  }
  return false;
}

/** True when the two load their cores at the same time, by their plans; one not started yet is taken to start now. */
function doOverlap(state: LedgerState, left: Workflow, right: Workflow): boolean {
  const leftAt = left.startAtMs ?? state.nowMs;
  const rightAt = right.startAtMs ?? state.nowMs;
  return leftAt + left.spec.fromMs < rightAt + right.spec.toMs && rightAt + right.spec.fromMs < leftAt + left.spec.toMs;
}
