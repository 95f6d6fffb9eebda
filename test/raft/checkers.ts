// What must hold after every step of every node, whatever the faults (Raft figure 3, and this project's own promises).
// Each violation throws with the virtual time; none of it looks at how the core decides.

import { majority } from "../../src/raft/quorum.ts";
import type { Entry, NodeId, RaftEffect, RaftEvent } from "../../src/raft/raft.ts";
import { type Cluster, type Node, text } from "./cluster.ts";

export type Watch = {
  readonly leaderOf: Map<number, NodeId>;
  /** "index term" -> term before and payload: equal everywhere by the log matching property. */
  readonly written: Map<string, string>;
  /** By index: term and payload of what any node committed. */
  readonly committed: Map<number, { readonly term: number; readonly payload: string }>;
  committedMax: number;
  /** "client sequence" -> index at which it was applied. */
  readonly appliedAt: Map<string, number>;
  readonly reads: Map<string, number>;
  /**
   * Off once a fault (a reset stream, a handed-over leadership) lets a new leader come before the old one timed out.
   */
  areLeasesChecked: boolean;
  /** Off once a disk lost something: what a voter acknowledged may be gone from it. */
  areCopiesChecked: boolean;
  /** How often each interesting thing happened. */
  readonly seen: Map<string, number>;
};

export class Violation extends Error {
  override readonly name = "Violation";
}

/** Attaches all checkers to a cluster. */
export function watch(cluster: Cluster): Watch {
  const watched: Watch = {
    leaderOf: new Map(),
    written: new Map(),
    committed: new Map(),
    committedMax: 0,
    appliedAt: new Map(),
    reads: new Map(),
    areLeasesChecked: true,
    areCopiesChecked: true,
    seen: new Map(),
  };
  cluster.observers.push((_, node, event, effects) => {
    checkPromises(cluster, node, effects);
    checkWritten(watched, cluster, node, effects);
    checkLeader(watched, cluster, node);
    checkCommits(watched, cluster, node, effects);
    checkReads(watched, cluster, node, event, effects);
    checkLeases(watched, cluster);
    checkMembership(cluster, node);
    checkChanges(cluster, node, effects);
    checkBounds(cluster, node);
    countSeen(watched, node, event, effects);
  });
  return watched;
}

export function note(watched: Pick<Watch, "seen">, what: string, count = 1): void {
  watched.seen.set(what, (watched.seen.get(what) ?? 0) + count);
}

function violate(cluster: Cluster, node: Node, textOf: string): never {
  throw new Violation(`${Math.round(cluster.now)} ms, ${node.id}: ${textOf}`);
}

function payloadKey(entry: Entry): string {
  const { payload } = entry;
  if (payload.kind === "command") return `${payload.client} ${payload.sequence} ${text(payload.command)}`;
  return payload.kind === "noop" ? "noop" : `config ${JSON.stringify(payload.membership)}`;
}

/** Terms only rise, and a node votes once in a term. */
function checkPromises(cluster: Cluster, node: Node, effects: readonly RaftEffect[]): void {
  for (const effect of effects) {
    if (effect.kind !== "persist" || effect.record.kind !== "hard") continue;
    const { term, vote } = effect.record.hard;
    const before = node.durable.hard;
    if (term < before.term) violate(cluster, node, `term falls to ${term}`);
    if (term === before.term && before.vote !== null && vote !== before.vote)
      violate(cluster, node, `votes for ${before.vote} and ${vote} in term ${term}`);
  }
  const durable = { term: node.durable.hard.term, vote: node.durable.hard.vote };
  for (const effect of effects) {
    if (effect.kind === "persist" && effect.record.kind === "hard")
      Object.assign(durable, { term: effect.record.hard.term, vote: effect.record.hard.vote });
    if (effect.kind !== "send") continue;
    const { message } = effect;
    // Durable before it leaves: the vote, and the term of whatever is said.
    const isVote = message.kind === "voteReply" && message.isGranted && !message.isPre;
    if (isVote && (durable.term !== message.term || durable.vote !== effect.to))
      violate(cluster, node, "a vote leaves before it is durable");
    if ((message.kind === "append" || message.kind === "appendReply") && durable.term < message.term)
      violate(cluster, node, "a term leaves before it is durable");
  }
}

/** Log matching (5.3): an index and a term name one entry and one past. */
function checkWritten(watched: Watch, cluster: Cluster, node: Node, effects: readonly RaftEffect[]): void {
  let previous: number | null = null;
  const { durable } = node;
  const held = durable.entries.at(-1) ?? durable.snapshot;
  let end: { index: number; term: number } | null = held;
  for (const effect of effects) {
    if (effect.kind !== "persist") continue;
    const { record } = effect;
    if (record.kind === "truncate")
      end = durable.entries.findLast((entry) => entry.index < record.from) ?? durable.snapshot;
    if (record.kind === "snapshot" && record.dropsLog) end = record.snapshot;
    if (record.kind !== "entries") continue;
    for (const entry of record.entries) {
      if (end !== null && entry.index !== end.index + 1)
        violate(cluster, node, `writes ${entry.index} after ${end.index}`);
      previous = end?.term ?? 0;
      const key = `${entry.index} ${entry.term}`;
      const value = `${previous} ${payloadKey(entry)}`;
      const before = watched.written.get(key);
      if (before !== undefined && before !== value)
        violate(cluster, node, `entry ${key} is "${value}" here and "${before}" elsewhere`);
      watched.written.set(key, value);
      end = entry;
    }
  }
}

/** Election safety (5.2) and leader completeness (5.4). */
function checkLeader(watched: Watch, cluster: Cluster, node: Node): void {
  const { state } = node;
  if (state === null || state.role !== "leader") return;
  const { term } = state.hard;
  const before = watched.leaderOf.get(term);
  if (before === node.id) return;
  if (before !== undefined) violate(cluster, node, `leads term ${term} beside ${before}`);
  watched.leaderOf.set(term, node.id);
  for (const [index, committed] of watched.committed) {
    if (index <= state.log.baseIndex || committed.term > term) continue;
    const entry = state.log.entries[index - state.log.baseIndex - 1];
    if (entry?.term !== committed.term)
      violate(cluster, node, `leads term ${term} without committed entry ${index} of term ${committed.term}`);
  }
}

/** State machine safety (5.4.3): every node applies the same at each index, each proposal once; copies exist. */
function checkCommits(watched: Watch, cluster: Cluster, node: Node, effects: readonly RaftEffect[]): void {
  const { state } = node;
  if (state === null) return;
  let from = node.appliedThrough;
  for (const effect of effects) {
    if (effect.kind === "installSnapshot") {
      from = effect.snapshot.index;
      checkSnapshot(watched, cluster, node, text(effect.snapshot.bytes));
    }
    if (effect.kind !== "commit") continue;
    for (let index = from + 1; index <= effect.through; index++) {
      const entry = state.log.entries[index - state.log.baseIndex - 1];
      if (entry === undefined) continue;
      const payload = payloadKey(entry);
      const before = watched.committed.get(index);
      if (before !== undefined && (before.term !== entry.term || before.payload !== payload)) {
        violate(
          cluster,
          node,
          `commits "${payload}" of term ${entry.term} at ${index}, where "${before.payload}" of term ${before.term} was`,
        );
      }
      watched.committed.set(index, { term: entry.term, payload });
    }
    for (const command of effect.commands) {
      const key = `${command.client} ${command.sequence}`;
      const before = watched.appliedAt.get(key);
      if (before !== undefined && before !== command.index)
        violate(cluster, node, `applies ${key} at ${command.index} and at ${before}`);
      watched.appliedAt.set(key, command.index);
    }
    if (state.role === "leader" && effect.through > watched.committedMax)
      checkCopies(watched, cluster, node, effect.through);
    watched.committedMax = Math.max(watched.committedMax, effect.through);
    from = effect.through;
  }
}

function checkSnapshot(watched: Watch, cluster: Cluster, node: Node, lines: string): void {
  for (const line of lines === "" ? [] : lines.split("\n")) {
    const [index, client, sequence] = line.split(" ");
    const at = watched.appliedAt.get(`${client} ${sequence}`);
    if (at !== Number(index))
      violate(cluster, node, `a snapshot has ${client} ${sequence} at ${index}, applied at ${at}`);
  }
}

/** What a leader commits by counting is on the disks of a majority of its voters, and of its own term. */
function checkCopies(watched: Watch, cluster: Cluster, leader: Node, index: number): void {
  const { state } = leader;
  const entry = state?.log.entries[index - state.log.baseIndex - 1];
  const voters = state?.memberships.at(-1)?.membership.voters ?? [];
  if (state === null || entry === undefined) return;
  if (entry.term !== state.hard.term)
    violate(cluster, leader, `commits entry ${index} of term ${entry.term} by counting in term ${state.hard.term}`);
  if (!watched.areCopiesChecked) return;
  const copies = voters.filter((voter) => {
    const durable = cluster.nodes.get(voter)?.durable;
    const isHeld = durable?.entries.some((held) => held.index === index && held.term === entry.term) === true;
    return voter === leader.id || isHeld || (durable?.snapshot?.index ?? 0) >= index;
  });
  if (copies.length < majority(voters.length))
    violate(cluster, leader, `commits entry ${index} with ${copies.length} copies of ${voters.length}`);
}

/** A read sees everything committed anywhere before it was asked. */
function checkReads(
  watched: Watch,
  cluster: Cluster,
  node: Node,
  event: RaftEvent,
  effects: readonly RaftEffect[],
): void {
  if (event.kind === "read")
    for (const id of event.ids) if (!watched.reads.has(id)) watched.reads.set(id, watched.committedMax);
  for (const effect of effects) {
    if (effect.kind !== "readReady") continue;
    for (const id of effect.ids) {
      const needed = watched.reads.get(id) ?? 0;
      if (effect.index < needed) violate(cluster, node, `read ${id} sees ${effect.index} of ${needed}`);
      if (node.state !== null && node.state.commit < effect.index)
        violate(cluster, node, `read ${id} is ready before ${effect.index} is applied`);
    }
  }
}

/**
 * Never two leaders that may acknowledge: one that ever had a quorum steps down before another can be elected. (One
 * that has none yet has nothing to say; a sleeping one says nothing and checks first when it wakes.)
 */
function checkLeases(watched: Watch, cluster: Cluster): void {
  if (!watched.areLeasesChecked) return;
  let believer: Node | null = null;
  for (const node of cluster.nodes.values()) {
    const { state } = node;
    if (state === null || state.leading === null || node.pausedUntil > cluster.now || node.tickAt <= cluster.now)
      continue;
    const { peers } = state.leading;
    const voters = state.memberships.at(-1)?.membership.voters ?? [];
    const heard = voters.filter(
      (voter) => voter === node.id || Number.isFinite(peers.get(voter)?.contactAt ?? -Infinity),
    );
    if (heard.length < majority(voters.length)) continue;
    if (believer !== null) violate(cluster, node, `leads beside ${believer.id}, both with a quorum`);
    believer = node;
  }
}

/** The membership in force is the last one of the log, or the snapshot's (dissertation 4.1). */
function checkMembership(cluster: Cluster, node: Node): void {
  const { state } = node;
  if (state === null) return;
  const last = state.log.entries.findLast(({ payload }) => payload.kind === "config")?.payload;
  const expected = last !== undefined && last.kind === "config" ? last.membership : state.snapshot?.membership;
  const inForce = state.memberships.at(-1)?.membership;
  if (inForce !== expected && JSON.stringify(inForce) !== JSON.stringify(expected))
    violate(cluster, node, "the membership in force is not the log's");
}

/**
 * One change of membership at a time: two of a term are never both open, and each differs by one voter from the one
 * before.
 */
function checkChanges(cluster: Cluster, node: Node, effects: readonly RaftEffect[]): void {
  const { state } = node;
  if (state === null || state.role !== "leader") return;
  const appended = effects.flatMap((effect) =>
    effect.kind === "persist" && effect.record.kind === "entries" ? effect.record.entries : [],
  );
  for (const { index, payload, term } of appended) {
    if (payload.kind !== "config" || term !== state.hard.term) continue;
    const before = state.memberships.findLast((record) => record.index < index);
    if (before === undefined) continue;
    if (before.index > state.commit)
      violate(cluster, node, `changes the membership at ${index} while the change at ${before.index} is open`);
    const came = payload.membership.voters.filter((voter) => !before.membership.voters.includes(voter));
    const went = before.membership.voters.filter((voter) => !payload.membership.voters.includes(voter));
    if (came.length + went.length > 1) violate(cluster, node, `changes ${came.length + went.length} voters at once`);
  }
}

function checkBounds(cluster: Cluster, node: Node): void {
  const { state } = node;
  if (state === null || state.leading === null) return;
  const { limits } = state.config;
  for (const [peer, progress] of state.leading.peers) {
    if (progress.inflight.length > limits.inflightMessagesMax)
      violate(cluster, node, `${progress.inflight.length} appends in flight to ${peer}`);
    const bytes = progress.inflight.reduce((sum, one) => sum + one.bytes, 0);
    if (bytes !== progress.inflightBytes) violate(cluster, node, "the bytes in flight are miscounted");
    if (progress.acked > state.log.baseIndex + state.log.entries.length)
      violate(cluster, node, `${peer} acknowledged what is not there`);
  }
  if (state.leading.uncommittedBytes < 0) violate(cluster, node, "uncommitted bytes below zero");
}

function countSeen(watched: Watch, node: Node, event: RaftEvent, effects: readonly RaftEffect[]): void {
  note(watched, "step");
  if (event.kind === "message" && event.message.kind === "appendReply" && !event.message.isAccepted)
    note(watched, "conflict");
  if (event.kind === "message" && event.message.kind === "timeoutNow") note(watched, "handed over");
  for (const effect of effects) {
    if (effect.kind === "role") note(watched, effect.role);
    if (effect.kind === "installSnapshot") note(watched, "snapshot installed");
    if (effect.kind === "takeSnapshot") note(watched, "snapshot taken");
    if (effect.kind === "readReady") note(watched, "read");
    if (effect.kind === "membership") note(watched, "membership");
    if (effect.kind === "suspicious") note(watched, `suspicious: ${effect.reason}`);
    if (effect.kind === "proposal" && effect.outcome.kind === "duplicate") note(watched, "duplicate proposal");
    if (effect.kind === "proposal" && effect.outcome.kind === "refused" && effect.outcome.reason === "expired")
      note(watched, "expired proposal");
    if (effect.kind === "persist" && effect.record.kind === "truncate") note(watched, "truncated");
    if (
      effect.kind === "persist" &&
      effect.record.kind === "hard" &&
      node.durable.hard.lost !== "nothing" &&
      effect.record.hard.lost === "nothing"
    )
      note(watched, "recovered");
    if (effect.kind === "persist" && effect.record.kind === "hard" && effect.record.hard.standing === "joining")
      note(watched, "joined");
  }
}
