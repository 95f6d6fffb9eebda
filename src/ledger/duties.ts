// What the leader ought to propose now, from the ledger and from what membership says: it turns who is there into
// entries. Pure and idempotent: once its proposals are applied, it has none. It decides nothing of a job's way.

import type { Labels } from "../base/labels.ts";
import type { Proposal } from "./entries.ts";
import { type Job, type LedgerState, liveAttempts } from "./job.ts";
import { nextWaiting } from "./roll.ts";
import { areEqual } from "./workers.ts";

/** Finished jobs are kept this long (ledger ms), and so many at most. */
export const RETENTION = { ms: 24 * 3_600_000, jobs: 1_000 } as const;

/**
 * Jobs that have an owner at a time, all managers together; the others wait their turn and cost next to nothing. More
 * than any pool of workers runs at once.
 */
export const OWNED_MAX = 512;

/** A manager of the quorum. */
export type ManagerSeen = { readonly node: string; readonly boot: string; readonly isAlive: boolean };

/** A worker as membership knows it. isCertain: when dead or left, it surely sends nothing any more. */
export type WorkerSeen = {
  readonly worker: string;
  readonly boot: string;
  readonly cores: number;
  readonly labels: Labels;
  readonly status: "alive" | "suspect" | "dead" | "left";
  readonly isCertain: boolean;
};

/** nowMs: ledger time. A worker of the ledger that is not named here is left alone. */
export type Seen = {
  readonly nowMs: number;
  readonly managers: readonly ManagerSeen[];
  readonly workers: readonly WorkerSeen[];
};

/** Entries that are due, in the order to be proposed. */
export function duties(
  state: LedgerState,
  seen: Seen,
  retention: { readonly ms: number; readonly jobs: number } = RETENTION,
): Proposal[] {
  return [
    ...seen.workers.flatMap((worker) => workerDuty(state, worker)),
    ...assignments(state, seen),
    ...forgettings(state, seen.nowMs, retention),
  ];
}

function workerDuty(state: LedgerState, seen: WorkerSeen): Proposal[] {
  const { worker, boot, cores, labels, status, isCertain } = seen;
  const known = state.workers.get(worker);
  switch (status) {
    case "suspect":
      return [];
    case "alive": {
      // An earlier life that somebody still tells of.
      if (known?.former.includes(boot) === true) return [];
      const isKnown = known?.boot === boot && known.cores === cores && areEqual(known.labels, labels);
      return isKnown ? [] : [{ kind: "join", worker, boot, cores, labels }];
    }
    case "dead":
    case "left": {
      const isNews = known === undefined ? isCertain && isDoubted(state, worker, boot) : known.boot === boot;
      return isNews ? [{ kind: "leave", worker, boot, isCertain }] : [];
    }
  }
}

/** True when attempts of this life wait for its end to become certain. */
function isDoubted(state: LedgerState, worker: string, boot: string): boolean {
  for (const job of state.roll.owned.values()) {
    for (const workflow of job.workflows.values()) {
      for (const { attempt } of liveAttempts(job, workflow))
        if (attempt.worker === worker && attempt.boot === boot && attempt.lost?.isCertain === false) return true;
    }
  }
  return false;
}

/**
 * Jobs whose owner is gone go to the managers that own fewest, the oldest job first; then those that wait, as far as
 * there is room.
 */
function assignments(state: LedgerState, { managers, nowMs }: Seen): Proposal[] {
  const alive = managers.filter(({ isAlive }) => isAlive).map(({ node, boot }) => ({ node, boot, owned: 0 }));
  const orphans: Job[] = [];
  if (alive.length === 0) return [];
  for (const job of state.roll.owned.values()) {
    const owner = alive.find(({ node, boot }) => node === job.owner?.node && boot === job.owner.boot);
    if (owner === undefined) orphans.push(job);
    else owner.owned++;
  }
  orphans.push(...nextWaiting(state, nowMs, OWNED_MAX - state.roll.owned.size));
  return orphans.flatMap((job): Proposal[] => {
    const [owner] = alive.toSorted((a, b) => a.owned - b.owned || (a.node < b.node ? -1 : 1));
    if (owner === undefined) return [];
    owner.owned++;
    return [{ kind: "assign", job: job.id, owner: owner.node, boot: owner.boot }];
  });
}

function forgettings(
  state: LedgerState,
  nowMs: number,
  retention: { readonly ms: number; readonly jobs: number },
): Proposal[] {
  const due: Proposal[] = [];
  const excess = state.roll.finished.size - retention.jobs;
  for (const id of state.roll.finished) {
    const endedAtMs = state.jobs.get(id)?.finishedAtMs ?? nowMs;
    if (due.length >= excess && nowMs - endedAtMs <= retention.ms) break;
    due.push({ kind: "forget", job: id });
  }
  return due;
}
