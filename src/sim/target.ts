// The system under load, simulated: it counts every request that reached it and remembers what each attempt did, cut by
// cut. This is the truth the checkers hold the cluster's figures against. No node ever reads it.

import type { AttemptId, Resume, ShareSpec } from "../load/share.ts";

/** What one attempt had counted itself when it made a cut. */
export type TrueCut = {
  readonly seq: number;
  readonly requests: number;
  readonly unsent: number;
  readonly resume: Resume;
};

/** One attempt as it really went. Times in ms of true time. */
export type TrueAttempt = {
  readonly id: AttemptId;
  readonly node: string;
  readonly spec: ShareSpec;
  readonly setupData: unknown;
  readonly preparedAtMs: number;
  /** Schedule ms at which it began to drive, and the true time of schedule 0 as it believes; null before. */
  joined: { readonly scheduleMs: number; readonly startAtMs: number } | null;
  /** Requests that reached the target. */
  seen: number;
  firstAtMs: number;
  lastAtMs: number;
  /** What the core counted on its board: requests that came to an end, and those of them that never left. */
  requests: number;
  unsent: number;
  /** By rising seq. */
  readonly cuts: TrueCut[];
};

/** A request as it arrives. `intendedMs`: schedule ms at which it was due; null where no instant was intended. */
export type Arrived = {
  readonly attempt: TrueAttempt;
  readonly intendedMs: number | null;
  readonly scheduleMs: number;
};

/** Who watches. */
export type TargetEvents = {
  prepared(attempt: TrueAttempt): void;
  joined(attempt: TrueAttempt): void;
  arrived(request: Arrived, atMs: number): void;
};

export class SimTarget {
  readonly #nowMs: () => number;
  readonly #events: TargetEvents;
  /** By attempt token: tokens are ledger indexes, so they are unique in a cluster. */
  readonly attempts = new Map<number, TrueAttempt>();
  /** Requests that arrived, by job. */
  readonly seenOf = new Map<string, number>();
  seen = 0;

  /** In: true time in ms, and who is told. */
  constructor(nowMs: () => number, events: TargetEvents) {
    this.#nowMs = nowMs;
    this.#events = events;
  }

  /** An engine begins to prepare an attempt. The same token twice (a thread started again) goes on in one record. */
  prepare(id: AttemptId, node: string, spec: ShareSpec, setupData: unknown): TrueAttempt {
    const attempt: TrueAttempt = {
      id,
      node,
      spec,
      setupData,
      preparedAtMs: this.#nowMs(),
      joined: null,
      seen: 0,
      firstAtMs: Infinity,
      lastAtMs: -Infinity,
      requests: 0,
      unsent: 0,
      cuts: [],
    };
    const known = this.attempts.get(id.token);
    this.#events.prepared(attempt);
    if (known !== undefined && known.id.job === id.job) return known;
    this.attempts.set(id.token, attempt);
    return attempt;
  }

  /** The attempt begins to drive, so far into its schedule. */
  join(attempt: TrueAttempt, scheduleMs: number): void {
    attempt.joined = { scheduleMs, startAtMs: this.#nowMs() - scheduleMs };
    this.#events.joined(attempt);
  }

  /** The first byte of a request arrived. */
  receive(attempt: TrueAttempt, intendedMs: number | null, scheduleMs: number): void {
    const nowMs = this.#nowMs();
    this.seen++;
    attempt.seen++;
    if (attempt.firstAtMs === Infinity) attempt.firstAtMs = nowMs;
    attempt.lastAtMs = nowMs;
    this.seenOf.set(attempt.id.job, (this.seenOf.get(attempt.id.job) ?? 0) + 1);
    this.#events.arrived({ attempt, intendedMs, scheduleMs }, nowMs);
  }
}

/**
 * What an attempt had counted up to that cut. One that the core did not make itself is its worker's, of a core that
 * failed: what the board held at its end, and where the rest begins as far as was told.
 */
export function countedAt(
  attempt: TrueAttempt,
  seq: number,
): Omit<TrueCut, "resume"> & { readonly resume: Resume | null } {
  const cut = attempt.cuts.findLast((one) => one.seq <= seq) ?? null;
  const { requests, unsent, spec } = attempt;
  if (seq > (attempt.cuts.at(-1)?.seq ?? 0)) return { seq, requests, unsent, resume: cut?.resume ?? spec.resume };
  return cut ?? { seq: 0, requests: 0, unsent: 0, resume: spec.resume };
}
