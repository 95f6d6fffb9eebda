// Promises and roles: the one place that changes the hard state, and the way back to follower.

import { assert } from "../base/assert.ts";
import type { Refusal, RefusalReason } from "./contract.ts";
import type { HardState, NodeId, Term } from "./entry.ts";
import type { RaftMessage } from "./messages.ts";
import { type Raft, resetElection, type Turn } from "./state.ts";

export function send(turn: Turn, to: NodeId, message: RaftMessage): void {
  assert(to !== turn.state.config.self, "nobody writes to itself");
  turn.effects.push({ kind: "send", to, message });
}

/** A peer said what cannot be: noted, never thrown. */
export function suspect(turn: Turn, from: NodeId, reason: string): void {
  turn.effects.push({ kind: "suspicious", from, reason });
}

export function refusal(state: Raft, reason: RefusalReason): Refusal {
  return { kind: "refused", reason, leader: state.leader === state.config.self ? null : state.leader };
}

/** Changes promises; durable before anything later in the effects. */
export function promise(turn: Turn, change: Partial<HardState>): void {
  const { state } = turn;
  const before = state.hard;
  const after = { ...before, ...change };
  assert(after.term >= before.term, "terms never fall");
  assert(after.term > before.term || before.vote === null || after.vote === before.vote, "one vote a term");
  state.hard = after;
  state.isHardDirty = false;
  turn.effects.push({ kind: "persist", record: { kind: "hard", hard: after } });
}

/** Follows `leader` (null: whoever wins) in `term`. A leader's open questions are refused. */
export function becomeFollower(turn: Turn, term: Term, leader: NodeId | null): void {
  const { state } = turn;
  if (term > state.hard.term) {
    promise(turn, { term, vote: null });
    // What was compared with an older leader's log proves nothing about the new one's.
    state.recovery.target = null;
    state.recovery.matched = 0;
  }
  if (state.leading !== null) {
    const ids = [...state.leading.earlyReads, ...state.leading.reads.flatMap((read) => read.ids)];
    const { transfer } = state.leading;
    state.leading = null;
    state.leader = leader;
    if (ids.length > 0) turn.effects.push({ kind: "readRefused", ids, outcome: refusal(state, "notLeader") });
    if (transfer !== null && leader === null && !transfer.isSent)
      turn.effects.push({ kind: "transfer", outcome: { kind: "aborted", to: transfer.to } });
    resetElection(state);
  }
  state.role = "follower";
  state.leader = leader;
  state.votes.clear();
}

/** The leader of `term` spoke: follow it, and wait a full timeout from now. */
export function hearLeader(turn: Turn, term: Term, leader: NodeId): void {
  const { state } = turn;
  assert(state.role !== "leader" || term > state.hard.term, "one leader a term");
  becomeFollower(turn, term, leader);
  state.leaderHeardAt = turn.now;
  resetElection(state);
}
