// Elections: pre-vote, vote, and who may grant what. Raft 5.2 and 5.4.1; dissertation 4.2.3, 6.2 and 9.6.

import { assert } from "../base/assert.ts";
import { nextBelow } from "../base/prng.ts";
import type { Ms, NodeId } from "./entry.ts";
import { becomeLeader } from "./lead.ts";
import { TERM_MAX } from "./limits.ts";
import { isUpToDate, lastIndex, lastTerm } from "./log.ts";
import type { TimeoutNowMessage, VoteMessage, VoteReply } from "./messages.ts";
import { tally } from "./quorum.ts";
import { becomeFollower, promise, send } from "./role.ts";
import { mayStand, mayVote, type Raft, resetElection, syncsMs, type Turn, votersOf } from "./state.ts";

/** A follower's and a candidate's timers. */
export function tickElection(turn: Turn): void {
  const { state, now } = turn;
  if (!mayStand(state)) return;
  if (now >= state.electionAt) return startPreVote(turn);
  if (state.role !== "follower" && now >= state.resendAt) askVotes(turn, false);
}

/**
 * Asks whether an election could be won, binding nobody: a node that comes back from a partition raises no term
 * (9.6).
 */
export function startPreVote(turn: Turn): void {
  const { state } = turn;
  assert(mayStand(state), "only a full voter stands");
  state.role = "preCandidate";
  state.leader = null;
  state.votes = new Map([[state.config.self, true]]);
  resetElection(state);
  if (tally(votersOf(state), state.votes) === "won") startElection(turn, false);
  else askVotes(turn, false);
}

/** Stands in a new term. isForced: the leader asked for it. */
function startElection(turn: Turn, isForced: boolean): void {
  const { state } = turn;
  const { self } = state.config;
  // A peer may have driven the term to its end; standing still is all that is left, and it is safe.
  if (state.hard.term >= TERM_MAX) return;
  promise(turn, { term: state.hard.term + 1, vote: self });
  state.role = "candidate";
  state.leader = null;
  state.votes = new Map([[self, true]]);
  resetElection(state);
  if (tally(votersOf(state), state.votes) === "won") becomeLeader(turn);
  else askVotes(turn, isForced);
}

/** Asks every voter that has not granted its vote; repeated each heartbeat, so a lost message costs no timeout. */
function askVotes(turn: Turn, isForced: boolean): void {
  const { state, now } = turn;
  const isPre = state.role === "preCandidate";
  assert(state.hard.cluster !== null, "a voter knows its cluster");
  for (const voter of votersOf(state)) {
    if (voter === state.config.self || state.votes.get(voter) === true) continue;
    send(turn, voter, {
      kind: "vote",
      cluster: state.hard.cluster,
      term: isPre ? Math.min(state.hard.term + 1, TERM_MAX) : state.hard.term,
      isPre,
      isForced,
      lastIndex: lastIndex(state.log),
      lastTerm: lastTerm(state.log),
    });
  }
  state.resendAt = now + state.config.heartbeatMs;
}

/** A voter's answer. Blank, joining and recovering nodes stay silent: they have nothing to promise. */
export function handleVote(turn: Turn, from: NodeId, message: VoteMessage): void {
  const { state } = turn;
  if (!mayVote(state)) return;
  const isNewer = message.term > state.hard.term;
  // Nobody is deposed while a quorum may still hear it (4.2.3); the leader itself asks when it handed over.
  if (isNewer && !message.isForced && hasFreshLeader(turn, from)) return answerVote(turn, from, message, false);
  if (message.isPre)
    return answerVote(turn, from, message, isNewer && isUpToDate(state.log, message.lastIndex, message.lastTerm));
  if (isNewer) becomeFollower(turn, message.term, null);
  const { hard } = state;
  // Two stand in one term, and neither may win: not a whole timeout until the next try, and one before the other.
  if (message.term === hard.term && state.role === "candidate")
    state.electionAt = Math.min(
      state.electionAt,
      turn.now + 2 * state.config.heartbeatMs + turnMsAfter(state, null) + syncsMs(state),
    );
  const isFree = hard.vote === from || (hard.vote === null && state.leader === null);
  const isGranted = message.term === hard.term && isFree && isUpToDate(state.log, message.lastIndex, message.lastTerm);
  if (isGranted) {
    if (hard.vote === null) promise(turn, { vote: from });
    becomeFollower(turn, hard.term, null);
    resetElection(state);
  }
  answerVote(turn, from, message, isGranted);
}

function answerVote(turn: Turn, to: NodeId, message: VoteMessage, isGranted: boolean): void {
  const { cluster, term } = turn.state.hard;
  assert(cluster !== null, "a voter knows its cluster");
  send(turn, to, {
    kind: "voteReply",
    cluster,
    term: isGranted ? message.term : term,
    isPre: message.isPre,
    isGranted,
  });
}

function hasFreshLeader(turn: Turn, candidate: NodeId): boolean {
  const { state, now } = turn;
  if (state.role === "leader") return true;
  return state.leader !== null && state.leader !== candidate && now - state.leaderHeardAt < state.config.electionMs;
}

/** Counts an answer to this candidate's question. */
export function handleVoteReply(turn: Turn, from: NodeId, reply: VoteReply): void {
  const { state } = turn;
  const { term } = state.hard;
  if (reply.term > term && !(reply.isPre && reply.isGranted)) return becomeFollower(turn, reply.term, null);
  const answersPreVote = state.role === "preCandidate" && reply.isPre && (!reply.isGranted || reply.term === term + 1);
  const answersVote = state.role === "candidate" && !reply.isPre && reply.term === term;
  if (!answersPreVote && !answersVote) return;
  state.votes.set(from, reply.isGranted);
  const verdict = tally(votersOf(state), state.votes);
  if (verdict === "won" && answersPreVote) startElection(turn, false);
  else if (verdict === "won") becomeLeader(turn);
  else if (verdict === "lost" && answersVote) becomeFollower(turn, term, null);
}

/** The leader handed over: stand at once, without asking whether it would be welcome. */
export function handleTimeoutNow(turn: Turn, from: NodeId, message: TimeoutNowMessage): void {
  const { state } = turn;
  if (message.term !== state.hard.term || state.leader !== from || state.role !== "follower" || !mayStand(state))
    return;
  startElection(turn, true);
}

/** The stream to the leader broke: ask around when it is this voter's turn, instead of waiting for the timeout. */
export function loseLeader(state: Raft): void {
  const turnMs = turnMsAfter(state, state.leader);
  state.leader = null;
  state.leaderHeardAt = Number.NEGATIVE_INFINITY;
  state.electionAt = Math.min(state.electionAt, state.now + turnMs);
}

/**
 * How long this voter waits before it stands for a leader that all saw go. One after the other, from the voter behind
 * that leader on: drawn at random two of them would often stand at once, and split the vote for a whole timeout. Not
 * at once, as the others may see it go a moment later; and long enough apart for the one before to ask twice.
 */
function turnMsAfter(state: Raft, gone: NodeId | null): Ms {
  const { self, heartbeatMs } = state.config;
  const voters = votersOf(state);
  const [from, own] = [gone === null ? -1 : voters.indexOf(gone), voters.indexOf(self)];
  const turns = own > from ? own - from - 1 : voters.length + own - from - 1;
  const spreadMs = Math.ceil(heartbeatMs / 4);
  return Math.max(0, turns) * 2 * heartbeatMs + spreadMs + nextBelow(state.prng, spreadMs);
}
