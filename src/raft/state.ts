// Everything one node's core knows. Plain data: structuredClone gives an independent node. Only this folder writes it.

import { assert } from "../base/assert.ts";
import { nextFloat, type Prng } from "../base/prng.ts";
import type { RaftEffect, Role } from "./contract.ts";
import type { HardState, Index, Membership, Ms, NodeId, Snapshot, Term } from "./entry.ts";
import { ELECTION_SYNCS, HEALTH_SCORE_MAX, type RaftConfig } from "./limits.ts";
import type { Log } from "./log.ts";
import type { SessionRecords, Sessions } from "./sessions.ts";

/** What a leader knows of one member. */
export type Progress = {
  /** probe: one append at a time until the logs agree. replicate: a window of them. snapshot: chunks. */
  mode: "probe" | "replicate" | "snapshot";
  /** The logs agree up to here. For flow control. */
  match: Index;
  /** Acknowledged by a full voter up to here. For commitment; `match` of a recovering voter is not. */
  acked: Index;
  next: Index;
  /** probe: an append with entries is out. */
  isProbing: boolean;
  inflight: { readonly index: Index; readonly bytes: number }[];
  inflightBytes: number;
  /** The commit index it was last told. */
  toldCommit: Index;
  /** When the newest append was sent to it that asks for an answer: the next heartbeat counts from there. */
  askedAt: Ms;
  /** When the newest answered message was sent; -Infinity: never. */
  contactAt: Ms;
  /** Newest round a full voter answered. */
  ackedRound: number;
  /** Newest round of any answer. */
  heardRound: number;
  /** The member is a full one (neither joining nor recovering), by its own newest word. */
  counts: boolean;
  sending: { readonly snapshot: Snapshot; sent: number; held: number; isStarted: boolean; movedAt: Ms } | null;
};

/** What only a leader has. */
export type Leading = {
  readonly startedAt: Ms;
  /** Index of the entry that opened the term: once committed, reads and changes are allowed. */
  readonly firstIndex: Index;
  readonly peers: Map<NodeId, Progress>;
  round: number;
  /** Waiting for their round; rounds rise. */
  reads: { readonly ids: readonly string[]; readonly index: Index; readonly round: number }[];
  /** Asked before the first entry of the term was committed. */
  earlyReads: string[];
  /** Index of each uncommitted proposal, by proposalKey. */
  readonly pending: Map<string, Index>;
  uncommittedBytes: number;
  transfer: { readonly to: NodeId; readonly deadlineAt: Ms; isSent: boolean } | null;
};

/** A first formation under way (formation.ts). */
export type Formation = {
  peers: readonly NodeId[] | null;
  queryAt: Ms;
  /** Nonce of each peer that answered blank. */
  readonly blank: Map<NodeId, number>;
  readonly accepted: Set<NodeId>;
  /** Why it does not go on, by peer. */
  readonly refusals: Map<NodeId, string>;
};

/** A voter getting back what its disk lost (recovery.ts). */
export type Recovery = {
  queryAt: Ms;
  /** Term of each voter that answered since the loss. */
  readonly terms: Map<NodeId, Term>;
  /** End of the leader's log, said after the loss, in the current term. */
  target: Index | null;
  /** Up to here the log was compared with the leader of the current term. */
  matched: Index;
};

export type Raft = {
  readonly config: RaftConfig;
  readonly prng: Prng;
  /** Random number of this boot: ties answers to questions asked since. */
  readonly nonce: number;
  now: Ms;
  hard: HardState;
  /** `hard` was changed by create and is not durable yet. */
  isHardDirty: boolean;
  readonly log: Log;
  snapshot: Snapshot | null;
  /** Asked of the state machine, not yet answered. */
  snapshotAsked: {
    readonly index: Index;
    readonly term: Term;
    readonly membership: Membership;
    readonly sessions: SessionRecords;
  } | null;
  /**
   * Membership in force from each index, rising; the first is at or before the snapshot. Effective when appended
   * (4.1).
   */
  memberships: { readonly index: Index; readonly membership: Membership }[];
  commit: Index;
  sessions: Sessions;
  role: Role;
  leader: NodeId | null;
  /** When the leader was last heard; -Infinity: not since it was lost. */
  leaderHeardAt: Ms;
  electionAt: Ms;
  /** When a candidate repeats its question. */
  resendAt: Ms;
  votes: Map<NodeId, boolean>;
  healthScore: number;
  /** How long a record takes to be durable here, as the shell said; 0: no time to speak of. */
  syncMs: Ms;
  leading: Leading | null;
  incoming: {
    readonly from: NodeId;
    readonly term: Term;
    readonly index: Index;
    readonly indexTerm: Term;
    readonly size: number;
    readonly membership: Membership;
    readonly sessions: SessionRecords;
    readonly chunks: Uint8Array[];
    held: number;
  } | null;
  readonly formation: Formation;
  readonly recovery: Recovery;
};

/** One step: the state it changes and the effects it gathers. */
export type Turn = { readonly state: Raft; readonly now: Ms; readonly effects: RaftEffect[] };

/** Membership in force; null while the node knows no cluster. */
export function membershipOf(state: Raft): Membership | null {
  return state.memberships.at(-1)?.membership ?? null;
}

/** Voters in force; none while the node knows no cluster. */
export function votersOf(state: Raft): readonly NodeId[] {
  return membershipOf(state)?.voters ?? [];
}

/** The node's acknowledgements count. */
export function isFull(state: Raft): boolean {
  return state.hard.standing === "member" && state.hard.lost === "nothing";
}

/** The node may grant its vote. Not tied to its membership: a voter may not yet know that it is one. */
export function mayVote(state: Raft): boolean {
  return (state.hard.standing === "member" || state.hard.standing === "forming") && state.hard.lost === "nothing";
}

/** The node may stand for election. */
export function mayStand(state: Raft): boolean {
  return isFull(state) && votersOf(state).includes(state.config.self);
}

/**
 * Draws the next election timeout from [T, 2T], stretched by poor local health up to twice. What the syncs of an
 * election take beyond T is added, or none would ever end on a slow disk: a candidate's vote, a voter's, and each may
 * come behind one that is under way.
 */
export function resetElection(state: Raft): void {
  const stretch = 1 + state.healthScore / HEALTH_SCORE_MAX;
  const timeoutMs = Math.ceil(state.config.electionMs * stretch * (1 + nextFloat(state.prng)));
  assert(timeoutMs >= state.config.electionMs && timeoutMs <= 4 * state.config.electionMs, "a timeout in [T, 4T]");
  state.electionAt = state.now + timeoutMs + syncsMs(state);
}

/** A disk that turns out slow while an election is under way leaves that one its time, too. */
export function setSyncMs(state: Raft, syncMs: Ms): void {
  const isSlower = syncMs > state.syncMs;
  state.syncMs = syncMs;
  if (isSlower) state.electionAt = Math.max(state.electionAt, state.now + syncsMs(state));
}

/** What slow syncs add to the time of an election. */
export function syncsMs({ syncMs, config }: Raft): Ms {
  return Math.max(0, ELECTION_SYNCS * syncMs - config.electionMs);
}

/** Key of `pending`: the sequence is digits, so the first space from the right separates. */
export function proposalKey(proposal: { readonly client: string; readonly sequence: number }): string {
  return `${proposal.client} ${proposal.sequence}`;
}
