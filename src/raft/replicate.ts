// A leader's side of replication: one Progress per member, appends in a window, heartbeats, snapshots in chunks.
// Sends only; what answers mean for commitment is in lead.ts. Raft 5.3; probe / replicate / snapshot as in
// etcd-io/raft.

import { assert } from "../base/assert.ts";
import { entryBytes, type Index, type Ms, type NodeId } from "./entry.ts";
import { agreeAt, batchAfter, lastIndex, termAt } from "./log.ts";
import { type AppendMessage, type AppendReply, NO_ROUND, type SnapshotReply } from "./messages.ts";
import { send, suspect } from "./role.ts";
import { type Leading, membershipOf, type Progress, type Raft, type Turn } from "./state.ts";

/** A member whose log is taken to equal the leader's until it says otherwise. `now`: its heartbeats count from here. */
export function createProgress(next: Index, now: Ms): Progress {
  return {
    mode: "probe",
    match: 0,
    acked: 0,
    next,
    isProbing: false,
    inflight: [],
    inflightBytes: 0,
    toldCommit: 0,
    askedAt: now,
    contactAt: Number.NEGATIVE_INFINITY,
    ackedRound: 0,
    heardRound: 0,
    counts: false,
    sending: null,
  };
}

/** Members come and go with the membership in force. */
export function syncPeers(state: Raft, leading: Leading): void {
  const membership = membershipOf(state);
  assert(membership !== null, "a leader knows its membership");
  const members = [...membership.voters, ...membership.learners];
  for (const peer of leading.peers.keys()) if (!members.includes(peer)) leading.peers.delete(peer);
  for (const member of members) {
    if (member !== state.config.self && !leading.peers.has(member))
      leading.peers.set(member, createProgress(lastIndex(state.log) + 1, state.now));
  }
}

/** Everything that may go to every member now. */
export function replicateAll(turn: Turn, leading: Leading): void {
  for (const [peer, progress] of leading.peers) replicateTo(turn, leading, { peer, progress });
}

/** Appends (or chunks) to one member as far as its window allows. */
export function replicateTo(
  turn: Turn,
  leading: Leading,
  to: { readonly peer: NodeId; readonly progress: Progress },
): void {
  const { state } = turn;
  const { peer, progress } = to;
  const { limits } = state.config;
  if (progress.mode === "snapshot") return sendChunks(turn, leading, to);
  if (termAt(state.log, progress.next - 1) === null) return startSnapshot(turn, leading, to);
  while (progress.next <= lastIndex(state.log)) {
    if (progress.mode === "probe" && progress.isProbing) return;
    if (progress.inflight.length >= limits.inflightMessagesMax || progress.inflightBytes >= limits.inflightBytesMax)
      return;
    const entries = batchAfter(state.log, progress.next - 1, {
      bytesMax: limits.appendBytesMax,
      entriesMax: limits.appendEntriesMax,
    });
    const last = entries.at(-1);
    assert(last !== undefined, "there is something to send");
    sendAppend(turn, leading, { peer, progress, previous: progress.next - 1, entries });
    if (progress.mode === "probe") {
      progress.isProbing = true;
      return;
    }
    const bytes = entries.reduce((sum, entry) => sum + entryBytes(entry), 0);
    progress.inflight.push({ index: last.index, bytes });
    progress.inflightBytes += bytes;
    progress.next = last.index + 1;
  }
}

/**
 * When a member is due for a heartbeat. An append with entries is one, too: it is answered, and finds what was lost
 * before it. Out: ms, Infinity without members.
 */
export function heartbeatAt({ config }: Raft, leading: Leading): Ms {
  let askedAt = Number.POSITIVE_INFINITY;
  for (const progress of leading.peers.values()) askedAt = Math.min(askedAt, progress.askedAt);
  return askedAt + config.heartbeatMs;
}

/** A heartbeat to every member that is due, and to those that would be soon: they keep step. */
export function heartbeatDue(turn: Turn, leading: Leading): void {
  const { heartbeatMs } = turn.state.config;
  for (const [peer, progress] of leading.peers)
    if (turn.now - progress.askedAt >= heartbeatMs / 2) heartbeat(turn, leading, { peer, progress });
}

/** A heartbeat to every member now: it opens a round. */
export function heartbeatAll(turn: Turn, leading: Leading): void {
  for (const [peer, progress] of leading.peers) heartbeat(turn, leading, { peer, progress });
}

/**
 * An append without entries: it keeps the member from standing, opens a round, and finds what was lost on the way (its
 * previous index is the end of all that was sent).
 */
function heartbeat(
  turn: Turn,
  leading: Leading,
  { peer, progress }: { readonly peer: NodeId; readonly progress: Progress },
): void {
  const { state, now } = turn;
  const { sending } = progress;
  // Chunks come in order or are sent again from what is held; four of them move within this time on any link worth
  // having.
  if (sending !== null && now - sending.movedAt >= 3 * state.config.heartbeatMs) {
    sending.sent = sending.held;
    sending.isStarted = sending.held > 0;
    sending.movedAt = now;
  }
  sendAppend(turn, leading, { peer, progress, previous: endSent(state, progress), entries: [] });
  replicateTo(turn, leading, { peer, progress });
}

/**
 * Tells a member what is committed, at once, when no append is under way or due that would: else it would apply what
 * it holds only with the next heartbeat, and whoever waits there for an answer with it. Nobody waits for its answer:
 * should the message be lost, the next heartbeat says the same.
 */
export function tellCommit(
  turn: Turn,
  leading: Leading,
  { peer, progress }: { readonly peer: NodeId; readonly progress: Progress },
): void {
  const { state } = turn;
  const isFollowed = progress.inflight.length > 0 || progress.next <= lastIndex(state.log);
  if (progress.mode !== "replicate" || isFollowed || progress.toldCommit >= state.commit) return;
  sendAppend(turn, leading, { peer, progress, previous: endSent(state, progress), entries: [], isTold: true });
}

/** The end of all that was sent to the member, or of what the log no longer holds. */
function endSent({ log }: Raft, progress: Progress): Index {
  return progress.mode === "snapshot" ? log.baseIndex : Math.max(progress.next - 1, log.baseIndex);
}

function sendAppend(
  turn: Turn,
  leading: Leading,
  append: {
    readonly peer: NodeId;
    readonly progress: Progress;
    readonly previous: Index;
    readonly entries: AppendMessage["entries"];
    /** It asks for no answer. */
    readonly isTold?: boolean;
  },
): void {
  const { state } = turn;
  const { cluster, term } = state.hard;
  const prevTerm = termAt(state.log, append.previous);
  assert(cluster !== null && prevTerm !== null, "a leader sends from what it holds");
  const isTold = append.isTold === true;
  if (!isTold) {
    leading.round++;
    append.progress.askedAt = turn.now;
  }
  append.progress.toldCommit = state.commit;
  send(turn, append.peer, {
    kind: "append",
    cluster,
    term,
    round: isTold ? NO_ROUND : leading.round,
    sentAtMs: turn.now,
    prevIndex: append.previous,
    prevTerm,
    commit: state.commit,
    entries: append.entries,
  });
}

function startSnapshot(turn: Turn, leading: Leading, to: { readonly peer: NodeId; readonly progress: Progress }): void {
  const { snapshot, log } = turn.state;
  assert(snapshot !== null && snapshot.index >= log.baseIndex, "what the log lacks the snapshot has");
  clearInflight(to.progress);
  to.progress.mode = "snapshot";
  to.progress.sending = { snapshot, sent: 0, held: 0, isStarted: false, movedAt: turn.now };
  sendChunks(turn, leading, to);
}

function sendChunks(turn: Turn, leading: Leading, to: { readonly peer: NodeId; readonly progress: Progress }): void {
  const { sending } = to.progress;
  const {
    hard,
    config: { limits },
  } = turn.state;
  assert(sending !== null && hard.cluster !== null, "a snapshot is being sent");
  const { snapshot } = sending;
  const size = snapshot.bytes.length;
  // An empty snapshot is one empty chunk.
  while (
    (!sending.isStarted || sending.sent < size) &&
    sending.sent - sending.held < limits.snapshotWindowChunks * limits.snapshotChunkBytes
  ) {
    const offset = sending.sent;
    const chunk = snapshot.bytes.slice(offset, offset + limits.snapshotChunkBytes);
    leading.round++;
    send(turn, to.peer, {
      kind: "snapshot",
      cluster: hard.cluster,
      term: hard.term,
      round: leading.round,
      sentAtMs: turn.now,
      index: snapshot.index,
      indexTerm: snapshot.term,
      size,
      offset,
      chunk,
      head: offset === 0 ? { membership: snapshot.membership, sessions: snapshot.sessions } : null,
    });
    sending.sent += chunk.length;
    sending.isStarted = true;
  }
}

/** A member answered something of this term: the newest question it answered, if it is a full voter or learner. */
export function noteContact(
  turn: Turn,
  progress: Progress,
  reply: { readonly round: number; readonly sentAtMs: Ms; readonly counts: boolean },
): void {
  if (reply.round >= progress.heardRound) {
    progress.heardRound = reply.round;
    progress.counts = reply.counts;
  }
  if (!reply.counts) return;
  // The echo is the leader's own clock; it cannot lie in the future.
  progress.contactAt = Math.max(progress.contactAt, Math.min(reply.sentAtMs, turn.now));
  progress.ackedRound = Math.max(progress.ackedRound, reply.round);
}

/** The member's log equals this one up to reply.index. */
export function noteAccepted(turn: Turn, progress: Progress, reply: AppendReply): void {
  const { log } = turn.state;
  progress.match = Math.max(progress.match, reply.index);
  if (reply.counts) progress.acked = Math.max(progress.acked, reply.index);
  const isInstalled = progress.sending === null || progress.match >= progress.sending.snapshot.index;
  if (!isInstalled && termAt(log, progress.match) === null) return;
  // An installed snapshot may be older than the log by now; then the next one is sent from here.
  if (progress.mode !== "replicate") {
    progress.mode = "replicate";
    progress.sending = null;
    progress.next = progress.match + 1;
    clearInflight(progress);
    return;
  }
  while (progress.inflight[0] !== undefined && progress.inflight[0].index <= reply.index) {
    progress.inflightBytes -= progress.inflight.shift()?.bytes ?? 0;
  }
  progress.next = Math.max(progress.next, progress.match + 1);
}

/** The member's log differs at reply.index: go back to where both can agree. Late answers change nothing. */
export function noteConflict(turn: Turn, progress: Progress, reply: AppendReply): void {
  const { log } = turn.state;
  // A voter that lost its log says so: what it held before is no longer there to build on.
  if (!reply.counts && reply.round >= progress.heardRound) progress.match = Math.min(progress.match, reply.hintIndex);
  if (progress.mode === "snapshot" || reply.index <= progress.match) return;
  if (progress.mode === "probe" && reply.index !== progress.next - 1) return;
  const agreed = agreeAt(log, Math.min(reply.hintIndex, reply.index - 1), reply.hintTerm);
  progress.mode = "probe";
  progress.isProbing = false;
  clearInflight(progress);
  progress.next = Math.max(progress.match, Math.min(agreed.index, lastIndex(log))) + 1;
}

/** The member holds that much of the snapshot. It may hold less than before, by its newest word: it restarted. */
export function noteSnapshot(turn: Turn, from: NodeId, progress: Progress, reply: SnapshotReply): void {
  const { sending } = progress;
  if (sending === null || sending.snapshot.index !== reply.index || reply.held === sending.held) return;
  if (reply.held > sending.snapshot.bytes.length)
    return suspect(turn, from, "holds more of the snapshot than there is");
  if (reply.held < sending.held) {
    if (reply.round < progress.heardRound) return;
    sending.sent = reply.held;
    sending.isStarted = reply.held > 0;
  }
  sending.held = reply.held;
  sending.sent = Math.max(sending.sent, reply.held);
  sending.movedAt = turn.now;
}

/** The stream to the member broke: nothing in flight will arrive. */
export function resetProgress(progress: Progress): void {
  clearInflight(progress);
  progress.isProbing = false;
  if (progress.mode === "replicate") {
    progress.mode = "probe";
    progress.next = progress.match + 1;
  }
  if (progress.sending !== null) {
    progress.sending.sent = progress.sending.held;
    progress.sending.isStarted = progress.sending.held > 0;
  }
}

function clearInflight(progress: Progress): void {
  progress.inflight = [];
  progress.inflightBytes = 0;
}
