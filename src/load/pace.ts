// The pace of one attempt as its reports tell it. Its owner says by it what may be missing, should the attempt be lost;
// the attempt reports at once when it leaves that behind. Instants are ms on any one clock. Not what is missing:
// node/owner/unreported.ts.

/** Who is faster than it was ever seen by this reports at once ... */
const EARLY = 1.5;
/** ... and may be so much faster until that is heard: a starved machine gets its cores back, its node comes last. */
const MARGIN = 3;
/** A pace is taken over at least this. */
const RATED_MS_MIN = 200;

/** Only the functions of this file write it. */
export type Pace = {
  /** Most requests a second between two reports that were rated; 0: none was. */
  perSecond: number;
  /** Requests at the report last rated, and when that was; -Infinity before. */
  requests: number;
  atMs: number;
};

export function createPace(): Pace {
  return { perSecond: 0, requests: 0, atMs: -Infinity };
}

/** From this instant on it sends. */
export function beginPace(pace: Pace, atMs: number): void {
  pace.atMs = atMs;
}

/** Takes in a report: so many requests since it began. */
export function ratePace(pace: Pace, requests: number, atMs: number): void {
  const ms = atMs - pace.atMs;
  if (ms < RATED_MS_MIN) return;
  if (Number.isFinite(ms)) pace.perSecond = Math.max(pace.perSecond, ((requests - pace.requests) / ms) * 1_000);
  pace.atMs = atMs;
  pace.requests = requests;
}

/** Did it leave behind what it was seen to do? In: its requests in the last `ms`. */
export function isAhead({ perSecond }: Pace, requests: number, ms: number): boolean {
  return perSecond > 0 && requests > (perSecond * EARLY * ms) / 1_000;
}

/** Requests in `ms` of one that was seen to do so many a second, at most. */
export function requestsMax(perSecond: number, ms: number): number {
  return Math.ceil((perSecond * MARGIN * ms) / 1_000);
}
