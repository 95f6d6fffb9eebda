// Counting once: a share's total is the sum of its sealed attempts and of nothing else (design 6).

import type { Accounting } from "../load/share.ts";
import type { Attempt, Job, Share, Workflow } from "./job.ts";

/** Nothing done. */
export const NO_ACCOUNTING: Accounting = {
  scheduled: 0,
  started: 0,
  completed: 0,
  interrupted: 0,
  dropped: 0,
  unsent: 0,
};

export function addAccounting(left: Accounting, right: Accounting): Accounting {
  return {
    scheduled: left.scheduled + right.scheduled,
    started: left.started + right.started,
    completed: left.completed + right.completed,
    interrupted: left.interrupted + right.interrupted,
    dropped: left.dropped + right.dropped,
    unsent: left.unsent + right.unsent,
  };
}

/** Sum of the share's sealed attempts. */
export function shareAccounting(share: Share): Accounting {
  return share.attempts.reduce(
    (sum, { seal }) => (seal === null ? sum : addAccounting(sum, seal.accounting)),
    NO_ACCOUNTING,
  );
}

/** Sum of the sealed attempts of all shares. */
export function workflowAccounting(workflow: Workflow): Accounting {
  return workflow.shares.reduce((sum, share) => addAccounting(sum, shareAccounting(share)), NO_ACCOUNTING);
}

/** The sealed attempts of a workflow: what its result is summed from. */
export function sealedAttempts(workflow: Workflow): Attempt[] {
  return workflow.shares.flatMap(({ attempts }) => attempts.filter(({ seal }) => seal !== null));
}

/** True when a snapshot of that attempt came too late to count: its share is sealed below `seq`, or the job is over. */
export function isLate(job: Job, workflow: string, token: number, seq: number): boolean {
  for (const { attempts } of job.workflows.get(workflow)?.shares ?? []) {
    const attempt = attempts.find((other) => other.token === token);
    if (attempt !== undefined) return attempt.seal !== null && seq > attempt.seal.seq;
  }
  return true;
}
