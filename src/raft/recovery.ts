// A voter whose disk lost part of what it had acknowledged. Until it holds all of that again it neither votes nor
// acknowledges: its silence keeps the majorities of the past valid. (Protocol-aware recovery, Alagappan et al., FAST
// 18.)
//
// What it may have acknowledged is bounded from outside, by answers asked for after the loss:
// - entries: an entry it acknowledged in term t was in the log of the leader of t. A leader of a term at least as
// high has every one of them that can be committed; holding that leader's log up to its end at the time of the answer
// is enough.
// - votes (and the term): whoever it voted for, and whoever led it, is durably in that term. So once every other
// voter has told its term, the highest bounds all promises; the node takes that term and abstains in it. One voter
// that never answers leaves only `replace`. When the shell knows that term and vote are intact (`lost: "entries"`),
// nobody needs asking.

import { lastIndex } from "./log.ts";
import type { RecoveryReply } from "./messages.ts";
import { becomeFollower, promise, send } from "./role.ts";
import { type Raft, type Recovery, resetElection, type Turn, votersOf } from "./state.ts";
import type { NodeId } from "./entry.ts";

export function createRecovery(now: number): Recovery {
  return { queryAt: now, terms: new Map(), target: null, matched: 0 };
}

/** Whether the node has to ask. A node that came blank acknowledges nothing anyway. */
export function isRecovering(state: Raft): boolean {
  return state.hard.lost !== "nothing" && state.hard.cluster !== null;
}

/** Asks all other voters, again and again: terms change, and the leader's answer must be of the current one. */
export function tickRecovery(turn: Turn): void {
  const { state, now } = turn;
  const { cluster } = state.hard;
  if (!isRecovering(state) || cluster === null || now < state.recovery.queryAt) return;
  state.recovery.queryAt = now + state.config.heartbeatMs;
  for (const voter of votersOf(state)) {
    if (voter !== state.config.self) send(turn, voter, { kind: "recoveryQuery", cluster, nonce: state.nonce });
  }
}

/** Only a full member's word is a bound: one that lost its own promises cannot speak for others'. */
export function handleRecoveryQuery(turn: Turn, from: NodeId, nonce: number): void {
  const { state } = turn;
  const { cluster, term, standing, lost } = state.hard;
  if (cluster === null || standing !== "member" || lost !== "nothing") return;
  send(turn, from, {
    kind: "recoveryReply",
    cluster,
    nonce,
    term,
    lastIndex: state.role === "leader" ? lastIndex(state.log) : null,
  });
}

export function handleRecoveryReply(turn: Turn, from: NodeId, reply: RecoveryReply): void {
  const { state } = turn;
  if (!isRecovering(state) || reply.nonce !== state.nonce) return;
  if (reply.term > state.hard.term) becomeFollower(turn, reply.term, null);
  const { recovery } = state;
  recovery.terms.set(from, reply.term);
  // The first answer of the term bounds what was acknowledged before it; later ones would only move the goal.
  if (reply.lastIndex !== null && reply.term === state.hard.term) recovery.target ??= reply.lastIndex;
}

/** After every step: done when the bounds are known and reached. */
export function completeRecovery(turn: Turn): void {
  const { state } = turn;
  const { recovery, hard } = state;
  if (!isRecovering(state) || recovery.target === null || recovery.matched < recovery.target) return;
  const others = votersOf(state).filter((voter) => voter !== state.config.self);
  if (hard.lost === "votes" && !others.every((voter) => recovery.terms.has(voter))) return;
  // Abstain in the term at hand: a vote given in it may be forgotten.
  promise(turn, { lost: "nothing", vote: hard.vote ?? state.config.self });
  resetElection(state);
}
