// How many requests an attempt may have sent that nobody will ever hear of, at most, when its worker is gone: what it
// can have done since its last cut. Pure.

import { heldSeries } from "../../load/merge.ts";
import { CONTACT_MS, LEASE_MS } from "../lease.ts";
import { requestsOf, type Run, type RunAttempt } from "./run.ts";

/** What one core can send at the very most, for an attempt of which nothing at all is known. */
const CORE_RATE_MAX = 50_000;
/** A rate may have risen since it was seen. */
const MARGIN = 1.5;

/** In: ms of job time until which it may have run. Out: requests, a whole number. */
export function unreportedOf(run: Run, attempt: RunAttempt, untilMs: number): number {
  if (attempt.offsetMs === null) return 0;
  // Ledger time stands still while there is no quorum. An attempt not heard of since its owner changed may have run on
  // through that: until its lease ended, renewed by an owner as long as it had contact.
  const unseenMs = attempt.isTakenOver ? CONTACT_MS + LEASE_MS : 0;
  const seconds = (Math.max(0, untilMs - attempt.heardMs) + unseenMs) / 1_000;
  const open = (attempt.held?.cut.vusMax ?? 0) * Math.max(1, run.plan.http.batch);
  return Math.ceil(rateOf(run, attempt) * MARGIN * seconds) + open;
}

/** Its own rate, or the best of its siblings' when it never told one. */
function rateOf(run: Run, attempt: RunAttempt): number {
  const own = seenRate(attempt);
  if (own > 0) return own;
  const siblings = [...run.attempts.values()].filter(({ id }) => id.workflow === attempt.id.workflow);
  const most = siblings.reduce((rate, sibling) => Math.max(rate, seenRate(sibling)), 0);
  return most > 0 ? most : CORE_RATE_MAX;
}

/** The most seen between two cuts, or the mean of all it did where only the newest cut is known. 0: nothing is. */
function seenRate({ rateMax, held }: RunAttempt): number {
  if (rateMax > 0 || held === null || held.cut.elapsedMs < 100) return rateMax;
  return (requestsOf(heldSeries(held)) / held.cut.elapsedMs) * 1_000;
}
