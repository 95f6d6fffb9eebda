// A leader's term: opening it, committing by counting, reads, changes of membership, handing over, and stepping down
// when no quorum answers. Raft 5.3, 5.4.2, 6.4; dissertation 3.10, 4, 6.2, 6.4.

import { assert } from "../base/assert.ts";
import type { Change } from "./contract.ts";
import { entryBytes, type Entry, type Membership, type Ms, type NodeId, type Payload, type Proposal } from "./entry.ts";
import { appendEntries, commitTo } from "./commit.ts";
import { INDEX_MAX } from "./limits.ts";
import { entriesAfter, lastIndex, termAt } from "./log.ts";
import { nextMembership, nextReplacement } from "./membership.ts";
import type { AppendReply, SnapshotReply } from "./messages.ts";
import { quorumValue } from "./quorum.ts";
import {
  createProgress,
  heartbeatAll,
  heartbeatAt,
  heartbeatDue,
  noteAccepted,
  noteConflict,
  noteContact,
  noteSnapshot,
  replicateAll,
  replicateTo,
  resetProgress,
  syncPeers,
  tellCommit,
} from "./replicate.ts";
import { becomeFollower, refusal, send, suspect } from "./role.ts";
import { findSession } from "./sessions.ts";
import { type Leading, membershipOf, proposalKey, type Raft, type Turn, votersOf } from "./state.ts";

/** The election is won: open the term with an entry of its own (Raft 8), so that what is before it can be committed. */
export function becomeLeader(turn: Turn): void {
  const { state, now } = turn;
  const membership = membershipOf(state);
  assert(state.role === "candidate" && membership !== null, "only a candidate wins");
  const leading: Leading = {
    startedAt: now,
    firstIndex: lastIndex(state.log) + 1,
    peers: new Map(),
    round: 0,
    reads: [],
    earlyReads: [],
    pending: new Map(),
    uncommittedBytes: 0,
    transfer: null,
  };
  for (const entry of entriesAfter(state.log, state.commit, lastIndex(state.log))) {
    leading.uncommittedBytes += entryBytes(entry);
    if (entry.payload.kind === "command") leading.pending.set(proposalKey(entry.payload), entry.index);
  }
  state.role = "leader";
  state.leader = state.config.self;
  state.leading = leading;
  state.votes.clear();
  for (const member of [...membership.voters, ...membership.learners]) {
    if (member !== state.config.self) leading.peers.set(member, createProgress(leading.firstIndex, now));
  }
  // The very first entry commits the cluster id and the voters; any other term opens with nothing.
  appendOwn(turn, leading, [leading.firstIndex === 1 ? { kind: "config", membership } : { kind: "noop" }]);
  replicateAll(turn, leading);
  advance(turn);
}

/** Steps down when no quorum answered anything sent within quorumMs: before any voter would elect another (6.2). */
export function checkQuorum(turn: Turn): void {
  const { state, now } = turn;
  if (state.leading === null || now < quorumDeadline(state, state.leading)) return;
  becomeFollower(turn, state.hard.term, null);
}

/** When the leader steps down unless a quorum answers. Out: ms, Infinity for a lone voter. */
export function quorumDeadline(state: Raft, leading: Leading): Ms {
  return Math.max(quorumContactAt(state, leading), leading.startedAt) + state.config.quorumMs;
}

/** When the newest message was sent that a quorum answered. */
export function quorumContactAt(state: Raft, leading: Leading): Ms {
  const { self } = state.config;
  return quorumValue(votersOf(state), (voter) =>
    voter === self ? Number.POSITIVE_INFINITY : (leading.peers.get(voter)?.contactAt ?? Number.NEGATIVE_INFINITY),
  );
}

/** A leader's timers. */
export function tickLeader(turn: Turn, leading: Leading): void {
  const { now } = turn;
  if (leading.transfer !== null && now >= leading.transfer.deadlineAt) {
    turn.effects.push({ kind: "transfer", outcome: { kind: "aborted", to: leading.transfer.to } });
    leading.transfer = null;
  }
  if (now >= heartbeatAt(turn.state, leading)) heartbeatDue(turn, leading);
}

/** Takes what it can of the proposals into the log, in order; each is answered. */
export function propose(turn: Turn, proposals: readonly Proposal[]): void {
  const { state } = turn;
  const { leading } = state;
  assert(proposals.length <= state.config.limits.batchMax, "a batch within its bound");
  const payloads: Payload[] = [];
  const first = lastIndex(state.log) + 1;
  const { term } = state.hard;
  let bytes = 0;
  for (const proposal of proposals) {
    const { client, sequence } = proposal;
    const known = leading === null ? null : knownOutcome(state, leading, proposal);
    const refused =
      leading === null
        ? refusal(state, "notLeader")
        : refuseProposal(state, leading, { proposal, count: payloads.length, bytes });
    if (known !== null || refused !== null) {
      turn.effects.push({ kind: "proposal", client, sequence, outcome: known ?? refused ?? refusal(state, "busy") });
      continue;
    }
    const index = first + payloads.length;
    const { since, command } = proposal;
    payloads.push({ kind: "command", client, sequence, since, command });
    bytes += proposal.command.length;
    leading?.pending.set(proposalKey(proposal), index);
    turn.effects.push({ kind: "proposal", client, sequence, outcome: { kind: "appended", index, term } });
  }
  if (leading === null || payloads.length === 0) return;
  // The answers above say "appended", not "committed": they promise nothing, so they may precede the persist.
  appendOwn(turn, leading, payloads);
  replicateAll(turn, leading);
  advance(turn);
}

type ProposalOutcome = Extract<Turn["effects"][number], { kind: "proposal" }>["outcome"];

/** The proposal is in the log or applied already, or can no longer be told from one that was. */
function knownOutcome(state: Raft, leading: Leading, proposal: Proposal): ProposalOutcome | null {
  const verdict = findSession(state.sessions, proposal);
  if (verdict.kind === "applied") return { kind: "duplicate", index: verdict.index };
  if (verdict.kind === "expired") return refusal(state, "expired");
  const index = leading.pending.get(proposalKey(proposal));
  // Not in the log yet: it came earlier in this batch.
  return index === undefined ? null : { kind: "pending", index, term: termAt(state.log, index) ?? state.hard.term };
}

function refuseProposal(
  state: Raft,
  leading: Leading,
  asked: { readonly proposal: Proposal; readonly count: number; readonly bytes: number },
): ProposalOutcome | null {
  const { limits } = state.config;
  const { command } = asked.proposal;
  if (command.length > limits.commandBytesMax) return refusal(state, "tooLarge");
  if (leading.transfer !== null) return refusal(state, "transferring");
  const uncommitted = lastIndex(state.log) - state.commit + asked.count;
  const isFull =
    uncommitted >= limits.uncommittedEntriesMax ||
    leading.uncommittedBytes + asked.bytes + command.length > limits.uncommittedBytesMax ||
    state.log.entries.length + asked.count >= limits.logEntriesMax;
  return isFull ? refusal(state, "busy") : null;
}

/** Appends entries of this term to the leader's own log. */
function appendOwn(turn: Turn, leading: Leading, payloads: readonly Payload[]): void {
  const { state } = turn;
  const first = lastIndex(state.log) + 1;
  assert(first + payloads.length <= INDEX_MAX, "indexes stay exact");
  const entries: Entry[] = payloads.map((payload, at) => ({ index: first + at, term: state.hard.term, payload }));
  appendEntries(turn, entries);
  for (const entry of entries) leading.uncommittedBytes += entryBytes(entry);
  if (payloads.some((payload) => payload.kind === "config")) syncPeers(state, leading);
}

/** Confirms leadership by a round of answers begun after the question (read-index, 6.4); no clock is trusted. */
export function read(turn: Turn, ids: readonly string[]): void {
  const { state } = turn;
  const { leading } = state;
  const { readsMax } = state.config.limits;
  if (leading === null || leading.transfer !== null) {
    turn.effects.push({
      kind: "readRefused",
      ids,
      outcome: refusal(state, leading === null ? "notLeader" : "transferring"),
    });
    return;
  }
  const waiting = leading.earlyReads.length + leading.reads.reduce((sum, one) => sum + one.ids.length, 0);
  if (waiting + ids.length > readsMax) {
    turn.effects.push({ kind: "readRefused", ids, outcome: refusal(state, "busy") });
    return;
  }
  // Before its first entry is committed a leader does not know what is (6.4, step 1).
  if (state.commit < leading.firstIndex) leading.earlyReads.push(...ids);
  else openRound(turn, leading, ids);
}

function openRound(turn: Turn, leading: Leading, ids: readonly string[]): void {
  leading.reads.push({ ids, index: turn.state.commit, round: leading.round + 1 });
  heartbeatAll(turn, leading);
  releaseReads(turn, leading);
}

function releaseReads(turn: Turn, leading: Leading): void {
  if (leading.reads.length === 0) return;
  const { state } = turn;
  const { self } = state.config;
  const round = quorumValue(votersOf(state), (voter) =>
    voter === self ? Number.POSITIVE_INFINITY : (leading.peers.get(voter)?.ackedRound ?? 0),
  );
  while (leading.reads[0] !== undefined && leading.reads[0].round <= round) {
    const { ids, index } = leading.reads[0];
    leading.reads.shift();
    turn.effects.push({ kind: "readReady", ids, index });
  }
}

/**
 * Starts a change of membership. Only one at a time, and not before an entry of this term is committed (the 2015
 * erratum).
 */
export function change(turn: Turn, id: string, wanted: Change): void {
  const { state } = turn;
  const { leading } = state;
  const membership = membershipOf(state);
  if (leading === null || membership === null) return answerChange(turn, id, refusal(state, "notLeader"));
  if (leading.transfer !== null) return answerChange(turn, id, refusal(state, "transferring"));
  if (!mayChange(state, leading)) return answerChange(turn, id, refusal(state, "pending"));
  const rules = { limits: state.config.limits, hasCaughtUp: (node: NodeId) => hasCaughtUp(state, leading, node) };
  const verdict = nextMembership(membership, wanted, rules);
  if (verdict.kind === "no") return answerChange(turn, id, refusal(state, verdict.reason));
  answerChange(turn, id, { kind: "appended", index: lastIndex(state.log) + 1 });
  appendMembership(turn, leading, verdict.membership);
  advance(turn);
}

function answerChange(
  turn: Turn,
  id: string,
  outcome: Extract<Turn["effects"][number], { kind: "change" }>["outcome"],
): void {
  turn.effects.push({ kind: "change", id, outcome });
}

function mayChange(state: Raft, leading: Leading): boolean {
  return state.commit >= leading.firstIndex && (state.memberships.at(-1)?.index ?? 0) <= state.commit;
}

/**
 * A learner may become a voter when it is a full member by its own word (it saw itself become a learner: no wiped
 * disk under an old name does) and is within the lag.
 */
function hasCaughtUp(state: Raft, leading: Leading, node: NodeId): boolean {
  const progress = leading.peers.get(node);
  if (progress === undefined || !progress.counts) return false;
  return progress.mode === "replicate" && lastIndex(state.log) - progress.acked <= state.config.limits.promoteLagMax;
}

function appendMembership(turn: Turn, leading: Leading, membership: Membership): void {
  appendOwn(turn, leading, [{ kind: "config", membership }]);
  replicateAll(turn, leading);
}

/**
 * Hands leadership to `wanted`, or to the voter that is furthest: no new proposals until it stood or the time is
 * over.
 */
export function transfer(turn: Turn, wanted: NodeId | null): void {
  const { state, now } = turn;
  const { leading } = state;
  if (leading === null) return refuseTransfer(turn, "notLeader");
  if (leading.transfer !== null) return refuseTransfer(turn, "transferring");
  const to = wanted ?? furthestVoter(state, leading);
  if (to === null || to === state.config.self || !votersOf(state).includes(to))
    return refuseTransfer(turn, "unknownNode");
  leading.transfer = { to, deadlineAt: now + state.config.electionMs, isSent: false };
  turn.effects.push({ kind: "transfer", outcome: { kind: "started", to } });
  advance(turn);
}

function refuseTransfer(turn: Turn, reason: "notLeader" | "transferring" | "unknownNode"): void {
  turn.effects.push({ kind: "transfer", outcome: refusal(turn.state, reason) });
}

function furthestVoter(state: Raft, leading: Leading): NodeId | null {
  let best: NodeId | null = null;
  let bestAcked = -1;
  for (const voter of votersOf(state)) {
    const progress = leading.peers.get(voter);
    if (progress === undefined || !progress.counts || progress.acked <= bestAcked) continue;
    best = voter;
    bestAcked = progress.acked;
  }
  return best;
}

/** The answer of a member to an append of this term. */
export function handleAppendReply(turn: Turn, from: NodeId, reply: AppendReply): void {
  const { state } = turn;
  const leading = state.leading;
  const progress = leading?.peers.get(from);
  if (leading === null || progress === undefined) return;
  if (reply.index > lastIndex(state.log) || reply.round > leading.round)
    return suspect(turn, from, "answers what was never sent");
  noteContact(turn, progress, reply);
  if (reply.isAccepted) noteAccepted(turn, progress, reply);
  else noteConflict(turn, progress, reply);
  advance(turn);
  if (state.leading !== leading) return;
  replicateTo(turn, leading, { peer: from, progress });
  tellCommit(turn, leading, { peer: from, progress });
}

/** The answer of a member to a chunk of a snapshot. */
export function handleSnapshotReply(turn: Turn, from: NodeId, reply: SnapshotReply): void {
  const { state } = turn;
  const leading = state.leading;
  const progress = leading?.peers.get(from);
  if (leading === null || progress === undefined) return;
  if (reply.round > leading.round) return suspect(turn, from, "answers what was never sent");
  noteContact(turn, progress, reply);
  noteSnapshot(turn, from, progress, reply);
  advance(turn);
  if (state.leading === leading) replicateTo(turn, leading, { peer: from, progress });
}

/** The stream to a member broke. */
export function handlePeerReset(leading: Leading, peer: NodeId): void {
  const progress = leading.peers.get(peer);
  if (progress !== undefined) resetProgress(progress);
}

/** After anything changed: commit what a majority holds, then whatever waited for it. May end the leadership. */
function advance(turn: Turn): void {
  const { state } = turn;
  const leading = state.leading;
  assert(leading !== null, "only a leader advances");
  commitByCounting(turn, leading);
  if (state.commit >= leading.firstIndex && leading.earlyReads.length > 0)
    openRound(turn, leading, leading.earlyReads.splice(0));
  releaseReads(turn, leading);
  continueReplacement(turn, leading);
  if (leading.transfer !== null) continueTransfer(turn, leading);
  const hasLeft = mayChange(state, leading) && !votersOf(state).includes(state.config.self);
  if (hasLeft) leave(turn, leading);
}

/** Only an entry of the leader's own term is committed by counting; those before it follow (Raft 5.4.2). */
function commitByCounting(turn: Turn, leading: Leading): void {
  const { state } = turn;
  // Most answers are to heartbeats: there is nothing to commit.
  if (state.commit === lastIndex(state.log)) return;
  const { self } = state.config;
  const held = quorumValue(votersOf(state), (voter) =>
    voter === self ? lastIndex(state.log) : (leading.peers.get(voter)?.acked ?? 0),
  );
  if (held <= state.commit || termAt(state.log, held) !== state.hard.term) return;
  commitTo(turn, held);
  for (const [peer, progress] of leading.peers) tellCommit(turn, leading, { peer, progress });
}

function continueReplacement(turn: Turn, leading: Leading): void {
  const { state } = turn;
  const membership = membershipOf(state);
  if (membership === null || !mayChange(state, leading) || leading.transfer !== null) return;
  const following = nextReplacement(membership, (node) => hasCaughtUp(state, leading, node));
  if (following === null) return;
  appendMembership(turn, leading, following);
  commitByCounting(turn, leading);
}

function continueTransfer(turn: Turn, leading: Leading): void {
  const { state } = turn;
  const { transfer: current } = leading;
  if (current === null || current.isSent || state.hard.cluster === null) return;
  if (leading.peers.get(current.to)?.acked !== lastIndex(state.log)) return;
  leading.transfer = { ...current, isSent: true };
  send(turn, current.to, { kind: "timeoutNow", cluster: state.hard.cluster, term: state.hard.term });
}

/** A leader that is no voter any more leads until that is committed, then lets the furthest voter stand (4.2.2). */
function leave(turn: Turn, leading: Leading): void {
  const { state } = turn;
  const successor = furthestVoter(state, leading);
  // The others learn that the change is committed before they are left alone.
  heartbeatAll(turn, leading);
  if (successor !== null && state.hard.cluster !== null) {
    send(turn, successor, { kind: "timeoutNow", cluster: state.hard.cluster, term: state.hard.term });
  }
  becomeFollower(turn, state.hard.term, null);
}
