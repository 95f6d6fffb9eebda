// Who gets what: the exact division of a workflow over its shares. VUs and arrivals are striped (number j belongs to
// share j % shares), shared iterations go in contiguous blocks in proportion to VUs. Sums over shares are the request,
// always. Not which core runs a share: that is placement (ledger/).

import { assert } from "../base/assert.ts";
import { vusMax } from "./plan.ts";
import type { Executor, FeedPlan, JobPlan, WorkflowPlan } from "./plan.ts";
import type { Range, ShareSpec } from "./share.ts";

/** How many of the numbers 0 to total - 1 a share holds when number j belongs to share j % shares. */
export function dealt(total: number, share: number, shares: number): number {
  const whole = Math.floor(total / shares);
  return whole + (share < total - whole * shares ? 1 : 0);
}

/** Number in the whole sequence of a share's k-th element: the inverse of dealing by j % shares. */
export function dealtIndex(k: number, share: number, shares: number): number {
  return k * shares + share;
}

/**
 * The block of shared iterations of one share, half-open, in proportion to its VUs, so that equal VUs end together.
 * With iterations >= vus >= shares no block is empty. Exact below 2^53: the product stays under vus squared.
 */
export function iterationBlock(iterations: number, vus: number, share: number, shares: number): Range {
  const perVu = Math.floor(iterations / vus);
  const rest = iterations - perVu * vus;
  const boundary = (before: number): number => {
    const vusBefore = before * Math.floor(vus / shares) + Math.min(before, vus % shares);
    return perVu * vusBefore + Math.floor((rest * vusBefore) / vus);
  };
  return [boundary(share), boundary(share + 1)];
}

/** Shares a workflow is cut into for so many cores: never more than its VUs at most, nor its shared iterations. */
export function shareCount(executor: Executor, cores: number): number {
  assert(Number.isInteger(cores) && cores >= 1, "cores is a whole number from 1");
  const work = executor.kind === "shared-iterations" ? executor.iterations : Infinity;
  return Math.max(1, Math.min(cores, vusMax(executor), work));
}

/** First VU number (less one) of each workflow of a job, in plan order: VU ids are unique in the job. */
export function vuBases(workflows: readonly WorkflowPlan[]): readonly number[] {
  let next = 0;
  return workflows.map((workflow) => {
    const base = next;
    next += vusMax(workflow.executor);
    return base;
  });
}

/**
 * Every share of every workflow of a job cut for `cores` cores, in plan order, none resumed. Feed rows are striped over
 * all of them, so that a row is handed out once in the whole job even where several workflows read one feed.
 */
export function shareSpecs(plan: JobPlan, cores: number): readonly ShareSpec[] {
  const bases = vuBases(plan.workflows);
  const counts = plan.workflows.map((workflow) => shareCount(workflow.executor, cores));
  const stripes = counts.reduce((sum, count) => sum + count, 0);
  const specs: ShareSpec[] = [];
  plan.workflows.forEach((workflow, at) => {
    const shares = counts[at] ?? 1;
    for (let share = 0; share < shares; share++) {
      specs.push({
        workflow: workflow.name,
        share,
        shares,
        executor: workflow.executor,
        vuBase: bases[at] ?? 0,
        startTimeMs: workflow.startTimeMs,
        gracefulStopMs: workflow.gracefulStopMs,
        minIterationDurationMs: workflow.minIterationDurationMs,
        resume: null,
        feedStripe: { index: specs.length, of: stripes },
      });
    }
  });
  return specs;
}

/** What of a spec decides its feed rows. */
export type FeedPlace = Pick<ShareSpec, "share" | "shares" | "feedStripe">;

/**
 * Row a share's k-th call of next() gets from a unique or circular feed: its stripe of the whole job's sequence, around
 * and around for circular. Out: -1 when a unique feed (or an empty one) has no more rows for this share.
 */
export function feedRow(feed: Pick<FeedPlan, "pick" | "rows">, place: FeedPlace, k: number): number {
  const stripe = place.feedStripe;
  const row = stripe === undefined ? dealtIndex(k, place.share, place.shares) : dealtIndex(k, stripe.index, stripe.of);
  if (row < feed.rows) return row;
  return feed.pick === "circular" && feed.rows > 0 ? row % feed.rows : -1;
}
