// Deduplication of proposals: a client numbers its proposals, and each number is applied once (Ongaro's dissertation
// 6.3). Part of the replicated state: driven by committed entries alone, equal on every node, carried in snapshots.
//
// Why here and not in the ledger: a proposal is retried by whoever forwarded it after any doubt (a leader lost between
// append and answer), for every kind of entry; deciding "this is the same proposal" once, below, keeps the ledger's
// fences about meaning (tokens, digests) and not about transport. The table is bounded, and never guesses: what it
// may have forgotten it refuses as `expired`, and the caller asks the ledger by id.

import { assert } from "../base/assert.ts";
import type { Index } from "./entry.ts";

type Session = {
  /** Sequences up to here that are not in `applied` are given up: applied once and forgotten, or never to be. */
  floor: number;
  /** Index at which each remembered sequence was applied, in the order they were. */
  readonly applied: Map<number, Index>;
  usedAt: Index;
};

/** `evictedThrough`: no client whose `since` is at or above this index was ever forgotten. */
export type Sessions = { evictedThrough: Index; readonly clients: Map<string, Session> };

/** The same as plain data, in order of last use. */
export type SessionRecords = {
  readonly evictedThrough: Index;
  readonly clients: readonly {
    readonly client: string;
    readonly floor: number;
    readonly usedAt: Index;
    readonly applied: readonly (readonly [sequence: number, index: Index])[];
  }[];
};

/** fresh: apply it. applied: it was, at `index`. expired: it may have been; do not apply it. */
export type SessionVerdict =
  { readonly kind: "fresh" } | { readonly kind: "applied"; readonly index: Index } | { readonly kind: "expired" };

export const EMPTY_SESSIONS: SessionRecords = { evictedThrough: 0, clients: [] };

/**
 * Whether (client, sequence) was applied. `since` is a commit index the client knew before it used its id for the first
 * time: all its entries lie above it, so a client that was forgotten is told apart from a new one without a
 * registration.
 */
export function findSession(
  sessions: Sessions,
  proposal: { readonly client: string; readonly sequence: number; readonly since: Index },
): SessionVerdict {
  const session = sessions.clients.get(proposal.client);
  if (session === undefined) return proposal.since < sessions.evictedThrough ? { kind: "expired" } : { kind: "fresh" };
  const index = session.applied.get(proposal.sequence);
  if (index !== undefined) return { kind: "applied", index };
  return proposal.sequence <= session.floor ? { kind: "expired" } : { kind: "fresh" };
}

/** Notes that a fresh (client, sequence) is applied at `index`; forgets the oldest beyond the bounds. */
export function recordSession(
  sessions: Sessions,
  applied: { readonly client: string; readonly sequence: number; readonly index: Index },
  limits: { readonly clientsMax: number; readonly sequencesMax: number },
): void {
  const session = sessions.clients.get(applied.client) ?? { floor: 0, applied: new Map<number, Index>(), usedAt: 0 };
  assert(applied.index > session.usedAt, "sessions advance with the log");
  session.applied.set(applied.sequence, applied.index);
  session.usedAt = applied.index;
  // Re-inserting keeps the map in order of last use, the same on every node.
  sessions.clients.delete(applied.client);
  sessions.clients.set(applied.client, session);
  if (session.applied.size > limits.sequencesMax) forgetOldest(session);
  if (sessions.clients.size > limits.clientsMax) {
    for (const [client, oldest] of sessions.clients) {
      sessions.clients.delete(client);
      sessions.evictedThrough = Math.max(sessions.evictedThrough, oldest.usedAt);
      break;
    }
  }
}

/** The sequence applied first goes; whatever is below it and not remembered is given up. */
function forgetOldest(session: Session): void {
  for (const sequence of session.applied.keys()) {
    session.applied.delete(sequence);
    session.floor = Math.max(session.floor, sequence);
    return;
  }
}

/** For a snapshot. */
export function exportSessions(sessions: Sessions): SessionRecords {
  return {
    evictedThrough: sessions.evictedThrough,
    clients: [...sessions.clients].map(([client, session]) => ({
      client,
      floor: session.floor,
      usedAt: session.usedAt,
      applied: [...session.applied],
    })),
  };
}

/** From a snapshot; orders of use are kept. */
export function importSessions(records: SessionRecords): Sessions {
  return {
    evictedThrough: records.evictedThrough,
    clients: new Map(
      records.clients.map(({ client, floor, usedAt, applied }) => [
        client,
        { floor, usedAt, applied: new Map(applied.map(([sequence, index]) => [sequence, index])) },
      ]),
    ),
  };
}
