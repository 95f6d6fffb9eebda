// The first formation of a cluster: every configured peer must have answered "blank" and must then be a voter
// durably, before the cluster exists. The peer with the lowest id leads it; the others only answer. A peer that
// belongs to a cluster, or was configured otherwise, stops it by name: a cluster whose majority was wiped is never
// formed anew by accident.
//
// Safe because nobody votes before all have accepted, and an acceptance is tied to the boot that said "blank"
// (nonce): a node wiped after it accepted cannot accept again from a late message. What was not finished is gone on
// with after a restart; a node that disappears for ever in the middle leaves a cluster without entries, to be wiped
// by hand.

import { assert } from "../base/assert.ts";
import { nextU32 } from "../base/prng.ts";
import type { Membership, NodeId, Snapshot } from "./entry.ts";
import { lastIndex } from "./log.ts";
import type { BlankReply, FormMessage, FormReply } from "./messages.ts";
import { promise, send } from "./role.ts";
import { EMPTY_SESSIONS } from "./sessions.ts";
import { type Formation, membershipOf, type Raft, resetElection, type Turn } from "./state.ts";

export function createFormation(): Formation {
  return { peers: null, queryAt: Number.POSITIVE_INFINITY, blank: new Map(), accepted: new Set(), refusals: new Map() };
}

/** The shell knows the node id behind every configured address. */
export function setPeers(turn: Turn, peers: readonly NodeId[]): void {
  const { state, now } = turn;
  assert(
    peers.includes(state.config.self) && new Set(peers).size === peers.length,
    "peers are distinct and include this node",
  );
  assert(peers.length <= state.config.limits.votersMax, "more peers than voters are allowed");
  if (state.hard.standing !== "blank") return;
  state.formation.peers = [...peers].sort();
  state.formation.queryAt = isFirst(state) ? now : Number.POSITIVE_INFINITY;
  if (isFirst(state)) tickFormation(turn);
}

/** After a restart in the middle: the peers are those of the genesis. */
export function resumeFormation(state: Raft): void {
  const membership = membershipOf(state);
  assert(state.hard.standing === "forming" && membership !== null, "a genesis is held");
  state.formation.peers = membership.voters;
  state.formation.queryAt = isFirst(state) ? state.now : Number.POSITIVE_INFINITY;
}

/** Asks, or asks again, every peer that has not accepted. */
export function tickFormation(turn: Turn): void {
  const { state, now } = turn;
  const { formation } = state;
  if (now < formation.queryAt || formation.peers === null) return;
  formation.queryAt = now + state.config.heartbeatMs;
  for (const peer of formation.peers) {
    if (peer !== state.config.self && !formation.accepted.has(peer))
      send(turn, peer, { kind: "blankQuery", peers: [...formation.peers] });
  }
  advanceFormation(turn);
}

/** Anyone may ask; the answer binds nobody. */
export function handleBlankQuery(turn: Turn, from: NodeId): void {
  const { state } = turn;
  const { peers } = state.formation;
  send(turn, from, {
    kind: "blankReply",
    cluster: state.hard.cluster,
    peers: peers === null ? null : [...peers],
    nonce: state.nonce,
  });
}

/** A peer's answer, to the one that leads the formation. */
export function handleBlankReply(turn: Turn, from: NodeId, reply: BlankReply): void {
  const { state } = turn;
  const { formation, hard } = state;
  if (formation.peers === null || !isFirst(state) || !formation.peers.includes(from)) return;
  if (hard.standing !== "blank" && hard.standing !== "forming") return;
  formation.blank.delete(from);
  const refused = refuseReply(state, from, reply);
  if (refused !== null) {
    formation.refusals.set(from, refused);
    return;
  }
  formation.refusals.delete(from);
  if (reply.cluster !== null) formation.accepted.add(from);
  else formation.blank.set(from, reply.nonce);
  const membership = membershipOf(state);
  if (hard.standing === "forming" && reply.cluster === null && membership !== null) sendForm(turn, from, membership);
  advanceFormation(turn);
}

function refuseReply(state: Raft, from: NodeId, reply: BlankReply): string | null {
  if (reply.cluster !== null && reply.cluster !== state.hard.cluster)
    return `${from} belongs to cluster ${reply.cluster}`;
  if (reply.cluster !== null) return null;
  if (reply.peers === null) return `${from} does not know its peers yet`;
  return areSame(reply.peers, state.formation.peers ?? [])
    ? null
    : `${from} was given other peers: ${reply.peers.join(", ")}`;
}

/** All blank: the cluster gets its id. All accepted: it exists, and this node stands. */
function advanceFormation(turn: Turn): void {
  const { state, now } = turn;
  const { formation } = state;
  const { peers } = formation;
  if (peers === null) return;
  const others = peers.filter((peer) => peer !== state.config.self);
  if (state.hard.standing === "blank" && others.every((peer) => formation.blank.has(peer))) {
    const membership: Membership = { cluster: drawCluster(state), voters: peers, learners: [], replacing: null };
    acceptGenesis(turn, membership);
    for (const peer of others) sendForm(turn, peer, membership);
  }
  if (state.hard.standing === "forming" && others.every((peer) => formation.accepted.has(peer))) {
    completeFormation(turn);
    state.electionAt = now;
  }
}

function sendForm(turn: Turn, peer: NodeId, membership: Membership): void {
  const nonce = turn.state.formation.blank.get(peer);
  if (nonce !== undefined) send(turn, peer, { kind: "form", membership, nonce });
}

/** 128 random bits as 32 hex digits. */
function drawCluster(state: Raft): string {
  return Array.from({ length: 4 }, () => nextU32(state.prng).toString(16).padStart(8, "0")).join("");
}

/** Makes this node a voter of a cluster that is being formed. */
function acceptGenesis(turn: Turn, membership: Membership): void {
  const { state } = turn;
  assert(state.hard.standing === "blank" && lastIndex(state.log) === 0, "only a blank node is formed");
  const genesis: Snapshot = { index: 0, term: 0, membership, sessions: EMPTY_SESSIONS, bytes: new Uint8Array(0) };
  // The genesis first: a hard state that names a cluster always finds its voters.
  turn.effects.push({ kind: "persist", record: { kind: "snapshot", snapshot: genesis, dropsLog: false } });
  promise(turn, { cluster: membership.cluster, standing: "forming" });
  state.snapshot = genesis;
  state.memberships = [{ index: 0, membership }];
}

/** The first node's word, valid only while this boot is blank and was configured alike. */
export function handleForm(turn: Turn, from: NodeId, message: FormMessage): void {
  const { state } = turn;
  const { membership, nonce } = message;
  const { peers } = state.formation;
  const isValid =
    state.hard.standing === "blank" &&
    nonce === state.nonce &&
    peers !== null &&
    from === peers[0] &&
    areSame(membership.voters, peers) &&
    membership.learners.length === 0 &&
    membership.replacing === null;
  if (isValid) acceptGenesis(turn, membership);
  if (state.hard.cluster === membership.cluster) send(turn, from, { kind: "formReply", cluster: membership.cluster });
}

export function handleFormReply(turn: Turn, from: NodeId, reply: FormReply): void {
  const { state } = turn;
  if (state.hard.standing !== "forming" || !isFirst(state) || reply.cluster !== state.hard.cluster) return;
  if (state.formation.peers?.includes(from) === true) state.formation.accepted.add(from);
  advanceFormation(turn);
}

/** The formation is over: by this node's count, or because a candidate or leader of the cluster spoke. */
export function completeFormation(turn: Turn): void {
  const { state } = turn;
  promise(turn, { standing: "member" });
  state.formation.queryAt = Number.POSITIVE_INFINITY;
  state.formation.refusals.clear();
  resetElection(state);
}

function isFirst(state: Raft): boolean {
  return state.formation.peers?.[0] === state.config.self;
}

function areSame(left: readonly NodeId[], right: readonly NodeId[]): boolean {
  return left.length === right.length && left.every((node, at) => node === right[at]);
}
