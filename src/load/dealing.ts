// Who gets what: the exact division of a workflow over its shares. VUs and arrivals are striped (number j belongs to
// share j % shares), shared iterations go in contiguous blocks in proportion to VUs. Sums over shares are the request,
// always. Not which core runs a share: that is placement (ledger/).

import { assert } from "../base/assert.ts";
import { vusMax } from "./plan.ts";
import type { Executor, FeedPlan, WorkflowPlan } from "./plan.ts";
import type { Range, VusBeyond } from "./share.ts";

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
 * Where the VUs of a workflow beyond its plan get their numbers: behind all others of the job (setup and teardown have
 * one each), those of workflows that can grow in turns.
 */
export function vusBeyond(workflows: readonly WorkflowPlan[], name: string): VusBeyond {
  const planned = workflows.reduce((sum, { executor }) => sum + vusMax(executor), 0);
  const growing = workflows.filter(({ executor }) => executor.kind === "constant-vus");
  const turn = Math.max(
    0,
    growing.findIndex((workflow) => workflow.name === name),
  );
  return { base: planned + 2 + turn, stride: Math.max(1, growing.length) };
}

/** A worker's turn at the rows of a feed: numbers n with n % of === index. */
export type Stripe = { readonly index: number; readonly of: number };

/**
 * Row of a stripe's k-th call of next() on a unique or circular feed; around and around for circular. The cores of a
 * worker count k together, whatever workflow they run, so that a workflow that reads no rows leaves none unused.
 * Out: -1 when a unique feed (or an empty one) has no more rows for this stripe.
 */
export function feedRow(feed: Pick<FeedPlan, "pick" | "rows">, stripe: Stripe, k: number): number {
  const row = dealtIndex(k, stripe.index, stripe.of);
  if (row < feed.rows) return row;
  return feed.pick === "circular" && feed.rows > 0 ? row % feed.rows : -1;
}
