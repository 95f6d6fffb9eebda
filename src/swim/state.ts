// Everything one node's membership knows. Plain data: structuredClone gives an independent node. Only this folder
// writes it.

import { assert } from "../base/assert.ts";
import { nextBelow, type Prng } from "../base/prng.ts";
import { HEALTH_SCORE_MAX, type SwimConfig } from "./config.ts";
import type { SwimEffect } from "./contract.ts";
import type { Address, Incarnation, Member, Ms, NodeId } from "./member.ts";
import type { Suspicion } from "./suspicion.ts";

/** One question to one member, asked directly and then through others. */
export type Probe = {
  readonly seq: number;
  /** round: one a period. hint: its stream was reset or refused. */
  readonly kind: "round" | "hint";
  readonly target: NodeId;
  /** When others are asked; Infinity: they are. */
  indirectAt: Ms;
  readonly endAt: Ms;
  /** Who was asked, and who of them said nack. */
  readonly relays: NodeId[];
  readonly nacks: NodeId[];
  /** Peers whom its stream port refused, this node included. */
  refusals: number;
  isDirectRefused: boolean;
};

/** A question asked for somebody else. */
export type Relay = {
  readonly requester: NodeId;
  readonly address: Address;
  /** The requester's. */
  readonly seq: number;
  readonly target: NodeId;
  readonly nackAt: Ms;
};

/** A configured peer. */
export type Seed = {
  readonly address: Address;
  /** Who answered there; null: nobody yet. */
  node: NodeId | null;
  isReported: boolean;
};

/**
 * Rumours by how often they were told: content is the member's own record, so a newer statement replaces an older
 * one.
 */
export type Rumours = {
  readonly tellings: Map<NodeId, number>;
  readonly levels: Set<NodeId>[];
};

/** Totals since the start, for metrics. */
export type Counters = {
  probes: number;
  probesFailed: number;
  acks: number;
  nacks: number;
  hints: number;
  suspicions: number;
  refutations: number;
  deaths: number;
  /** Deaths refuted later. */
  falseDeaths: number;
  stalls: number;
  syncs: number;
  membersRefused: number;
  datagrams: number;
  datagramBytes: number;
};

export type Swim = {
  readonly config: SwimConfig;
  readonly self: NodeId;
  readonly prng: Prng;
  now: Ms;
  startedAt: Ms | null;
  /** Everyone known, this node and the dead included. */
  readonly members: Map<NodeId, Member>;
  /** The dead and the departed, oldest first: when each went. */
  readonly dead: Map<NodeId, Ms>;
  readonly suspicions: Map<NodeId, Suspicion>;
  /** Probe order of this cycle; may hold ids that are gone. Also what random members are drawn from. */
  order: NodeId[];
  cursor: number;
  readonly probes: Map<number, Probe>;
  readonly relays: Map<number, Relay>;
  seq: number;
  readonly rumours: Rumours;
  readonly seeds: Seed[];
  score: number;
  probeAt: Ms;
  gossipAt: Ms;
  syncAt: Ms;
  reconnectAt: Ms;
  /** No extra anti-entropy (with one who came back) before this. */
  extraSyncAt: Ms;
  /** Own payload waits to be told. */
  payloadAt: Ms;
  payloadToldAt: Ms;
  refuteTokens: number;
  refuteTokensAt: Ms;
  /** A refutation waits: it must be above this. */
  refuteAbove: Incarnation | null;
  /** After a stall: only messages are read until then. */
  holdUntil: Ms;
  /** When the shell was told to tick. */
  dueAt: Ms;
  /** The goodbye ends; Infinity: not leaving. */
  leaveAt: Ms;
  isGone: boolean;
  readonly counters: Counters;
};

/** One step: the state it changes and the effects it gathers. */
export type Turn = { readonly state: Swim; readonly now: Ms; readonly effects: SwimEffect[] };

/** The record of this node itself. */
export function selfOf(state: Swim): Member {
  const member = state.members.get(state.self);
  assert(member !== undefined, "a node knows itself");
  return member;
}

/** Members that run, this node included: the N of every formula. */
export function runningCount(state: Swim): number {
  return state.members.size - state.dead.size;
}

export function isLeaving(state: Swim): boolean {
  return state.leaveAt !== Number.POSITIVE_INFINITY;
}

/** The number of the next question; wraps at 2^32. */
export function nextSeq(state: Swim): number {
  state.seq = state.seq === 0xffff_ffff ? 0 : state.seq + 1;
  return state.seq;
}

/** Up to `count` members drawn at random that `fits`; may find fewer in a table full of others. */
export function drawMembers(state: Swim, count: number, fits: (member: Member) => boolean): Member[] {
  const { order, members, prng } = state;
  const drawn: Member[] = [];
  if (order.length === 0) return drawn;
  // Small pools are drawn without luck; large ones by tries, as a scan would cost N each time.
  const isSmall = order.length <= 16;
  const offset = nextBelow(prng, order.length);
  const triesMax = isSmall ? order.length : 4 * count + 8;
  const stride = isSmall ? strideOf(prng, order.length) : 0;
  for (let tries = 0; tries < triesMax && drawn.length < count; tries++) {
    const at = isSmall ? (offset + tries * stride) % order.length : nextBelow(prng, order.length);
    const member = members.get(order[at] ?? "");
    if (member !== undefined && member.id !== state.self && fits(member) && !drawn.includes(member)) drawn.push(member);
  }
  return drawn;
}

/** A step through 0..length-1 that visits each once. */
function strideOf(prng: Prng, length: number): number {
  for (;;) {
    const stride = 1 + nextBelow(prng, Math.max(1, length - 1));
    if (greatestDivisor(stride, length) === 1) return stride;
  }
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b);
}

/**
 * Lifeguard's local health multiplier: evidence against this node's own speed (a missed nack, a refutation, a
 * stall) raises it, an answered probe lowers it. In: change. Stays within 0..8.
 */
export function adjustHealth(turn: Turn, change: number): void {
  const { state, effects } = turn;
  const score = Math.min(HEALTH_SCORE_MAX, Math.max(0, state.score + change));
  if (score === state.score) return;
  state.score = score;
  effects.push({ kind: "health", score });
}
