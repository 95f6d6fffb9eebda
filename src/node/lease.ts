// Leases: how long a worker may go on with a job without hearing from its owner, and when the owner may take it that it
// has stopped. Pure rules of both sides; neither looks at the other's clock (design 6).

/** How long a worker goes on after it asked for the renewal it last got, by its own clock. */
export const LEASE_MS = 10_000;
/** An owner renews only while it heard a leader with quorum within so long, everything of then applied. */
export const CONTACT_MS = 3_000;
/** The worker's clock may be slower than the owner's by this factor. */
const DRIFT = 1.1;

/** True while an owner may renew. In: its clock, and when it last knew itself up to date. */
export function mayRenew(nowMs: number, caughtUpAtMs: number): boolean {
  return nowMs - caughtUpAtMs <= CONTACT_MS;
}

/**
 * When everything of a job surely stands still on a worker nobody hears of, by the owner's clock. `renewedAtMs`: when
 * this owner last renewed; null: never, so that an owner before it may have, until it was cut off itself.
 */
export function freeAtMs(times: { readonly renewedAtMs: number | null; readonly assignedAtMs: number }): number {
  const { renewedAtMs, assignedAtMs } = times;
  return renewedAtMs === null ? assignedAtMs + CONTACT_MS + LEASE_MS * DRIFT : renewedAtMs + LEASE_MS * DRIFT;
}

/** The end of a worker's lease after a renewal that it asked for at `sentAtMs`; an older answer takes nothing back. */
export function leaseUntilMs(untilMs: number, sentAtMs: number): number {
  return Math.max(untilMs, sentAtMs + LEASE_MS);
}
