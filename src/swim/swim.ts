// Membership of one node as a pure, synchronous state machine: create, step, deadline, view. No clock, randomness
// or I/O: time comes with each event, randomness is a seeded stream in the state, effects are data (contract.ts).
// SWIM (Das, Gupta, Motivala, DSN 2002) with Lifeguard (Dadgar, Phillips, Currey, arXiv 1707.00788), in
// memberlist's shape. It informs, it never decides who owns what. What a peer sends never throws here.

import { assert, never } from "../base/assert.ts";
import { createPrng, nextFloat, nextU32 } from "../base/prng.ts";
import { assertConfig, ID_LENGTH_MAX, PAYLOAD_BYTES_MAX, type SwimConfig } from "./config.ts";
import type { SwimEffect, SwimEvent } from "./contract.ts";
import { createRumours, hasRumours, spread, tickGossip } from "./gossip.ts";
import { addSeed, leave, reconnectDueAt, setPayload, tickLeave, tickPayload, tickReconnect } from "./join.ts";
import { BOOT_MAX, type Address, type Member, type Ms, type NodeId, type Role } from "./member.ts";
import { refuteDueAt, tickRefutation } from "./merge.ts";
import { handleStreamFailed, probeDueAt, startHint, tickProbes } from "./probe.ts";
import { hearStream, receiveDatagram, receiveStream } from "./receive.ts";
import { adjustHealth, selfOf, type Swim, type Turn } from "./state.ts";
import { syncDelayMs, tickSync } from "./sync.ts";

export { lan, local, type Pool, type SwimConfig, wan } from "./config.ts";
export type { SwimEffect, SwimEvent } from "./contract.ts";
export type { Address, Incarnation, Ms, NodeId, Payload, Role, ShownStatus, Status, Update } from "./member.ts";
export type { Datagram, StreamMessage } from "./messages.ts";
export type { Counters, Swim } from "./state.ts";
export { type MemberView, type SwimView, view } from "./view.ts";

/** Who this node is. `bootBefore`: the counter of its last start as its disk has it, 0 on the first one. */
export type Self = {
  readonly id: NodeId;
  readonly address: Address;
  readonly role: Role;
  readonly bootBefore: number;
  readonly payload: Uint8Array | null;
};

/**
 * A node that knows itself alone. Its first step, of any event, starts the timers and makes its boot counter
 * durable.
 */
export function create(config: SwimConfig, self: Self, seed: number): Swim {
  assertConfig(config);
  assert(self.id.length > 0 && self.id.length <= ID_LENGTH_MAX, "a node id is 1 to 64 characters");
  assert(self.bootBefore >= 0 && self.bootBefore < BOOT_MAX, "a boot counter is in bounds");
  assert((self.payload?.length ?? 0) <= PAYLOAD_BYTES_MAX, "a payload is at most 512 B");
  const prng = createPrng(seed, `swim ${self.id}`);
  const { host, udp } = self.address;
  return {
    config,
    self: self.id,
    prng,
    now: 0,
    startedAt: null,
    members: new Map([[self.id, ownRecord(self)]]),
    dead: new Map(),
    suspicions: new Map(),
    order: [],
    cursor: 0,
    probes: new Map(),
    relays: new Map(),
    seq: nextU32(prng),
    rumours: createRumours(),
    seeds: config.seeds
      .filter((address) => address.host !== host || address.udp !== udp)
      .map((address) => ({ address, node: null, isReported: false })),
    score: 0,
    probeAt: 0,
    gossipAt: 0,
    syncAt: 0,
    reconnectAt: 0,
    extraSyncAt: 0,
    payloadAt: Number.POSITIVE_INFINITY,
    payloadToldAt: 0,
    refuteTokens: config.refuteBurst,
    refuteTokensAt: 0,
    refuteAbove: null,
    holdUntil: 0,
    dueAt: 0,
    leaveAt: Number.POSITIVE_INFINITY,
    isGone: false,
    counters: noCounts(),
  };
}

/**
 * One event, processed whole. In: `now` in ms of the monotonic clock, never before the last one. Out: effects in
 * order.
 */
export function step(state: Swim, now: Ms, event: SwimEvent): SwimEffect[] {
  assert(now >= state.now, "the monotonic clock never goes back");
  const turn: Turn = { state, now, effects: [] };
  if (state.isGone) return turn.effects;
  state.now = now;
  if (state.startedAt === null) start(turn);
  const lateMs = now - state.dueAt;
  if (lateMs > state.config.stallMs) noteStall(turn, lateMs);
  perform(turn, event);
  state.dueAt = dueAt(turn);
  return turn.effects;
}

/** When the shell must send the next tick, in ms of the monotonic clock; Infinity: this node has left. */
export function deadline(state: Swim): Ms {
  return state.dueAt;
}

/**
 * Never before now: being late is measured against what the shell was told, and a message may make a timer due at
 * once.
 */
function dueAt({ state, now }: Turn): Ms {
  if (state.isGone) return Number.POSITIVE_INFINITY;
  const at = Math.min(
    probeDueAt(state),
    state.leaveAt,
    state.leaveAt === Number.POSITIVE_INFINITY ? state.syncAt : state.leaveAt,
    hasRumours(state) ? state.gossipAt : Number.POSITIVE_INFINITY,
    reconnectDueAt(state),
    refuteDueAt(state),
    state.payloadAt,
  );
  return Math.max(at, state.holdUntil, now);
}

function perform(turn: Turn, event: SwimEvent): void {
  switch (event.kind) {
    case "tick":
      return tick(turn);
    case "datagram":
      return receiveDatagram(turn, event.from, event.address, event.message);
    case "stream":
      return receiveStream(turn, event.from, event.address, event.message);
    case "streamFailed":
      return handleStreamFailed(turn, event.seq, event.reason);
    case "reset":
      return startHint(turn, event.node);
    case "heard":
      return hearStream(turn, event.node);
    case "seed":
      return addSeed(turn, event.address);
    case "stalled":
      return event.lateMs > turn.state.config.stallMs && turn.now >= turn.state.holdUntil
        ? noteStall(turn, event.lateMs)
        : undefined;
    case "payload":
      return setPayload(turn, event.bytes);
    case "leave":
      return leave(turn);
    default:
      return never(event);
  }
}

/** Timers start at random points of their periods, so that nodes started together do not march in step. */
function start(turn: Turn): void {
  const { state, now } = turn;
  const { probeMs, gossipMs } = state.config;
  state.startedAt = now;
  state.dueAt = now;
  turn.effects.push({ kind: "persistBoot", boot: selfOf(state).incarnation.boot });
  state.probeAt = now + probeMs * nextFloat(state.prng);
  state.gossipAt = now + gossipMs * nextFloat(state.prng);
  state.syncAt = now + syncDelayMs(state) * nextFloat(state.prng);
  state.reconnectAt = now;
  state.refuteTokensAt = now;
  state.payloadToldAt = now - state.config.payloadMs;
  selfOf(state).learnedAt = now;
  selfOf(state).statusAt = now;
  spread(state, state.self);
}

function tick(turn: Turn): void {
  const { state, now } = turn;
  if (now < state.holdUntil) return;
  tickLeave(turn);
  if (state.isGone) return;
  tickRefutation(turn);
  tickProbes(turn);
  tickReconnect(turn);
  tickPayload(turn);
  if (state.leaveAt === Number.POSITIVE_INFINITY) tickSync(turn);
  tickGossip(turn);
}

/**
 * This node stood still: what did not arrive in that time proves nothing. Open probes are discarded, suspicions get
 * the lost time back, and only messages are read until what waits in the sockets is in.
 */
function noteStall(turn: Turn, lateMs: Ms): void {
  const { state, now, effects } = turn;
  state.counters.stalls++;
  state.holdUntil = now + state.config.drainMs;
  state.probes.clear();
  state.relays.clear();
  state.probeAt = Math.max(state.probeAt, state.holdUntil);
  for (const suspicion of state.suspicions.values()) {
    suspicion.startedAt += lateMs;
    suspicion.calledAt = null;
  }
  effects.push({ kind: "stall", lateMs });
  adjustHealth(turn, 1);
}

function ownRecord(self: Self): Member {
  return {
    id: self.id,
    address: self.address,
    role: self.role,
    incarnation: { boot: self.bootBefore + 1, count: 0 },
    status: "alive",
    statusAt: 0,
    payload: self.payload === null ? null : { version: 1, bytes: self.payload },
    isConfirmed: true,
    learnedAt: 0,
    failures: 0,
  };
}

function noCounts(): Swim["counters"] {
  return {
    probes: 0,
    probesFailed: 0,
    acks: 0,
    nacks: 0,
    hints: 0,
    suspicions: 0,
    refutations: 0,
    deaths: 0,
    falseDeaths: 0,
    stalls: 0,
    syncs: 0,
    membersRefused: 0,
    datagrams: 0,
    datagramBytes: 0,
  };
}
