// Committed entries: handed to the state machine once each, memberships noted, snapshots asked for, taken and
// installed.

import { assert } from "../base/assert.ts";
import type { CommandEntry } from "./contract.ts";
import { entryBytes, type Entry, type Index, type Membership, type Snapshot } from "./entry.ts";
import { appendLog, compactLog, entriesAfter, lastIndex, termAt, truncateLog } from "./log.ts";
import { refusal } from "./role.ts";
import { exportSessions, findSession, importSessions, recordSession } from "./sessions.ts";
import { proposalKey, type Raft, type Turn } from "./state.ts";

/** Appends entries durably; memberships among them are in force at once (dissertation 4.1). */
export function appendEntries(turn: Turn, entries: readonly Entry[]): void {
  const { state } = turn;
  if (entries.length === 0) return;
  turn.effects.push({ kind: "persist", record: { kind: "entries", entries } });
  appendLog(state.log, entries);
  for (const { index, payload } of entries) {
    if (payload.kind === "config") state.memberships.push({ index, membership: payload.membership });
  }
}

/** Voids entries from `from` on, durably; a membership among them is no longer in force. */
export function truncateEntries(turn: Turn, from: Index): void {
  const { state } = turn;
  assert(from > state.commit, "what is committed stays");
  turn.effects.push({ kind: "persist", record: { kind: "truncate", from } });
  truncateLog(state.log, from);
  state.memberships = state.memberships.filter(({ index }) => index < from);
}

/**
 * Raises the commit index and hands the commands to the state machine. In: an index held. Lower ones change nothing.
 */
export function commitTo(turn: Turn, through: Index): void {
  const { state } = turn;
  if (through <= state.commit) return;
  assert(through <= lastIndex(state.log), "what is committed is held");
  const commands: CommandEntry[] = [];
  const entries = entriesAfter(state.log, state.commit, through);
  for (const entry of entries) {
    const { index, term, payload } = entry;
    if (payload.kind === "config") turn.effects.push({ kind: "membership", index, membership: payload.membership });
    if (payload.kind === "command") {
      const { client, sequence, since, command } = payload;
      applyCommand(turn, { index, term, client, sequence, since, command }, commands);
    }
    if (state.leading !== null) state.leading.uncommittedBytes -= entryBytes(entry);
  }
  state.commit = through;
  turn.effects.push({ kind: "commit", commands, through });
  if (isSnapshotDue(state)) askSnapshot(turn);
}

function applyCommand(turn: Turn, entry: CommandEntry, commands: CommandEntry[]): void {
  const { state } = turn;
  const { index, client, sequence } = entry;
  const verdict = findSession(state.sessions, entry);
  state.leading?.pending.delete(proposalKey(entry));
  if (verdict.kind === "fresh") {
    recordSession(state.sessions, { client, sequence, index }, state.config.limits);
    commands.push(entry);
    return;
  }
  if (state.role !== "leader") return;
  const outcome =
    verdict.kind === "applied" ? { kind: "duplicate" as const, index: verdict.index } : refusal(state, "expired");
  turn.effects.push({ kind: "proposal", client, sequence, outcome });
}

function isSnapshotDue(state: Raft): boolean {
  const { limits } = state.config;
  if (state.snapshotAsked !== null) return false;
  return (
    state.commit - (state.snapshot?.index ?? 0) >= limits.snapshotEntries || state.log.bytes >= limits.snapshotLogBytes
  );
}

/** Asks the state machine for its bytes as of now; the rest of the snapshot is kept as of the same index. */
export function askSnapshot(turn: Turn): void {
  const { state } = turn;
  const membership = membershipAt(state, state.commit);
  const term = termAt(state.log, state.commit);
  if (
    state.snapshotAsked !== null ||
    membership === null ||
    term === null ||
    state.commit <= (state.snapshot?.index ?? 0)
  )
    return;
  state.snapshotAsked = { index: state.commit, term, membership, sessions: exportSessions(state.sessions) };
  turn.effects.push({ kind: "takeSnapshot", index: state.commit });
}

/** The state machine answered: the snapshot is made durable and the log before it shortened. */
export function takeSnapshot(turn: Turn, index: Index, bytes: Uint8Array): void {
  const { state } = turn;
  assert(bytes.length <= state.config.limits.snapshotBytesMax, "the state machine keeps its size bound");
  const asked = state.snapshotAsked;
  // An installed snapshot overtook it.
  if (asked === null || asked.index !== index) return;
  state.snapshotAsked = null;
  state.snapshot = { ...asked, bytes };
  turn.effects.push({ kind: "persist", record: { kind: "snapshot", snapshot: state.snapshot, dropsLog: false } });
  compactLog(state.log, trailingFrom(state, index));
  const kept = membershipRecordAt(state, index);
  state.memberships = state.memberships.filter((record) => record === kept || record.index > index);
}

/** Up to where the log may go when there is a snapshot at `index`. */
function trailingFrom(state: Raft, index: Index): Index {
  const { limits } = state.config;
  // Large entries: what trails behind must not be what calls for the next snapshot.
  if (state.log.bytes > limits.snapshotLogBytes / 2) return index;
  let from = Math.max(0, index - limits.trailingEntries);
  // A member that is being sent an older snapshot needs what follows it, or it would never be done.
  if (state.log.entries.length > limits.logEntriesMax / 2) return from;
  for (const { sending } of state.leading?.peers.values() ?? []) from = Math.min(from, sending?.snapshot.index ?? from);
  return from;
}

/** A leader's snapshot takes the place of everything held. In: one beyond the commit index. */
export function installSnapshot(turn: Turn, snapshot: Snapshot): void {
  const { state } = turn;
  assert(snapshot.index > state.commit, "a snapshot only moves forward");
  turn.effects.push({ kind: "persist", record: { kind: "snapshot", snapshot, dropsLog: true } });
  state.snapshot = snapshot;
  state.snapshotAsked = null;
  state.log.baseIndex = snapshot.index;
  state.log.baseTerm = snapshot.term;
  state.log.entries = [];
  state.log.bytes = 0;
  state.memberships = [{ index: snapshot.index, membership: snapshot.membership }];
  state.sessions = importSessions(snapshot.sessions);
  state.commit = snapshot.index;
  turn.effects.push({ kind: "installSnapshot", snapshot });
}

function membershipAt(state: Raft, index: Index): Membership | null {
  return membershipRecordAt(state, index)?.membership ?? null;
}

function membershipRecordAt(state: Raft, index: Index): Raft["memberships"][number] | undefined {
  return state.memberships.findLast((record) => record.index <= index);
}
