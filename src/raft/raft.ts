// Raft consensus of one node as a pure, synchronous state machine: create, step, deadline, view. No clock, randomness
// or I/O: time comes with each event, randomness is a seeded stream in the state, effects are data (contract.ts).
// Sources: Ongaro and Ousterhout, "In Search of an Understandable Consensus Algorithm" (extended version), and
// Ongaro's dissertation, cited by section. What a peer sends never throws here; a failed assertion is a bug of this
// program.

import { assert, never } from "../base/assert.ts";
import { createPrng, nextU32 } from "../base/prng.ts";
import { askSnapshot, takeSnapshot } from "./commit.ts";
import type { RaftEffect, RaftEvent } from "./contract.ts";
import { handleTimeoutNow, handleVote, handleVoteReply, loseLeader, tickElection } from "./elect.ts";
import type { Entry, HardState, Ms, NodeId, Snapshot } from "./entry.ts";
import { handleAppend, handleSnapshot, replyStale } from "./follow.ts";
import {
  completeFormation,
  createFormation,
  handleBlankQuery,
  handleBlankReply,
  handleForm,
  handleFormReply,
  resumeFormation,
  setPeers,
  tickFormation,
} from "./formation.ts";
import {
  change,
  checkQuorum,
  handleAppendReply,
  handlePeerReset,
  handleSnapshotReply,
  propose,
  quorumDeadline,
  read,
  tickLeader,
  transfer,
} from "./lead.ts";
import { assertConfig, HEALTH_SCORE_MAX, type RaftConfig, SYNC_MS_MAX, TERM_MAX } from "./limits.ts";
import { createLog } from "./log.ts";
import type { RaftMessage } from "./messages.ts";
import { heartbeatAt } from "./replicate.ts";
import {
  completeRecovery,
  createRecovery,
  handleRecoveryQuery,
  handleRecoveryReply,
  isRecovering,
  tickRecovery,
} from "./recovery.ts";
import { becomeFollower, promise, suspect } from "./role.ts";
import { EMPTY_SESSIONS, importSessions } from "./sessions.ts";
import { mayStand, type Raft, resetElection, setSyncMs, type Turn } from "./state.ts";

export type {
  Change,
  CommandEntry,
  DurableRecord,
  RaftEffect,
  RaftEvent,
  Refusal,
  RefusalReason,
  Role,
} from "./contract.ts";
export {
  BLANK,
  type Entry,
  type HardState,
  type Index,
  type Membership,
  type Ms,
  type NodeId,
  type Proposal,
  type Snapshot,
  type Term,
} from "./entry.ts";
export { lan, type RaftConfig, wan } from "./limits.ts";
export type { RaftMessage } from "./messages.ts";
export type { Raft } from "./state.ts";
export { type RaftView, view } from "./view.ts";

/**
 * What was durable when the node last stopped. Entries at or before the snapshot are ignored; the rest are
 * contiguous.
 */
export type Durable = {
  readonly hard: HardState;
  readonly snapshot: Snapshot | null;
  readonly entries: readonly Entry[];
};

/**
 * A core that goes on from what was durable. In: `seed` fresh for every boot (answers are tied to it); `now` of the
 * monotonic clock; `hard.lost` set by the shell when its disk lost acknowledged records, which also is a promise:
 * it becomes durable with the first step. The state machine starts from the snapshot; commits are emitted from there
 * on.
 */
export function create(config: RaftConfig, durable: Durable, start: { readonly seed: number; readonly now: Ms }): Raft {
  assertConfig(config);
  const { hard } = durable;
  // A genesis without the promise that follows it: the node stopped between the two, and is blank still.
  const snapshot = hard.standing === "blank" ? null : durable.snapshot;
  assert((hard.cluster === null) === (hard.standing === "blank"), "a blank node knows no cluster, any other one does");
  assert(snapshot === null || snapshot.membership.cluster === hard.cluster, "the snapshot is of this cluster");
  const base = snapshot?.index ?? 0;
  const log = createLog(
    base,
    snapshot?.term ?? 0,
    durable.entries.filter((entry) => entry.index > base),
  );
  assert(
    (log.entries.at(-1)?.term ?? log.baseTerm) <= hard.term || hard.lost !== "nothing",
    "the term is as high as the log's",
  );
  const memberships: Raft["memberships"] =
    snapshot === null ? [] : [{ index: snapshot.index, membership: snapshot.membership }];
  for (const { index, payload } of log.entries)
    if (payload.kind === "config") memberships.push({ index, membership: payload.membership });
  const prng = createPrng(start.seed, `raft ${config.self}`);
  const state: Raft = {
    config,
    prng,
    nonce: nextU32(prng),
    now: start.now,
    log,
    snapshot,
    snapshotAsked: null,
    memberships,
    // A lost record may have been the term of an entry that is still there.
    hard: { ...hard, term: Math.max(hard.term, log.entries.at(-1)?.term ?? log.baseTerm) },
    isHardDirty: hard.lost !== "nothing",
    commit: base,
    sessions: importSessions(snapshot?.sessions ?? EMPTY_SESSIONS),
    role: "follower",
    leader: null,
    leaderHeardAt: Number.NEGATIVE_INFINITY,
    electionAt: 0,
    resendAt: 0,
    votes: new Map(),
    healthScore: 0,
    syncMs: 0,
    leading: null,
    incoming: null,
    formation: createFormation(),
    recovery: createRecovery(start.now),
  };
  if (hard.standing === "forming" && hard.lost === "nothing") resumeFormation(state);
  resetElection(state);
  return state;
}

/**
 * One event, processed whole. In: `now` in ms of the monotonic clock, never before the last one. Out: effects in
 * order.
 */
export function step(state: Raft, now: Ms, event: RaftEvent): RaftEffect[] {
  assert(now >= state.now, "the monotonic clock never goes back");
  state.now = now;
  const {
    role,
    leader,
    hard: { term },
  } = state;
  const turn: Turn = { state, now, effects: [] };
  if (state.isHardDirty) promise(turn, {});
  // Before anything else: a leader that slept through its quorum time acts on nothing as a leader.
  checkQuorum(turn);
  perform(turn, event);
  completeRecovery(turn);
  if (state.role !== role || state.leader !== leader || state.hard.term !== term) {
    turn.effects.push({ kind: "role", role: state.role, term: state.hard.term, leader: state.leader });
  }
  return turn.effects;
}

/**
 * When the shell must send the next tick, in ms of the monotonic clock; Infinity: only a message can move this node.
 */
export function deadline(state: Raft): Ms {
  const { leading } = state;
  if (state.isHardDirty) return state.now;
  if (leading !== null) {
    return Math.min(
      heartbeatAt(state, leading),
      quorumDeadline(state, leading),
      leading.transfer?.deadlineAt ?? Number.POSITIVE_INFINITY,
    );
  }
  const isForming = state.hard.standing === "blank" || state.hard.standing === "forming";
  let at = Math.min(
    isForming ? state.formation.queryAt : Number.POSITIVE_INFINITY,
    isRecovering(state) ? state.recovery.queryAt : Number.POSITIVE_INFINITY,
  );
  if (mayStand(state))
    at = Math.min(at, state.electionAt, state.role === "follower" ? Number.POSITIVE_INFINITY : state.resendAt);
  return at;
}

function perform(turn: Turn, event: RaftEvent): void {
  const { state } = turn;
  switch (event.kind) {
    case "tick":
      return tick(turn);
    case "message":
      return receive(turn, event.from, event.message);
    case "propose":
      return propose(turn, event.proposals);
    case "read":
      return read(turn, event.ids);
    case "change":
      return change(turn, event.id, event.change);
    case "transfer":
      return transfer(turn, event.to);
    case "snapshotTaken":
      return takeSnapshot(turn, event.index, event.bytes);
    case "snapshotFailed": {
      if (state.snapshotAsked?.index === event.index) state.snapshotAsked = null;
      return;
    }
    case "requestSnapshot":
      return askSnapshot(turn);
    case "peerReset":
      return loseStream(turn, event.peer);
    case "health": {
      assert(event.score >= 0 && event.score <= HEALTH_SCORE_MAX, "a health score is 0 to 8");
      state.healthScore = event.score;
      return;
    }
    case "disk": {
      assert(event.syncMs >= 0, "a disk takes time");
      return setSyncMs(state, Math.min(event.syncMs, SYNC_MS_MAX));
    }
    case "form":
      return setPeers(turn, event.peers);
    default:
      return never(event);
  }
}

/** Timers that are due. Elections start here alone, so a node that slept hears what waits for it before it stands. */
function tick(turn: Turn): void {
  const { state } = turn;
  if (state.leading !== null) return tickLeader(turn, state.leading);
  if (state.hard.standing === "blank" || state.hard.standing === "forming") tickFormation(turn);
  tickRecovery(turn);
  tickElection(turn);
}

function loseStream(turn: Turn, peer: NodeId): void {
  const { state } = turn;
  if (state.leading !== null) return handlePeerReset(state.leading, peer);
  if (state.leader === peer) loseLeader(state);
}

function receive(turn: Turn, from: NodeId, message: RaftMessage): void {
  const { state } = turn;
  if (from === state.config.self) return suspect(turn, from, "speaks in this node's name");
  switch (message.kind) {
    case "blankQuery":
      return handleBlankQuery(turn, from);
    case "blankReply":
      return handleBlankReply(turn, from, message);
    case "form":
      return handleForm(turn, from, message);
    case "formReply":
      return handleFormReply(turn, from, message);
    default:
      break;
  }
  if (!belongs(turn, from, message)) return;
  switch (message.kind) {
    case "recoveryQuery":
      return handleRecoveryQuery(turn, from, message.nonce);
    case "recoveryReply":
      return handleRecoveryReply(turn, from, message);
    default:
      return receiveTermed(turn, from, message);
  }
}

/** The message is of this node's cluster. A blank node that a leader addresses joins, without a vote. */
function belongs(
  turn: Turn,
  from: NodeId,
  message: Extract<RaftMessage, { cluster: string; kind: TermedMessage["kind"] | "recoveryQuery" | "recoveryReply" }>,
): boolean {
  const { state } = turn;
  const isLeaders = message.kind === "append" || message.kind === "snapshot";
  if (state.hard.standing === "blank") {
    if (isLeaders) promise(turn, { cluster: message.cluster, standing: "joining" });
    return isLeaders;
  }
  if (message.cluster !== state.hard.cluster) {
    suspect(turn, from, `is of cluster ${message.cluster}`);
    return false;
  }
  if (state.hard.standing === "forming" && (isLeaders || message.kind === "vote")) completeFormation(turn);
  return true;
}

type TermedMessage = Extract<
  RaftMessage,
  { kind: "append" | "appendReply" | "vote" | "voteReply" | "snapshot" | "snapshotReply" | "timeoutNow" }
>;

/** Raft 5.1: an older term is answered or dropped, a newer one is adopted; votes do so by rules of their own. */
function receiveTermed(turn: Turn, from: NodeId, message: TermedMessage): void {
  const { state } = turn;
  if (message.term > TERM_MAX) return suspect(turn, from, "a term out of bounds");
  const isOlder = message.term < state.hard.term;
  switch (message.kind) {
    case "vote":
      return handleVote(turn, from, message);
    case "voteReply":
      return isOlder && !message.isPre ? undefined : handleVoteReply(turn, from, message);
    case "append":
      return isOlder ? replyStale(turn, from) : handleAppend(turn, from, message);
    case "snapshot":
      return isOlder ? replyStale(turn, from) : handleSnapshot(turn, from, message);
    case "timeoutNow":
      return handleTimeoutNow(turn, from, message);
    case "appendReply":
    case "snapshotReply": {
      if (message.term > state.hard.term) return becomeFollower(turn, message.term, null);
      if (isOlder) return;
      return message.kind === "appendReply"
        ? handleAppendReply(turn, from, message)
        : handleSnapshotReply(turn, from, message);
    }
    default:
      return never(message);
  }
}
