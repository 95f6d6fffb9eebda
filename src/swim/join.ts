// Coming and going: calling configured peers until they answer, calling the dead so that a healed partition closes,
// telling the own payload, and saying goodbye.

import { nextBelow } from "../base/prng.ts";
import { PAYLOAD_BYTES_MAX } from "./config.ts";
import { sendDatagram, spread, statementOf } from "./gossip.ts";
import { isRunning, type Member } from "./member.ts";
import type { Datagram, StateMessage } from "./messages.ts";
import { drawMembers, isLeaving, nextSeq, runningCount, type Seed, selfOf, type Swim, type Turn } from "./state.ts";
import { syncScale } from "./suspicion.ts";
import { sweepDead } from "./table.ts";

/** Silent seeds called at a time. */
const SEEDS_CALLED = 4;

/** When seeds or the dead are called again; Infinity when all seeds answered and nobody is dead. */
export function reconnectDueAt(state: Swim): number {
  const isNeeded = state.dead.size > 0 || state.seeds.some((seed) => isSilent(state, seed));
  return isNeeded && !isLeaving(state) ? state.reconnectAt : Number.POSITIVE_INFINITY;
}

/** Calls a few silent seeds and one of the dead. */
export function tickReconnect(turn: Turn): void {
  const { state, now } = turn;
  if (now < reconnectDueAt(state)) return;
  state.reconnectAt = now + state.config.reconnectMs;
  sweepDead(turn);
  const silent = state.seeds.filter((seed) => isSilent(state, seed));
  for (let calls = 0; calls < SEEDS_CALLED && silent.length > 0; calls++) {
    const [seed] = silent.splice(nextBelow(state.prng, silent.length), 1);
    if (seed !== undefined) callSeed(turn, seed);
  }
  callDead(turn);
}

/** A node is said to be there: it is called now, unless it is known or there is no room for more. */
export function addSeed(turn: Turn, address: Seed["address"]): void {
  const { state, now } = turn;
  const isKnown = (other: Seed["address"]): boolean => other.host === address.host && other.udp === address.udp;
  if (state.seeds.some((seed) => isKnown(seed.address)) || state.seeds.length >= state.config.limits.seedsMax) return;
  if ([...state.members.values()].some((member) => isKnown(member.address) && member.isConfirmed)) return;
  state.seeds.push({ address, node: null, isReported: false });
  state.reconnectAt = now;
}

/** Nobody of those who run answered there; one that left is not called back. */
function isSilent(state: Swim, seed: Seed): boolean {
  if (seed.node === null) return true;
  const member = state.members.get(seed.node);
  return member === undefined || member.status === "dead";
}

function callSeed(turn: Turn, seed: Seed): void {
  const { state, now, effects } = turn;
  const call: Datagram = { kind: "ping", label: state.config.label, seq: nextSeq(state), target: null, updates: [] };
  sendDatagram(turn, { id: null, address: seed.address }, call, [state.self]);
  const isLate = now - (state.startedAt ?? now) >= state.config.unconfirmedMs;
  if (!isLate || seed.isReported || seed.node !== null) return;
  seed.isReported = true;
  effects.push({ kind: "seedSilent", address: seed.address });
}

/** Tells one of the dead that it is dead; if it lives, it refutes. */
function callDead(turn: Turn): void {
  const { state } = turn;
  if (state.dead.size === 0) return;
  // A random one without a walk through all: the map is bounded, and a walk of it a second costs little.
  const dead: Member[] = [];
  for (const id of state.dead.keys()) {
    const member = state.members.get(id);
    if (member?.status === "dead") dead.push(member);
  }
  const member = dead[nextBelow(state.prng, dead.length)];
  if (member === undefined) return;
  const { label } = state.config;
  const call: Datagram = { kind: "ping", label, seq: nextSeq(state), target: member.id, updates: [] };
  sendDatagram(turn, member, call, [member.id, state.self]);
}

/** Takes a new payload of this node; it is told soon, at most once a while. A larger one than allowed is refused. */
export function setPayload(turn: Turn, bytes: Uint8Array): void {
  const { state, now, effects } = turn;
  if (bytes.length > PAYLOAD_BYTES_MAX) {
    effects.push({ kind: "suspicious", from: state.self, reason: `a payload of ${bytes.length} bytes` });
    return;
  }
  const own = selfOf(state);
  own.payload = { version: (own.payload?.version ?? 0) + 1, bytes };
  const gapMs = state.config.payloadMs * syncScale(runningCount(state));
  state.payloadAt = Math.min(state.payloadAt, Math.max(now, state.payloadToldAt + gapMs));
  tickPayload(turn);
}

/** Tells the own payload when it waits and its time has come. */
export function tickPayload(turn: Turn): void {
  const { state, now } = turn;
  if (now < state.payloadAt) return;
  state.payloadAt = Number.POSITIVE_INFINITY;
  state.payloadToldAt = now;
  spread(state, state.self);
}

/** Says goodbye: by datagrams for `leaveMs`, and to a few by stream at once, whom no loss can keep from knowing. */
export function leave(turn: Turn): void {
  const { state, now } = turn;
  if (isLeaving(state)) return;
  const own = selfOf(state);
  own.status = "left";
  own.statusAt = now;
  state.dead.set(own.id, now);
  state.leaveAt = now + state.config.leaveMs;
  state.probes.clear();
  state.suspicions.clear();
  spread(state, own.id);
  state.gossipAt = now;
  const { label } = state.config;
  const members = [statementOf(state, own)];
  const goodbye: StateMessage = { kind: "state", label, bucketCount: 1, buckets: [], wantsReply: false, members };
  for (const peer of drawMembers(state, state.config.gossipNodes, isRunning)) {
    turn.effects.push({ kind: "stream", to: peer.id, address: peer.address, message: goodbye });
  }
}

/** Ends the goodbye. */
export function tickLeave(turn: Turn): void {
  const { state, now, effects } = turn;
  if (now < state.leaveAt) return;
  state.isGone = true;
  effects.push({ kind: "left" });
}
