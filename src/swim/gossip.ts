// Dissemination: which statements ride on which datagram, and how often. A rumour is told a bounded number of
// times, the least told first, within the datagram's budget. Source: SWIM section 4.1; memberlist queue.go.

import { assert } from "../base/assert.ts";
import { UPDATES_MAX } from "./config.ts";
import { type Address, isRunning, type Member, type NodeId, type Update } from "./member.ts";
import type { Datagram } from "./messages.ts";
import { sizeOf, updateBytes } from "./size.ts";
import { drawMembers, type Rumours, runningCount, type Swim, type Turn } from "./state.ts";
import { retransmitLimit } from "./suspicion.ts";

/** Stop looking for a smaller rumour after so many that did not fit. */
const MISFITS_MAX = 4;

export function createRumours(): Rumours {
  return { tellings: new Map(), levels: [] };
}

/** What is said of a member now. Accusations leave the payload out, to be small when there are many. */
export function statementOf(state: Swim, member: Member): Update {
  const { id, address, role, incarnation, status } = member;
  const by = status === "suspect" ? [...(state.suspicions.get(id)?.accusers ?? [])] : [];
  return { id, address, role, incarnation, status, by, payload: status === "alive" ? member.payload : null };
}

/** A member's statement is news: it will be told from the first time again. */
export function spread(state: Swim, id: NodeId): void {
  const { tellings, levels } = state.rumours;
  drop(state, id);
  if (tellings.size >= state.config.limits.rumoursMax) dropMostTold(state);
  tellings.set(id, 0);
  levelAt(levels, 0).add(id);
}

/** Nothing more is told of that id. */
export function drop(state: Swim, id: NodeId): void {
  const { tellings, levels } = state.rumours;
  const told = tellings.get(id);
  if (told === undefined) return;
  tellings.delete(id);
  levels[told]?.delete(id);
}

export function hasRumours(state: Swim): boolean {
  return state.rumours.tellings.size > 0;
}

/** Adds what fits to a datagram and sends it. `first`: statements about these nodes ride along before any rumour. */
export function sendDatagram(
  turn: Turn,
  to: { readonly id: NodeId | null; readonly address: Address },
  bare: Datagram,
  first: readonly NodeId[] = [],
): void {
  const { state, effects } = turn;
  const bytesBare = sizeOf(bare);
  const { datagramBytesMax } = state.config;
  const { updates, bytes: bytesUpdates } = fill(state, datagramBytesMax - bytesBare, first);
  if (bare.kind === "gossip" && updates.length === 0) return;
  const bytes = bytesBare + bytesUpdates;
  assert(bytes <= datagramBytesMax, "a datagram keeps its budget");
  state.counters.datagrams++;
  state.counters.datagramBytes += bytes;
  effects.push({ kind: "send", to: to.id, address: to.address, message: { ...bare, updates }, bytes });
}

/** Tells waiting rumours to a few random members. */
export function tickGossip(turn: Turn): void {
  const { state, now } = turn;
  if (!hasRumours(state) || now < state.gossipAt) return;
  state.gossipAt = now + state.config.gossipMs;
  for (const member of drawMembers(state, state.config.gossipNodes, isRunning)) {
    sendDatagram(turn, member, { kind: "gossip", label: state.config.label, updates: [] });
  }
  // Alone there is nobody to tell, and nothing is worth keeping.
  if (runningCount(state) <= 1) for (const id of [...state.rumours.tellings.keys()]) drop(state, id);
}

/** Statements for `bytesFree` bytes: those asked for first, then rumours, the least told first. */
export function fill(
  state: Swim,
  bytesFree: number,
  first: readonly NodeId[],
): { readonly updates: Update[]; readonly bytes: number } {
  const updates: Update[] = [];
  let bytes = 0;
  for (const id of first) {
    const member = state.members.get(id);
    if (member === undefined || updates.length >= UPDATES_MAX || updates.some((update) => update.id === id)) continue;
    const update = statementOf(state, member);
    const size = updateBytes(update);
    if (bytes + size > bytesFree) continue;
    updates.push(update);
    bytes += size;
  }
  if (state.rumours.tellings.size > 0) bytes = fillRumours(state, updates, bytes, bytesFree);
  return { updates, bytes };
}

function fillRumours(state: Swim, updates: Update[], bytesBefore: number, bytesFree: number): number {
  const { levels } = state.rumours;
  const told: NodeId[] = [];
  let bytes = bytesBefore;
  let misfits = 0;
  for (const level of levels) {
    for (const id of level) {
      const member = state.members.get(id);
      assert(member !== undefined, "a rumour is about a member");
      if (updates.some((update) => update.id === id)) continue;
      const update = statementOf(state, member);
      const size = updateBytes(update);
      if (bytes + size > bytesFree || updates.length >= UPDATES_MAX) {
        if (++misfits >= MISFITS_MAX) break;
        continue;
      }
      updates.push(update);
      told.push(id);
      bytes += size;
    }
    if (misfits >= MISFITS_MAX) break;
  }
  countTold(state, told);
  return bytes;
}

/** One more telling each; who reached the limit is told no more. */
function countTold(state: Swim, ids: readonly NodeId[]): void {
  const { tellings, levels } = state.rumours;
  const limit = retransmitLimit(state.config.retransmitMult, runningCount(state));
  for (const id of ids) {
    const told = tellings.get(id) ?? 0;
    levels[told]?.delete(id);
    if (told + 1 >= limit) {
      tellings.delete(id);
      continue;
    }
    tellings.set(id, told + 1);
    levelAt(levels, told + 1).add(id);
  }
}

function dropMostTold(state: Swim): void {
  for (let at = state.rumours.levels.length - 1; at >= 0; at--) {
    for (const id of state.rumours.levels[at] ?? []) return drop(state, id);
  }
}

function levelAt(levels: Set<NodeId>[], at: number): Set<NodeId> {
  while (levels.length <= at) levels.push(new Set());
  const level = levels[at];
  assert(level !== undefined, "the level was made");
  return level;
}
