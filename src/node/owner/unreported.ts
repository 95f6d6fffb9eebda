// How many requests an attempt may have sent that nobody will ever hear of, at most, when its worker is gone: what it
// can have done since its last cut. Pure.

import { heldSeries } from "../../load/merge.ts";
import { requestsMax } from "../../load/pace.ts";
import { CONTACT_MS, LEASE_MS } from "../lease.ts";
import { requestsOf, type Run, type RunAttempt } from "./run.ts";

/** What one core can send at the very most, where no attempt of the workflow was ever heard of. */
const CORE_RATE_MAX = 50_000;
/** An attempt that leaves its pace behind reports at once: it takes so long until that is here. */
const NOTICE_MS = 200;

/** Requests nobody heard of, at most; and seconds of sending at a pace that is not known yet. */
export type Unheard = { readonly requests: number; readonly seconds: number };

/** In: ms of job time until which it may have run. */
export function unheardOf(run: Run, attempt: RunAttempt, untilMs: number): Unheard {
  if (attempt.offsetMs === null) return { requests: 0, seconds: 0 };
  // Ledger time stands still while there is no quorum. An attempt not heard of since its owner changed may have run on
  // through that: until its lease ended, renewed by an owner as long as it had contact.
  const unseenMs = attempt.isTakenOver ? CONTACT_MS + LEASE_MS : 0;
  const ms = Math.max(0, untilMs - attempt.heardMs) + unseenMs + NOTICE_MS;
  const open = (attempt.held?.cut.vusMax ?? 0) * Math.max(1, run.plan.http.batch);
  const rate = seenRate(attempt);
  if (rate === 0) return { requests: open, seconds: ms / 1_000 };
  return { requests: requestsMax(rate, ms) + open, seconds: 0 };
}

/**
 * Of all attempts that are gone: a whole number. One that never told its pace is taken for as fast as the fastest of
 * its workflow that did, at any time: those that ran beside it, and who took up its work.
 */
export function unreportedMax(run: Run): number {
  let total = 0;
  for (const [token, { requests, seconds }] of run.unheard)
    total += requests + (seconds > 0 ? requestsMax(siblingRate(run, token), seconds * 1_000) : 0);
  return total;
}

function siblingRate(run: Run, token: number): number {
  const workflow = run.attempts.get(token)?.id.workflow;
  let most = 0;
  for (const attempt of run.attempts.values())
    if (workflow === undefined || attempt.id.workflow === workflow)
      most = Math.max(most, seenRate(attempt) * steepness(run, attempt));
  return most > 0 ? Math.max(most, plannedRate(run, workflow)) : CORE_RATE_MAX;
}

/**
 * Requests a second of a share whose iterations begin by plan, where the plan is highest: those that were seen may all
 * have run where it goes down to nothing. 0: no such plan.
 */
function plannedRate(run: Run, workflow: string | undefined): number {
  const executor = run.plan.workflows.find(({ name }) => name === workflow)?.executor;
  const rates =
    executor?.kind === "constant-arrival-rate"
      ? [executor.rate]
      : executor?.kind === "ramping-arrival-rate"
        ? [executor.startRate, ...executor.stages.map(({ target }) => target)]
        : [];
  if (executor === undefined || !("timeUnitMs" in executor)) return 0;
  let shares = 1;
  let iterations = 0;
  let requests = 0;
  for (const { id, held } of run.attempts.values()) {
    if (id.workflow !== workflow) continue;
    shares = Math.max(shares, id.share + 1);
    iterations += held?.cut.accounting.started ?? 0;
    requests += held === null ? 0 : requestsOf(heldSeries(held));
  }
  const perIteration = iterations === 0 ? 1 : Math.max(1, requests / iterations);
  return ((Math.max(...rates) * 1_000) / executor.timeUnitMs / shares) * perIteration;
}

/** How many times as fast as this attempt was seen another part of its schedule may be. */
function steepness(run: Run, { id, held }: RunAttempt): number {
  const executor = run.plan.workflows.find(({ name }) => name === id.workflow)?.executor;
  if (executor?.kind === "ramping-vus") {
    const peak = Math.max(executor.startVus, ...executor.stages.map(({ target }) => target));
    return Math.max(1, peak / Math.max(1, held?.cut.vusMax ?? 0));
  }
  return 1;
}

/** The most seen between two cuts, or the mean of all it did where only the newest cut is known. 0: nothing is. */
function seenRate({ pace, held, offsetMs }: RunAttempt): number {
  if (pace.perSecond > 0 || held === null) return pace.perSecond;
  const beganMs = offsetMs === null ? 0 : Math.max(0, pace.atMs - offsetMs);
  const ranMs = held.cut.elapsedMs - beganMs - held.cut.generator.stillMs;
  return ranMs < 100 ? 0 : (requestsOf(heldSeries(held)) / ranMs) * 1_000;
}
