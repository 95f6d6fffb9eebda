// A member's side of replication: appends, conflicts, snapshots in chunks. Raft 5.3 and 7. What a peer sends may be
// late, repeated, reordered or wrong: it is checked before it changes anything, and refused without a throw.

import { assert } from "../base/assert.ts";
import type { Entry, Index, NodeId } from "./entry.ts";
import { appendEntries, commitTo, installSnapshot, truncateEntries } from "./commit.ts";
import { agreeAt, lastIndex, termAt } from "./log.ts";
import { type AppendMessage, NO_ROUND, type SnapshotMessage } from "./messages.ts";
import { hearLeader, promise, send, suspect } from "./role.ts";
import { isFull, membershipOf, type Raft, type Turn } from "./state.ts";

/** Entries or a heartbeat of the leader of `message.term`, which is not older than this node's. */
export function handleAppend(turn: Turn, from: NodeId, message: AppendMessage): void {
  const { state } = turn;
  if (!isLeaderOf(turn, from, message.term)) return;
  const wrong = findWrong(message);
  if (wrong !== null) return suspect(turn, from, wrong);
  hearLeader(turn, message.term, from);
  // Up to the commit index the logs are equal already (leader completeness), whatever of it a late message repeats.
  const isKnown = message.prevIndex < state.commit;
  if (!isKnown && termAt(state.log, message.prevIndex) !== message.prevTerm) return replyConflict(turn, from, message);
  const fresh = findFresh(state, message.entries);
  const first = fresh[0];
  if (first !== undefined && first.term < (termAt(state.log, first.index - 1) ?? 0))
    return suspect(turn, from, "terms of entries fall");
  if (first !== undefined && first.index <= lastIndex(state.log)) truncateEntries(turn, first.index);
  appendEntries(turn, fresh);
  const through = Math.max(state.commit, message.prevIndex + message.entries.length);
  state.recovery.matched = Math.max(state.recovery.matched, through);
  commitTo(turn, Math.min(message.commit, through));
  joinAsLearner(turn, message.commit);
  if (message.round !== NO_ROUND) replyAccepted(turn, from, message, through);
}

/** The message is from the one leader its term can have. */
function isLeaderOf(turn: Turn, from: NodeId, term: number): boolean {
  const { state } = turn;
  if (term > state.hard.term) return true;
  assert(term === state.hard.term, "older messages are answered before");
  const isOther = state.role === "leader" || (state.leader !== null && state.leader !== from);
  if (isOther) suspect(turn, from, `leads term ${term} beside ${state.leader ?? "another"}`);
  return !isOther;
}

/** What no leader sends: entries not in order, or of a term it cannot have. */
function findWrong(message: AppendMessage): string | null {
  let index = message.prevIndex;
  let term = message.prevTerm;
  for (const entry of message.entries) {
    if (entry.index !== index + 1) return "entries are not contiguous";
    if (entry.term < term || entry.term < 1) return "terms of entries fall";
    index = entry.index;
    term = entry.term;
  }
  return term > message.term ? "entries of a later term" : null;
}

/**
 * The entries from the first one that this log lacks or has otherwise. Those before it are held, or in the snapshot.
 */
function findFresh(state: Raft, entries: readonly Entry[]): readonly Entry[] {
  const at = entries.findIndex((entry) => entry.index > state.commit && termAt(state.log, entry.index) !== entry.term);
  return at < 0 ? [] : entries.slice(at);
}

type Question = { readonly round: number; readonly sentAtMs: number };

function replyAccepted(turn: Turn, to: NodeId, question: Question, index: Index): void {
  reply(turn, to, question, { isAccepted: true, index, hintIndex: 0, hintTerm: 0 });
}

function replyConflict(turn: Turn, to: NodeId, message: AppendMessage): void {
  const hint = agreeAt(turn.state.log, message.prevIndex, message.prevTerm);
  reply(turn, to, message, { isAccepted: false, index: message.prevIndex, hintIndex: hint.index, hintTerm: hint.term });
}

function reply(
  turn: Turn,
  to: NodeId,
  question: Question,
  answer: { readonly isAccepted: boolean; readonly index: Index; readonly hintIndex: Index; readonly hintTerm: number },
): void {
  const { state } = turn;
  const { cluster, term } = state.hard;
  assert(cluster !== null, "a member knows its cluster");
  const { round, sentAtMs } = question;
  const { isAccepted, index, hintIndex, hintTerm } = answer;
  const counts = isFull(state);
  send(turn, to, {
    kind: "appendReply",
    cluster,
    term,
    round,
    sentAtMs,
    isAccepted,
    index,
    hintIndex,
    hintTerm,
    counts,
  });
}

/**
 * Tells an old leader that its term is over. It echoes nothing: should that node lead the new term by now, the rounds
 * of its old one mean nothing in it, and would confirm reads that nobody confirmed.
 */
export function replyStale(turn: Turn, to: NodeId): void {
  reply(turn, to, { round: NO_ROUND, sentAtMs: 0 }, { isAccepted: false, index: 0, hintIndex: 0, hintTerm: 0 });
}

/**
 * A node that came blank becomes a full member when all that its leader has committed is here and names it a learner.
 * A node that finds itself a voter without ever having been a learner had a disk under this name that is gone: it
 * must be replaced.
 */
function joinAsLearner(turn: Turn, leaderCommit: Index): void {
  const { state } = turn;
  if (state.hard.standing !== "joining" || state.commit < leaderCommit) return;
  if (membershipOf(state)?.learners.includes(state.config.self) === true) promise(turn, { standing: "member" });
}

/** One chunk of the leader's snapshot. */
export function handleSnapshot(turn: Turn, from: NodeId, message: SnapshotMessage): void {
  const { state } = turn;
  if (!isLeaderOf(turn, from, message.term)) return;
  const { offset, size, chunk } = message;
  const isBounded =
    offset + chunk.length <= size && size <= state.config.limits.snapshotBytesMax && (chunk.length > 0 || size === 0);
  if (!isBounded || message.index < 1 || message.indexTerm > message.term)
    return suspect(turn, from, "a snapshot chunk out of bounds");
  hearLeader(turn, message.term, from);
  if (message.index <= state.commit) {
    state.incoming = null;
    return replyAccepted(turn, from, message, state.commit);
  }
  // The log holds all of it already: only the commit index was behind.
  if (termAt(state.log, message.index) === message.indexTerm) {
    state.recovery.matched = Math.max(state.recovery.matched, message.index);
    commitTo(turn, message.index);
    return replyAccepted(turn, from, message, message.index);
  }
  openIncoming(state, from, message);
  const { incoming } = state;
  if (incoming !== null && message.offset === incoming.held) {
    incoming.chunks.push(message.chunk);
    incoming.held += message.chunk.length;
  }
  if (incoming !== null && incoming.held === incoming.size) return completeIncoming(turn, from, message);
  const { cluster, term } = state.hard;
  assert(cluster !== null, "a member knows its cluster");
  const { round, sentAtMs, index } = message;
  send(turn, from, {
    kind: "snapshotReply",
    cluster,
    term,
    round,
    sentAtMs,
    index,
    held: incoming?.held ?? 0,
    counts: isFull(state),
  });
}

/** Begins with a first chunk, and forgets what another leader or term had sent. */
function openIncoming(state: Raft, from: NodeId, message: SnapshotMessage): void {
  const { incoming } = state;
  const isSame =
    incoming !== null &&
    incoming.from === from &&
    incoming.term === message.term &&
    incoming.index === message.index &&
    incoming.indexTerm === message.indexTerm &&
    incoming.size === message.size;
  if (isSame) return;
  if (incoming !== null && incoming.term === message.term && incoming.index > message.index) return;
  const { index, indexTerm, size, head, term } = message;
  state.incoming =
    message.offset === 0 && head !== null
      ? {
          from,
          term,
          index,
          indexTerm,
          size,
          membership: head.membership,
          sessions: head.sessions,
          chunks: [],
          held: 0,
        }
      : null;
}

function completeIncoming(turn: Turn, from: NodeId, message: SnapshotMessage): void {
  const { state } = turn;
  const { incoming } = state;
  assert(incoming !== null && incoming.held === incoming.size, "all chunks are here");
  const bytes = new Uint8Array(incoming.size);
  let offset = 0;
  for (const chunk of incoming.chunks) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  state.incoming = null;
  const { index, indexTerm, membership, sessions } = incoming;
  installSnapshot(turn, { index, term: indexTerm, membership, sessions, bytes });
  state.recovery.matched = Math.max(state.recovery.matched, index);
  replyAccepted(turn, from, message, index);
}
