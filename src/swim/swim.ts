// Membership of one node as a pure, synchronous state machine: create, step, deadline, view. No clock, randomness
// or I/O: time comes with each event, randomness is a seeded stream in the state, effects are data (contract.ts).
// SWIM (Das, Gupta, Motivala, DSN 2002) with Lifeguard (Dadgar, Phillips, Currey, arXiv 1707.00788), in
// memberlist's shape. It informs, it never decides who owns what. What a peer sends never throws here.

import { assert, never } from "../base/assert.ts";
import { createPrng, nextFloat, nextU32 } from "../base/prng.ts";
import { assertConfig, ID_LENGTH_MAX, PAYLOAD_BYTES_MAX, type SwimConfig } from "./config.ts";
import type { SwimEffect, SwimEvent } from "./contract.ts";
import { createRumours, fill, hasRumours, sendDatagram, spread, tickGossip } from "./gossip.ts";
import { leave, reconnectDueAt, setPayload, tickLeave, tickPayload, tickReconnect } from "./join.ts";
import {
  type Address,
  BOOT_MAX,
  isRunning,
  type Member,
  type Ms,
  type NodeId,
  type Role,
  type Update,
} from "./member.ts";
import { mergeAll, refuteDueAt, tickRefutation } from "./merge.ts";
import type { Datagram, StreamAck, StreamMessage, StreamPing } from "./messages.ts";
import {
  handleAck,
  handleNack,
  handlePingReq,
  handleStreamFailed,
  probeDueAt,
  startHint,
  tickProbes,
} from "./probe.ts";
import { adjustHealth, selfOf, type Swim, type Turn } from "./state.ts";
import { handleDigest, handleState, syncDelayMs, syncWithNewcomer, tickSync } from "./sync.ts";
import { confirmMember } from "./table.ts";

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

const RUMOUR_BYTES_STREAM = 4_096;

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
      return hear(turn, event.node, false);
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

function receiveDatagram(turn: Turn, from: NodeId, address: Address, message: Datagram): void {
  const { state } = turn;
  if (!isWelcome(turn, from, message)) return;
  // Meant for the node that had this address before.
  if (message.kind === "ping" && message.target !== null && message.target !== state.self) return;
  const isNew = isNewcomer(state, from);
  const corrections = mergeAll(turn, from, message.updates, "rumour");
  hear(turn, from, isNew);
  const { label } = state.config;
  switch (message.kind) {
    case "ping": {
      const first = replyFirst(state, from, message.updates, message.target === null, corrections);
      return sendDatagram(turn, { id: from, address }, { kind: "ack", label, seq: message.seq, updates: [] }, first);
    }
    case "ack":
      handleAck(turn, from, message.seq);
      break;
    case "pingReq":
      handlePingReq(turn, from, address, message);
      break;
    case "nack":
      handleNack(turn, from, message.seq, message.isRefused);
      break;
    case "gossip":
      break;
    default:
      return never(message);
  }
  if (corrections.length > 0) {
    sendDatagram(turn, { id: from, address }, { kind: "gossip", label, updates: [] }, corrections);
  }
}

function receiveStream(turn: Turn, from: NodeId, address: Address, message: StreamMessage): void {
  const { state } = turn;
  if (!isWelcome(turn, from, message)) return;
  switch (message.kind) {
    case "streamPing": {
      if (message.target !== state.self) return;
      answerStreamPing(turn, from, address, message);
      break;
    }
    case "streamAck": {
      mergeAll(turn, from, message.updates, "rumour");
      handleAck(turn, from, message.seq);
      break;
    }
    case "digest": {
      handleDigest(turn, from, message);
      break;
    }
    case "state": {
      handleState(turn, from, message);
      break;
    }
    default:
      return never(message);
  }
  hear(turn, from, false);
}

function answerStreamPing(turn: Turn, from: NodeId, address: Address, message: StreamPing): void {
  const { state } = turn;
  const corrections = mergeAll(turn, from, message.updates, "rumour");
  const first = replyFirst(state, from, message.updates, false, corrections);
  const { updates } = fill(state, RUMOUR_BYTES_STREAM, first);
  const ack: StreamAck = { kind: "streamAck", label: state.config.label, seq: message.seq, updates };
  turn.effects.push({ kind: "stream", to: from, address, message: ack });
}

/**
 * Statements an answer opens with: this node's own where it is asked for or wrong, the asker's where it is not
 * well.
 */
function replyFirst(
  state: Swim,
  from: NodeId,
  updates: readonly Update[],
  isStranger: boolean,
  corrections: readonly NodeId[],
): NodeId[] {
  const isAboutSelf = isStranger || updates.some(({ id }) => id === state.self);
  const asker = state.members.get(from);
  const isAskerAccused = asker !== undefined && asker.status !== "alive";
  return [...(isAboutSelf ? [state.self] : []), ...(isAskerAccused ? [from] : []), ...corrections];
}

/** False for messages of another pool, or in this node's own name. */
function isWelcome(turn: Turn, from: NodeId, message: { readonly label: string }): boolean {
  const { state, effects } = turn;
  if (from === state.self) effects.push({ kind: "suspicious", from, reason: "speaks in this node's name" });
  else if (message.label !== state.config.label)
    effects.push({ kind: "suspicious", from, reason: "is of another pool" });
  else return true;
  return false;
}

function isNewcomer(state: Swim, id: NodeId): boolean {
  const member = state.members.get(id);
  return member === undefined || !isRunning(member);
}

/** The node itself spoke: it is confirmed, and one who is new or came back is compared views with. */
function hear(turn: Turn, id: NodeId, wasNew: boolean): void {
  const member = turn.state.members.get(id);
  if (member === undefined) return;
  const isFirst = confirmMember(turn, member);
  const isBack = wasNew && isRunning(member);
  const isLeaving = turn.state.leaveAt !== Number.POSITIVE_INFINITY;
  if (!isLeaving && isRunning(member) && (isBack || (isFirst && wasNew))) syncWithNewcomer(turn, member);
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
