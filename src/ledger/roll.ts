// Jobs by what they need: those that wait for an owner, those that have one, those that have ended. Derived from the
// jobs, and kept beside them so that nobody has to look through all of them: there may be very many that wait.

import type { WorkflowSpec } from "./entries.ts";
import type { Job, LedgerState } from "./job.ts";
import { AGEING_MS, RANKS } from "./queue.ts";

/** Live jobs without an owner that are to end come before all others; then by priority. */
const ENDING = 0;
const RANK_MAX = 4;

export type Roll = {
  /** Ids of live jobs that no manager owns, by rank, each rank in the order of submits. */
  readonly waiting: readonly Set<string>[];
  /** Live jobs with an owner, alive or not, in the order of submits. */
  readonly owned: Map<string, Job>;
  /** Ids of jobs that have ended, in the order of their ends. */
  readonly finished: Set<string>;
};

export function createRoll(): Roll {
  const waiting = Array.from({ length: RANK_MAX + 1 }, () => new Set<string>());
  return { waiting, owned: new Map(), finished: new Set() };
}

/** The roll of jobs that were read from a snapshot. */
export function rollOf(jobs: ReadonlyMap<string, Job>): Roll {
  const roll = createRoll();
  const byEnd = [...jobs.values()].sort((a, b) => (a.finishedAtMs ?? 0) - (b.finishedAtMs ?? 0));
  for (const job of byEnd) if (job.phase === "finished") roll.finished.add(job.id);
  for (const job of jobs.values()) if (job.phase !== "finished") enter(roll, job);
  return roll;
}

/** The job is new, or an entry changed it. */
export function enrol({ roll }: LedgerState, job: Job): void {
  if (job.phase !== "finished" && roll.owned.get(job.id) === job) return;
  strike(roll, job.id);
  enter(roll, job);
}

/** The job is dropped. */
export function strike(roll: Roll, id: string): void {
  for (const rank of roll.waiting) rank.delete(id);
  roll.owned.delete(id);
  roll.finished.delete(id);
}

/** Jobs that are not finished. */
export function liveCount({ jobs, roll }: LedgerState): number {
  return jobs.size - roll.finished.size;
}

/** Live jobs without an owner. */
export function waitingCount({ roll }: LedgerState): number {
  return roll.waiting.reduce((sum, { size }) => sum + size, 0);
}

/**
 * The waiting jobs that ought to have an owner next, the first first: those that are to end, then by priority, where
 * waiting makes up for priority as in queue.ts, then the older one. Out: `count` at most.
 */
export function nextWaiting({ jobs, roll }: LedgerState, nowMs: number, count: number): readonly Job[] {
  const ranks = roll.waiting.map((ids) => ids.values());
  const heads = ranks.map((ids) => jobs.get(ids.next().value ?? ""));
  const next: Job[] = [];
  while (next.length < count) {
    let best: { readonly rank: number; readonly job: Job; readonly aged: number } | null = null;
    for (const [rank, job] of heads.entries()) {
      if (job === undefined) continue;
      const aged = rank === ENDING ? -1 : Math.max(0, rank - 1 - Math.floor((nowMs - job.submittedAtMs) / AGEING_MS));
      const isBetter =
        best === null || aged < best.aged || (aged === best.aged && job.submitIndex < best.job.submitIndex);
      if (isBetter) best = { rank, job, aged };
    }
    if (best === null) break;
    next.push(best.job);
    heads[best.rank] = jobs.get(ranks[best.rank]?.next().value ?? "");
  }
  return next;
}

/** The job is new. */
export function enter(roll: Roll, job: Job): void {
  if (job.phase === "finished") roll.finished.add(job.id);
  else if (job.owner === null) roll.waiting[rankOf(job)]?.add(job.id);
  else own(roll.owned, job);
}

/** Most come in order; one that does not costs a sort. */
function own(owned: Map<string, Job>, job: Job): void {
  owned.set(job.id, job);
  let last = -1;
  for (const { submitIndex } of owned.values()) {
    if (submitIndex < last) return sort(owned);
    last = submitIndex;
  }
}

function sort(owned: Map<string, Job>): void {
  const jobs = [...owned.values()].sort((a, b) => a.submitIndex - b.submitIndex);
  owned.clear();
  for (const job of jobs) owned.set(job.id, job);
}

/** By its most urgent workflow. */
function rankOf(job: Job): number {
  if (job.ending !== null || job.phase === "closing") return ENDING;
  const specs: readonly WorkflowSpec[] = job.spec?.workflows ?? Array.from(job.workflows.values(), ({ spec }) => spec);
  return 1 + specs.reduce((least, { priority }) => Math.min(least, RANKS[priority]), RANK_MAX - 1);
}
